"""The backups there are, and what can be done with one. What takes long is done by a job: 202."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

from django.conf import settings
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from pydantic import Field
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api import bodies
from accesscontrol.api.bodies import FORM_BYTES, Brought
from accesscontrol.api.content import JsonRenderer, answer
from accesscontrol.api.described import describes
from accesscontrol.api.parameters import Flag, Parameters, Whole, given_in
from accesscontrol.api.preferences import Preferences
from accesscontrol.api.view import ServiceView
from accesscontrol.arguments import Arguments
from accesscontrol.errors import (
    ConfirmationRequired,
    Conflict,
    InvalidInput,
    NotFound,
    TooLarge,
    UnsupportedContent,
)
from accesscontrol.policy import Planned, Right
from audit.api.terms import plan_token_of
from backups import access, describing, restoring, services, starting, uploads, watching
from backups.api.shown import BackupShown, shown
from backups.catalogue import Found
from backups.errors import BackupInvalid, DependentBackups
from backups.manifest import MAX_BYTES
from backups.services import Deleted, Listing
from jobs.api.shown import JobShown, started

BLOCK_BYTES: Final = 1 << 20
BINARY: Final = "application/octet-stream"
MEDIA_TYPES: Final = {BINARY: "", "application/gzip": "", "application/sql": ""}


class FileRenderer(JsonRenderer):
    """Says that answers are files."""

    media_type = BINARY
    format = "file"


class BackupsView(ServiceView):
    """A view of backups, for who manages them."""

    tag = "backups"

    def is_for(self, actor: Actor, method: str) -> bool:
        """This function will say whether the actor manages backups."""
        return policy.holds(actor, Right.MANAGE_BACKUPS).allowed

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of a backup's name."""
        return {"type": "string", "pattern": r"^[a-z0-9_]+\.sql(\.gz)?$", "maxLength": 120}


class ListParameters(Parameters):
    """What the address of the backups takes."""

    type: Literal["full", "incremental", "table", "foreign"] | None = Field(
        None,
        description="incremental: what changed since another."
        " foreign: files that others brought, without a manifest of ours.",
    )
    sort_by: Literal["date", "size"] = Field("date", description="Newest or largest first.")
    limit: Whole = Field(100, ge=1, le=services.MAX_LISTED, description="Most backups to return.")


class NewBackup(Arguments):
    """What is to be backed up."""

    table: str | None = Field(None, max_length=63, description="One table alone. Default: all of them.")
    incremental: bool = Field(
        False,
        description="true: only what changed since another backup, in all tables; small, and made in seconds.",
    )
    base_backup: str | None = Field(
        None, max_length=120, description="That other backup, full or incremental. Default: the last one."
    )
    content: Literal["both", "data", "schema"] = Field(
        "both", description="Of one table: its rows, its structure, or both."
    )


class ListView(BackupsView):
    """The backups there are."""

    operations = {"GET": "LIST_BACKUPS", "HEAD": "LIST_BACKUPS", "POST": "BACKUP_FULL"}
    _table_name: str | None = None
    _is_incremental = False

    @property
    def operation(self) -> str:
        """What the request does, as the trail names it."""
        if self._is_incremental:
            return "BACKUP_INCREMENTAL"
        return "BACKUP_TABLE" if self._table_name else super().operation

    @property
    def table_name(self) -> str | None:
        """The table that the request is about, for the trail."""
        return self._table_name

    @describes(query=ListParameters, answers={200: Listing})
    def get(self, request: Request) -> HttpResponse:
        """List the backups there are: of what, from when, how large, and whether each was proven by restoring it."""
        asked = ListParameters.read(given_in(request.GET))
        return answer(services.list_backups(actor=self.actor, **dict(asked)))

    @describes(
        query=Parameters, body=NewBackup, answers={202: JobShown}, refuses=(TooLarge, UnsupportedContent)
    )
    def post(self, request: Request) -> HttpResponse:
        """Back up all tables, what changed in them, or one: as of one moment, and nobody is kept from working."""
        Parameters.read(given_in(request.GET))
        asked = NewBackup.read(request.data)
        self._table_name = asked.table
        self._is_incremental = asked.incremental
        if asked.incremental:
            if asked.table is not None or asked.content != "both":
                raise InvalidInput("An incremental backup is of all tables.", argument="incremental")
            job = starting.back_up_changes(actor=self.actor, base_backup=asked.base_backup)
        elif asked.base_backup is not None:
            raise InvalidInput("base_backup is for an incremental backup.", argument="base_backup")
        elif asked.table is not None:
            job = starting.back_up_table(actor=self.actor, table=asked.table, content=asked.content)
        elif asked.content == "both":
            job = starting.back_up_all(actor=self.actor)
        else:
            raise InvalidInput("content is for the backup of one table.", argument="content")
        return started(request, self.actor, job)


