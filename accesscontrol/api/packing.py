"""Answers packed with gzip: what a read answers, where it is large enough to pay and whoever asks unpacks.

Size tells of what is packed together (BREACH): of a secret, where whoever listens also chooses a part of the text. So
what shows a secret, which is the answer to a POST, is never packed; nor is a refusal, which repeats what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import HttpRequest
from isal import isal_zlib

from accesscontrol.api.conditions import PACKED

LEAST_BYTES: Final = 1_400  # less goes in one packet anyway
LEVEL: Final = 1  # faster than a network
_GZIP: Final = 31  # the window of 32 kB, with gzip's head and tail
_CODING: Final = re.compile(r"\s*(gzip|\*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", re.IGNORECASE)


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


def pack(request: HttpRequest, answer: Any) -> None:
    """This function will pack the answer to a read, where that pays, and say what it depends on."""
    if answer.streaming or answer.status_code not in {200, 304}:
        return
    answer["Vary"] = f"{answer['Vary']}, Accept-Encoding" if "Vary" in answer else "Accept-Encoding"
    if len(answer.content) >= LEAST_BYTES and takes_gzip(request):
        answer.content = b"".join(packed([answer.content]))
        answer["Content-Encoding"] = "gzip"
        answer["Content-Length"] = str(len(answer.content))
        if "ETag" in answer:
            answer["ETag"] = f'{answer["ETag"][:-1]}{PACKED}"'
