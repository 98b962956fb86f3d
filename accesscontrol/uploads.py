"""Files come only where a page takes them: anywhere else they are not read, let alone kept, whoever sends them."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import (
    FileUploadHandler,
    MemoryFileUploadHandler,
    StopUpload,
    TemporaryFileUploadHandler,
)
from django.http import HttpRequest


class NoFiles(FileUploadHandler):
    """Ends the reading of what was sent where a file begins in it."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Read no further."""
        raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep nothing."""

    def file_complete(self, file_size: int) -> None:
        """Have nothing."""


def take_files(request: HttpRequest) -> None:
    """This function will have the files of a request read: for a page that has seen from whom, and how much, comes."""
    request.upload_handlers = [MemoryFileUploadHandler(request), TemporaryFileUploadHandler(request)]
