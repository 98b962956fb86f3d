"""ETags, and the conditions of requests that name them (RFC 9110, section 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.http import HttpRequest

from accesscontrol.errors import InvalidInput

PACKED = "-gzip"
"""The end of the ETag of a packed answer: another representation than the plain one, of the same thing."""

_TAGS = re.compile(r'\s*(?:(?:W/)?"[^"\x00-\x20\x7f]*"\s*(?:,\s*|$))+')
_TAG = re.compile(r'(W/)?"([^"]*)"')


def tags(name: str, header: str) -> Iterator[tuple[bool, str]]:
    """This function will return the ETags of a header: whether each is weak, and its text, plain or packed.

    :raises InvalidInput: the header is no list of ETags
    """
    if not _TAGS.fullmatch(header):
        raise InvalidInput(f'{name} must be a list of ETags, such as "5d41402abc", or *.', header=name)
    return ((weak != "", tag) for weak, tag in _TAG.findall(header))


def known(request: HttpRequest, etag: str) -> str | None:
    """This function will return by what ETag who asks has a thing already: If-None-Match names it; None else.

    :raises InvalidInput: the header is no list of ETags
    """
    header = request.META.get("HTTP_IF_NONE_MATCH")
    if header is None:
        return None
    if header.strip() == "*":
        return etag
    mine = etag.strip('"')
    return next((f'"{tag}"' for _, tag in tags("If-None-Match", header) if plain(tag) == mine), None)


def plain(tag: str) -> str:
    """This function will return the text of the ETag that a thing has when it is not packed."""
    return tag.removesuffix(PACKED)