class DeleteParameters(Parameters):
    """What the address of a backup that is to go takes."""

    chain: Flag = Field(
        False, description="true: what builds on it goes too; without it, that can't be restored."
    )


class BackupView(BackupsView):
    """One backup."""

    operations = {"GET": "LIST_BACKUPS", "HEAD": "LIST_BACKUPS", "DELETE": "DELETE_BACKUP"}

    @describes(query=Parameters, answers={200: BackupShown}, refuses=(NotFound, BackupInvalid))
    def get(self, request: Request, name: str) -> HttpResponse:
        """Read all that is known of a backup: what it holds, and what those found who looked at it."""
        Parameters.read(given_in(request.GET))
        return answer(shown(describing.describe_backup(actor=self.actor, backup_file=name)))

    @describes(
        query=DeleteParameters,
        headers=("Plan-Token",),
        answers={200: Deleted},
        refuses=(NotFound, ConfirmationRequired, DependentBackups),
    )
    def delete(self, request: Request, name: str) -> HttpResponse:
        """Delete a backup for good: first you get a plan (409), and with its token as Plan-Token it is deleted."""
        asked = DeleteParameters.read(given_in(request.GET))
        gone = services.delete_backup(
            actor=self.actor, backup_file=name, chain=asked.chain, plan_token=plan_token_of(request)
        )
        watching.watch(timezone.now())
        return answer(gone)


