"""The header Link (RFC 8288): the addresses of the pages around one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote_plus

from django.http import HttpRequest
from django.utils.encoding import iri_to_uri

Changed = Mapping[str, str | None]  # parameters by their names; None leaves one out


def header(request: HttpRequest, links: Iterable[tuple[str, Changed]]) -> dict[str, str]:
    """This function will return the header: for each relation the address of the request with other parameters."""
    here = request.build_absolute_uri(request.path)
    given = [part for part in request.META["QUERY_STRING"].split("&") if part]
    named = [(unquote_plus(part.partition("=")[0]), part) for part in given]
    return {
        "Link": ", ".join(
            f'<{_elsewhere(here, named, other)}>; rel="{relation}"' for relation, other in links
        )
    }


def of_page(request: HttpRequest, next_cursor: str | None) -> dict[str, str]:
    """This function will return the header of a page that is read by cursors: the first page, and the next."""
    links: list[tuple[str, Changed]] = [("first", {"cursor": None, "offset": None})]
    if next_cursor is not None:
        links.append(("next", {"cursor": next_cursor, "offset": None}))
    return header(request, links)


def _elsewhere(here: str, named: Iterable[tuple[str, str]], changed: Changed) -> str:
    query = [part for name, part in named if name not in changed]
    query += [f"{name}={quote(value, safe=':')}" for name, value in changed.items() if value is not None]
    return f"{here}?{iri_to_uri('&'.join(query))}" if query else here
