"""Answers that are sent as they come: packed where the caller unpacks, and ended where nobody listens any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from django.http import HttpRequest, StreamingHttpResponse

from accesscontrol.api.packing import packed, takes_gzip


class Blocks(Protocol):
    """What an answer is made of, block by block; `close` ends what makes them."""

    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Streamed(StreamingHttpResponse):
    """An answer that closes its source, however far it was read."""

    def __init__(self, request: HttpRequest, source: Blocks, content_type: str, file_name: str) -> None:
        self._source = source
        packs = takes_gzip(request)
        headers = {"Vary": "Accept-Encoding", "Content-Disposition": f'attachment; filename="{file_name}"'}
        if packs:
            headers["Content-Encoding"] = "gzip"
        super().__init__(packed(source) if packs else source, content_type=content_type, headers=headers)

    def close(self) -> None:
        """End what makes the blocks, first."""
        self._source.close()
        super().close()
