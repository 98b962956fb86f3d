"""The backups there are, and new ones: what takes long is done by a job (202)."""

from __future__ import annotations

from typing import Literal

from django.http import HttpResponse
from django.utils import timezone
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.parameters import Flag, Parameters, Whole, given_in
from accesscontrol.arguments import Arguments
from accesscontrol.errors import ConfirmationRequired, Conflict, InvalidInput, NotFound
from accesscontrol.policy import Operation, Right
from audit.api.terms import once_of, plan_token_of
from backups import deletion, describing, services, starting, watching
from backups.api.shown import BackupShown, shown
from backups.api.view import BackupsView
from backups.deletion import Deleted
from backups.errors import BackupInvalid, DependentBackups
from backups.services import Listing
from jobs.api.shown import STARTED, JobShown, started


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
        "both", description="The rows, the structure (of one table), or both."
    )
    compress: bool = Field(True, description="gzip the file.")


class ListView(BackupsView):
    """The backups there are."""

    operations = {"GET": "LIST_BACKUPS", "HEAD": "LIST_BACKUPS", "POST": "BACKUP_FULL"}
    rights = {"GET": Right.MANAGE_BACKUPS, "POST": Operation.BACKUP}

    @describes(query=ListParameters, answers={200: Listing})
    def get(self, request: Request) -> HttpResponse:
        """List the backups there are: of what, from when, how large, and whether each was proven by restoring it."""
        asked = ListParameters.read(given_in(request.GET))
        return answer(services.list_backups(actor=self.actor, **dict(asked)))

    @describes(
        headers=("Idempotency-Key",),
        body=NewBackup,
        answers={202: JobShown},
        sends={202: STARTED},
        refuses=(Conflict,),
    )
    def post(self, request: Request) -> HttpResponse:
        """Back up all tables, what changed in them, or one: as of one moment, and nobody is kept from working."""
        asked = NewBackup.read(request.data)
        if asked.incremental:
            self.about(operation="BACKUP_INCREMENTAL")
        elif asked.table is not None:
            self.about(operation="BACKUP_TABLE", table=asked.table)
        once = once_of(request, self.actor, request.data)
        if asked.incremental:
            if asked.table is not None or asked.content != "both":
                raise InvalidInput("An incremental backup is of all tables.", argument="incremental")
            job = starting.back_up_changes(
                actor=self.actor, base_backup=asked.base_backup, compress=asked.compress, once=once
            )
        elif asked.base_backup is not None:
            raise InvalidInput("base_backup is for an incremental backup.", argument="base_backup")
        elif asked.table is not None:
            job = starting.back_up_table(
                actor=self.actor,
                table=asked.table,
                content=asked.content,
                compress=asked.compress,
                once=once,
            )
        elif asked.content != "schema":
            job = starting.back_up_all(
                actor=self.actor,
                include_schema=asked.content == "both",
                compress=asked.compress,
                once=once,
            )
        else:
            raise InvalidInput("The structure alone is of one table.", argument="content")
        return started(request, self.actor, job)


class DeleteParameters(Parameters):
    """What the address of a backup that is to go takes."""

    chain: Flag = Field(
        False, description="true: what builds on it goes too; without it, that can't be restored."
    )


class BackupView(BackupsView):
    """One backup."""

    operations = {"GET": "LIST_BACKUPS", "HEAD": "LIST_BACKUPS", "DELETE": "DELETE_BACKUP"}

    @describes(answers={200: BackupShown}, refuses=(NotFound, BackupInvalid))
    def get(self, request: Request, name: str) -> HttpResponse:
        """Read all that is known of a backup: what it holds, and what those found who looked at it."""
        return answer(shown(describing.describe_backup(actor=self.actor, backup_file=name)))

    @describes(
        query=DeleteParameters,
        headers=("Plan-Token", "Idempotency-Key"),
        answers={200: Deleted},
        refuses=(NotFound, ConfirmationRequired, DependentBackups),
    )
    def delete(self, request: Request, name: str) -> HttpResponse:
        """Delete a backup for good: first you get a plan (409), and with its token as Plan-Token it is deleted."""
        asked = DeleteParameters.read(given_in(request.GET))
        gone = deletion.delete_backup(
            actor=self.actor,
            backup_file=name,
            chain=asked.chain,
            plan_token=plan_token_of(request),
            once=once_of(request, self.actor, {"chain": asked.chain}),
        )
        watching.watch(timezone.now())
        return answer(gone)
