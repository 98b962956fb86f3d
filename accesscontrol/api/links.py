"""The header Link (RFC 8288): the addresses of the pages around one."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote_plus

from django.http import HttpRequest
from django.utils.encoding import iri_to_uri


def header(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """This function will return the header of (relation, address) pairs."""
    return {"Link": ", ".join(f'<{address}>; rel="{relation}"' for relation, address in links)}


def of_page(request: HttpRequest, next_cursor: str | None) -> dict[str, str]:
    """This function will return the header of a page that is read by cursors: the first page, and the next."""
    links = [("first", elsewhere(request, cursor=None, offset=None))]
    if next_cursor is not None:
        links.append(("next", elsewhere(request, cursor=next_cursor, offset=None)))
    return header(links)


def elsewhere(request: HttpRequest, **changed: str | None) -> str:
    """This function will return the address of a request with other parameters; None leaves one out."""
    given = request.META["QUERY_STRING"].split("&")
    query = [part for part in given if part and unquote_plus(part.partition("=")[0]) not in changed]
    query += [f"{name}={quote(value, safe=':')}" for name, value in changed.items() if value is not None]
    here = request.build_absolute_uri(request.path)
    return f"{here}?{iri_to_uri('&'.join(query))}" if query else here
