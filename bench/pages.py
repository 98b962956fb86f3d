"""What is measured of pages: the same page of a large library and of a small one, each served by its own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from bench.cases import middle
from bench.measure import Case, Limit
from bench.scratch import Scratch, database
from bench.web_server import serving
from catalog.models import Scene

SCENES = 1_000_000
SMALL = 1_000  # scenes, and audit rows
MAX_RATIO, MAX_MS = 3, 150
PATIENCE_S = 30
SCENE_PAGES = "/admin/catalog/scene/"


def small_library() -> AbstractContextManager[Scratch]:
    """This function will make the library whose pages are the floor."""
    return database(scenes=SMALL, audit_rows=SMALL, name_ends="_small")


@contextmanager
def paging(scratch: Scratch, small: AbstractContextManager[Scratch]) -> Iterator[list[Case]]:
    """This function will return the cases that open a page of scenes; the floor is that of a small library."""
    here = _addresses(scratch)
    with (
        _reader(scratch) as large,
        small as floor,
        _reader(floor) as beside,
    ):
        there = _addresses(floor)
        yield [
            Case(
                page,
                lambda page=page: large.open(here[page]),  # type: ignore[misc]
                lambda page=page: beside.open(there[page]),  # type: ignore[misc]
                Limit(ratio=MAX_RATIO, total_ms=MAX_MS),
                f"the same of {SMALL:,} scenes",
                seconds=6,
            )
            for page in here
        ]


def _addresses(place: Scratch) -> dict[str, str]:
    scene = middle(place)
    title = Scene.objects.get(pk=scene).title or ""
    return {
        "list of scenes": SCENE_PAGES,
        "search for a title": f"{SCENE_PAGES}?q={quote(title)}",
        "search for a title that is not there": f"{SCENE_PAGES}?q={quote(f'{title} nowhere')}",
        "a scene": f"{SCENE_PAGES}{scene}/change/",
        "history of a scene": f"{SCENE_PAGES}{scene}/history/",
        "search in all tables": f"/admin/search/?q={quote(title)}",
    }


class _Reader:
    """Somebody who is logged in, and opens pages."""

    def __init__(self, server: HTTPConnection, cookie: str) -> None:
        self._server = server
        self._headers = {"Cookie": cookie}

    def open(self, path: str) -> bytes:
        """This function will return a page.

        :raises RuntimeError: it can't be opened
        """
        self._server.request("GET", path, headers=self._headers)
        answer = self._server.getresponse()
        page = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {page[:300]!r}")
        return page


@contextmanager
def _reader(place: Scratch) -> Iterator[_Reader]:
    """Serve a library, which Django is turned to, and log its administrator in."""
    cookie = _cookie(place)
    with (
        serving(place.environment, workers=1) as server,
        closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)) as connection,
    ):
        yield _Reader(connection, cookie)


def _cookie(place: Scratch) -> str:
    user = User.objects.get(pk=place.administrator.pk)
    user.is_staff = user.is_superuser = True
    user.save()
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
