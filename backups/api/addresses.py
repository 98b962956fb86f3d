"""The addresses of backups, under /api/v1/."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from backups.api.backups import BackupView, ListView
from backups.api.files import FileView, UploadView
from backups.api.moments import MomentsView
from backups.api.restores import RestoreView, ValidateView


def urls() -> Iterator[URLPattern]:
    """This function will return the addresses."""
    one = "backups/<str:name>/"
    yield path("backups/", ListView.as_view(), name="backups")
    yield path("backups/moments/", MomentsView.as_view(), name="moments")
    yield path("backups/upload/", UploadView.as_view(), name="backup-upload")
    yield path(one, BackupView.as_view(), name="backup")
    yield path(f"{one}file/", FileView.as_view(), name="backup-file")
    yield path(f"{one}manifest/", FileView.as_view(is_manifest=True), name="backup-manifest")
    yield path(f"{one}validate/", ValidateView.as_view(), name="backup-validate")
    yield path(f"{one}restore/", RestoreView.as_view(), name="backup-restore")
