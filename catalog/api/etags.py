"""ETags of records, and the conditions of requests that write them (RFC 9110, section 13)."""

from __future__ import annotations

from django.http import HttpRequest

from accesscontrol.api import conditions
from catalog.services.revisions import revision_of


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
    return [conditions.plain(tag) for weak, tag in conditions.tags("If-Match", header) if not weak]