class FileView(BackupsView):
    """The file of a backup, or its manifest."""

    operations = {"GET": "DOWNLOAD_BACKUP"}
    http_method_names = ["get"]
    renderer_classes: tuple[type[BaseRenderer], ...] = (FileRenderer,)
    is_manifest = False

    @describes(query=Parameters, answers={200: {}}, refuses=(NotFound, BackupInvalid), media_type=BINARY)
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Download a backup, or its manifest, by which another server of ours knows it: audited."""
        Parameters.read(given_in(request.GET))
        download = services.open_download(actor=self.actor, backup_file=name, manifest_only=self.is_manifest)
        sent = FileResponse(
            download.file,
            as_attachment=True,
            filename=download.name,
            content_type=BINARY,  # gzip would have proxies unpack it
        )
        sent["Content-Length"] = str(download.size_bytes)
        return sent


class Look(Arguments):
    """How closely a backup is looked at."""

    deep: bool = Field(
        False,
        description="true: restore it into a database of its own, and compare every count and checksum.",
    )


class ValidateView(BackupsView):
    """A look at a backup."""

    operations = {"POST": "VALIDATE_BACKUP"}

    @describes(
        query=Parameters, body=Look, answers={202: JobShown}, refuses=(NotFound, TooLarge, UnsupportedContent)
    )
    def post(self, request: Request, name: str) -> HttpResponse:
        """Check a backup: its signature, checksum, format and structure; with `deep` by restoring it aside."""
        Parameters.read(given_in(request.GET))
        asked = Look.read(request.data)
        return started(
            request, self.actor, starting.validate(actor=self.actor, backup_file=name, deep=asked.deep)
        )


class Restore(Arguments):
    """What of a backup is restored, and what becomes of what is there."""

    table: str | None = Field(
        None, max_length=63, description="One table alone, merged. Default: all of them."
    )
    drop_existing: bool = Field(
        False,
        description="true: every table becomes what the backup holds, and what was done since is gone."
        " false: the backup's records are merged into those that are there.",
    )
    on_conflict: Literal["error", "skip", "overwrite"] = Field(
        "error",
        description="What becomes of a record that is there with other values: stop, keep it, or overwrite it.",
    )


class RestoreView(BackupsView):
    """A restore."""

    operations = {"POST": "RESTORE_FULL"}
    _table_name: str | None = None

    @property
    def operation(self) -> str:
        """What the request does, as the trail names it."""
        return "RESTORE_TABLE" if self._table_name else super().operation

    @property
    def table_name(self) -> str | None:
        """The table that the request is about, for the trail."""
        return self._table_name

    @describes(
        query=Parameters,
        body=Restore,
        headers=("Prefer", "Plan-Token"),
        answers={202: JobShown},
        refuses=(NotFound, BackupInvalid, ConfirmationRequired, TooLarge, UnsupportedContent),
    )
    def post(self, request: Request, name: str) -> HttpResponse:
        """Restore a backup: first you get a plan (409), and with its token as Plan-Token a job restores it.

        With Prefer: dry-run a job says what it would do, and does nothing.
        """
        Parameters.read(given_in(request.GET))
        asked = Restore.read(request.data)
        self._table_name = asked.table
        preferences, token = Preferences.of(request), plan_token_of(request)
        if preferences.dry_run:
            return preferences.tell(self._started(request, name, asked, dry_run=True))
        if token is None and not policy.is_free_of_plans(self.actor, Planned(self.operation)):
            self._ask(name, asked)
        return self._started(request, name, asked, plan_token=token)

    def _started(self, request: Request, name: str, asked: Restore, **agreed: Any) -> HttpResponse:
        start: Any = starting.restore_all if asked.table is None else starting.restore_table
        terms = _terms(asked)
        return started(request, self.actor, start(actor=self.actor, backup_file=name, **terms, **agreed))

    def _ask(self, name: str, asked: Restore) -> None:
        """Answer with the plan.

        :raises ConfirmationRequired: with the plan
        """
        restore: Any = restoring.restore_full if asked.table is None else restoring.restore_table
        restore(actor=self.actor, backup_file=name, asks=True, **_terms(asked))


class UploadView(BackupsView):
    """A file that somebody brings."""

    operations = {"POST": "UPLOAD_BACKUP"}
    takes_files = True

    @property
    def most_bytes(self) -> int:
        """How large a request's body may be."""
        return self._most_of_file + MAX_BYTES + FORM_BYTES

    @property
    def _most_of_file(self) -> int:
        return int(settings.BACKUP_MAX_UPLOAD_MB) << 20

    @describes(
        query=Parameters,
        body={"type": "string", "format": "binary"},
        takes=BINARY,
        answers={201: Found},
        refuses=(BackupInvalid, Conflict, TooLarge, UnsupportedContent),
    )
    def post(self, request: Request) -> HttpResponse:
        """Bring a backup: a dump as the body, or in a form as `file` with the `manifest` that we signed.

        What comes without a manifest is foreign: somebody must answer for it before it is restored.
        """
        Parameters.read(given_in(request.GET))
        access.require_files(self.actor)
        brought = bodies.brought(request._request, MEDIA_TYPES, self._most_of_file)  # noqa: SLF001 - unread
        kept = uploads.add_upload(actor=self.actor, source=_blocks(brought), manifest_data=_manifest(brought))
        told = describing.describe_backup(actor=self.actor, backup_file=kept.file)
        address = request.build_absolute_uri(reverse("api:backup", args=[kept.file]))
        return answer(told.found, 201, {"Location": address})


def _terms(asked: Restore) -> dict[str, Any]:
    if asked.table is None:
        return {"drop_existing": asked.drop_existing, "on_conflict": asked.on_conflict}
    if asked.drop_existing:
        raise InvalidInput("One table is merged: leave drop_existing out.", argument="drop_existing")
    return {"table": asked.table, "on_conflict": asked.on_conflict}


def _blocks(brought: Brought) -> Iterator[bytes]:
    while block := brought.file.read(BLOCK_BYTES):
        yield block


def _manifest(brought: Brought) -> bytes | None:
    if "manifest" not in brought.others:
        return None
    data = brought.others["manifest"].read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise TooLarge("The manifest is larger than any of ours.", maximum_bytes=MAX_BYTES)
    return data
