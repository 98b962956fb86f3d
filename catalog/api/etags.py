"""ETags of records, and the conditions of requests on them (RFC 9110, section 13)."""

from __future__ import annotations

import re

from django.http import HttpRequest

from accesscontrol.errors import InvalidInput
from catalog.services.revisions import revision_of

_TAGS = re.compile(r'\s*(?:(?:W/)?"[^"\x00-\x20\x7f]*"\s*(?:,\s*|$))+')
_TAG = re.compile(r'(W/)?"([^"]*)"')


def etag_of(text: str) -> str:
    """This function will return the ETag of a record, from its JSON text with all columns that one may see."""
    return f'"{revision_of(text)}"'


def expected(request: HttpRequest) -> list[str] | None:
    """This function will return the revisions of which one must be the record's; None without If-Match, or for `*`.

    A weak tag is none of them: it promises less than a write needs.

    :raises InvalidInput: the header is no list of ETags
    """
    header = request.META.get("HTTP_IF_MATCH")
    if header is None or header.strip() == "*":
        return None
    return [tag for weak, tag in _read("If-Match", header) if not weak]


def is_known(request: HttpRequest, etag: str) -> bool:
    """This function will say whether who asks has this representation already: If-None-Match names it.

    :raises InvalidInput: the header is no list of ETags
    """
    header = request.META.get("HTTP_IF_NONE_MATCH")
    if header is None:
        return False
    return header.strip() == "*" or etag in {f'"{tag}"' for _, tag in _read("If-None-Match", header)}


def _read(name: str, header: str) -> list[tuple[str, str]]:
    if not _TAGS.fullmatch(header):
        raise InvalidInput(f'{name} must be a list of ETags, such as "5d41402abc", or *.', header=name)
    return _TAG.findall(header)
