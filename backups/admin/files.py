"""The pages that hand files out and take them in: downloads, uploads, and who answers for what came from outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accesscontrol.errors import InvalidInput, LimitExceeded
from accesscontrol.uploads import take_files
from accesscontrol.web import actor_of
from backups import access, describing, services, uploads
from backups.admin.frame import Frame, View, page, url
from backups.manifest import MAX_BYTES

FORM_BYTES: Final = 1 << 20  # what an upload has beside its file


class Files(Frame):
    """Fetching backups, bringing them, and trusting them."""

    @page("DOWNLOAD_BACKUP", "GET")
    def download(self, request: HttpRequest, *, backup_file: str) -> HttpResponseBase:
        """Send a backup's file."""
        return _file(services.open_download(actor=actor_of(request), backup_file=backup_file))

    @page("DOWNLOAD_BACKUP", "GET")
    def download_manifest(self, request: HttpRequest, *, backup_file: str) -> HttpResponseBase:
        """Send a backup's manifest, with which another server of ours knows it."""
        return _file(
            services.open_download(actor=actor_of(request), backup_file=backup_file, manifest_only=True)
        )

    @csrf_exempt  # which reads the whole of what comes: first see from whom, and how much; then _receive asks for it
    @page("UPLOAD_BACKUP", "POST")
    def upload(self, request: HttpRequest) -> HttpResponseBase:
        """Take a file that somebody brings."""
        access.require_files(actor_of(request))
        most = settings.BACKUP_MAX_UPLOAD_MB
        if int(request.META.get("CONTENT_LENGTH") or 0) > (most << 20) + MAX_BYTES + FORM_BYTES:
            raise LimitExceeded(f"The file is larger than {most} MB.", limit=most)
        take_files(request)
        receive: View = csrf_protect(self._receive)
        return receive(request)

    def _receive(self, request: HttpRequest) -> HttpResponse:
        file, manifest_file = request.FILES.get("file"), request.FILES.get("manifest")
        if file is None:
            raise InvalidInput("Choose a file to upload.", argument="file")
        if manifest_file is not None and (manifest_file.size or 0) > MAX_BYTES:
            raise LimitExceeded("The manifest is larger than any of ours.", limit=MAX_BYTES)
        blocks: Iterable[bytes] = file.chunks()
        brought = uploads.add_upload(
            actor=actor_of(request),
            source=blocks,
            manifest_data=manifest_file.read() if manifest_file else None,
        )
        told = _("Kept as %(file)s. Check it before you rely on it.") % {"file": brought.file}
        messages.success(request, told)
        return HttpResponseRedirect(url("one", brought.file))

    @page("TRUST_BACKUP", "POST")
    def trust(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Note that somebody answers for a foreign file, by its sha256."""
        actor, typed = actor_of(request), request.POST.get("sha256", "").strip().lower()
        if not describing.describe_backup(actor=actor, backup_file=backup_file).looks:
            raise InvalidInput("Nobody has checked this file yet.", hint="Check it first, then trust it.")
        uploads.trust(actor=actor, backup_file=backup_file, sha256=typed)
        messages.success(request, _("The file is trusted: it can be restored."))
        return HttpResponseRedirect(url("one", backup_file))


def _file(download: services.Download) -> FileResponse:
    """A file, block by block."""
    answer = FileResponse(
        download.file,
        as_attachment=True,
        filename=download.name,
        content_type="application/octet-stream",  # gzip would have proxies and browsers unpack it
    )
    answer["Content-Length"] = str(download.size_bytes)
    return answer
