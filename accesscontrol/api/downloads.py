"""Files that are fetched: whole, or from where a broken download ended (RFC 9110, section 14)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO, Final, Protocol

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

from accesscontrol.api import conditions
from accesscontrol.api.content import answer
from accesscontrol.errors import RangeNotSatisfiable, Refused

HEADERS: Final = ("Range", "If-Range", "If-None-Match")
"""The headers that requests for a file are read for."""

SENT: Final = {
    200: ("ETag", "Accept-Ranges", "Content-Disposition"),
    206: ("ETag", "Accept-Ranges", "Content-Disposition", "Content-Range"),
    304: ("ETag", "Accept-Ranges"),
}
"""The headers of answers that are files."""

BLOCK_BYTES: Final = 1 << 16
_RANGE: Final = re.compile(
    r"\s*bytes\s*=\s*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))\s*", re.IGNORECASE
)


class Download(Protocol):
    """A file that is open for reading."""

    @property
    def file(self) -> BinaryIO: ...
    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...


def sent(
    request: HttpRequest, download: Download, media_type: str, headers: Mapping[str, str] | None = None
) -> HttpResponseBase:
    """This function will send a file, or the one part of it that is asked for. Of several parts it sends the whole.

    :raises RangeNotSatisfiable: the file ends before the part begins
    :raises InvalidInput: If-None-Match is no list of ETags
    """
    etag, file = _etag(download), download.file
    common = {"ETag": etag, "Accept-Ranges": "bytes", **(headers or {})}
    try:
        if has := conditions.known(request, etag):
            file.close()
            return answer(None, 304, {**common, "ETag": has})
        part = _part(request, etag, download.size_bytes)
    except Refused:
        file.close()
        raise
    if request.method == "HEAD":
        file.close()
        file = BytesIO()
    file.seek(part.start if part else 0)
    size = len(part) if part else download.size_bytes
    response = FileResponse(
        _Part(file, size) if part else file,
        status=206 if part else 200,
        as_attachment=True,
        filename=download.name,
        content_type=media_type,
        headers=common,
    )
    response.block_size = BLOCK_BYTES
    response["Content-Length"] = str(size)
    if part:
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{download.size_bytes}"
    return response


class _Part:
    """The bytes of a file that come next, as a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.close = file.close
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        """This function will return some of them, b"" at their end."""
        block = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block


def _part(request: HttpRequest, etag: str, size: int) -> range | None:
    """The bytes that a request wants; None for the whole, and for what is no range that we know."""
    found = _RANGE.fullmatch(request.META.get("HTTP_RANGE", "")) if request.method == "GET" else None
    if found is None or request.META.get("HTTP_IF_RANGE", etag).strip() != etag:
        return None
    first, last, at_end = found.groups()
    if at_end:
        part = range(max(0, size - int(at_end)), size)
    elif last and int(last) < int(first):
        return None
    else:
        part = range(int(first), min(int(last) + 1, size) if last else size)
    if not part:
        raise RangeNotSatisfiable(f"The file has {size:,} bytes.", size_bytes=size)
    return part


def _etag(download: Download) -> str:
    """When the file was written, which is done once, and its size."""
    written: int = os.fstat(download.file.fileno()).st_mtime_ns
    return f'"{written:x}-{download.size_bytes:x}"'
