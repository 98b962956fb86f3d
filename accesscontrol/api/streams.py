"""Answers that are sent as they come: packed where the caller unpacks, and ended where nobody listens any more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from django.http import HttpRequest, StreamingHttpResponse
from isal import isal_zlib

LEVEL: Final = 1  # faster than a network
_GZIP: Final = 31  # the window of 32 kB, with gzip's head and tail
_CODING: Final = re.compile(r"\s*(gzip|\*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", re.IGNORECASE)


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


def takes_gzip(request: HttpRequest) -> bool:
    """This function will say whether who asks unpacks gzip (RFC 9110, section 12.5.3)."""
    weights: dict[str, float] = {}
    for part in request.META.get("HTTP_ACCEPT_ENCODING", "").split(","):
        if found := _CODING.fullmatch(part):
            weights[found[1].lower()] = float(found[2] or 1)
    return weights.get("gzip", weights.get("*", 0)) > 0


def packed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """This function will return blocks as one gzip member."""
    packer: Any = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _GZIP)
    for block in blocks:
        if part := packer.compress(block):
            yield part
    yield packer.flush()
