"""The files of backups, fetched and brought."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accesscontrol.api import bodies, downloads
from accesscontrol.api.bodies import FORM_BYTES, Brought
from accesscontrol.api.content import JsonRenderer, answer
from accesscontrol.api.described import describes
from accesscontrol.errors import Conflict, NotFound, RangeNotSatisfiable, TooLarge
from audit.api.terms import once_of
from backups import access, describing, services, uploads
from backups.api.view import BackupsView
from backups.catalogue import Found
from backups.errors import BackupInvalid
from backups.manifest import MAX_BYTES

BLOCK_BYTES: Final = 1 << 20
BINARY: Final = "application/octet-stream"
MEDIA_TYPES: Final = {BINARY: "", "application/gzip": "", "application/sql": ""}


class FileRenderer(JsonRenderer):
    """Says that answers are files."""

    media_type = BINARY
    format = "file"


class FileView(BackupsView):
    """The file of a backup, or its manifest."""

    operations = {"GET": "DOWNLOAD_BACKUP", "HEAD": "DOWNLOAD_BACKUP"}
    renderer_classes: tuple[type[BaseRenderer], ...] = (FileRenderer,)
    is_manifest = False

    @describes(
        headers=downloads.HEADERS,
        answers={200: {}, 206: {}, 304: None},
        sends=downloads.SENT,
        refuses=(NotFound, BackupInvalid, RangeNotSatisfiable),
        media_type=BINARY,
    )
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Download a backup, or its manifest, by which another server of ours knows it, or a part of it: audited."""
        download = services.open_download(actor=self.actor, backup_file=name, manifest_only=self.is_manifest)
        return downloads.sent(request, download, BINARY)  # gzip would have proxies unpack it


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
        body={"type": "string", "format": "binary"},
        takes=BINARY,
        headers=("Idempotency-Key",),
        answers={201: Found},
        sends={201: ("Location",)},
        refuses=(BackupInvalid, Conflict),
    )
    def post(self, request: Request) -> HttpResponse:
        """Bring a backup: a dump as the body, or in a form as `file` with the `manifest` that we signed.

        What comes without a manifest is foreign: somebody must answer for it before it is restored.
        """
        access.require_files(self.actor)
        brought = bodies.brought(request._request, MEDIA_TYPES, self._most_of_file)  # noqa: SLF001 - unread
        manifest_data = _manifest(brought)
        once = once_of(
            request, self.actor, None if manifest_data is None else sha256(manifest_data).hexdigest()
        )
        kept = uploads.add_upload(
            actor=self.actor, source=_blocks(brought), manifest_data=manifest_data, once=once
        )
        told = describing.describe_backup(actor=self.actor, backup_file=kept.file)
        address = request.build_absolute_uri(reverse("api:backup", args=[kept.file]))
        return answer(told.found, 201, {"Location": address})


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
