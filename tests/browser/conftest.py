"""A real browser on a real server: Debian's Chromium, driven by Playwright.

A page that breaks its security policy, logs an error, or throws one fails the test that opened it. Without a browser
the tests are skipped and say so; with CI=true in the environment they fail.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Route,
    expect,
    sync_playwright,
)

from tests import databases
from tests.browser import looking
from tests.browser.looking import Known
from tests.renewal import Copy

# Chromium without windows first: a third of the work of a whole one goes into windows that nobody sees.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
MISSING = "no Chromium on this machine: `script/bootstrap --system` installs Debian's"
# A page lives for a moment: what it costs to optimise its scripts, or to tidy up behind them, never comes back.
HASTY = "--js-flags=--no-maglev --no-opt --no-flush-bytecode --min-semi-space-size=32"
OPTIONS = [
    "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-site-isolation-trials", "--renderer-process-limit=1", HASTY,
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]  # fmt: skip
PATIENCE_MS = 20_000
OWN_SCRIPTS = re.compile(r"/dbadmin/(?!junctions)[a-z-]+\.js$")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none; in continuous integration let it fail."""
    if CHROMIUM is not None or os.environ.get("CI") == "true":
        return
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, which runs an event loop in this thread: Django is told that this is meant."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as started:
        yield started
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.fail(MISSING)
    started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=OPTIONS)
    yield started
    started.close()


@pytest.fixture(scope="session")
def seats(chromium: Browser) -> list[BrowserContext]:
    """Browsers side by side, one for each who sits there at once: what was loaded once need not be loaded again."""
    return []


@pytest.fixture(scope="session")
def libraries(django_db_setup: None) -> Iterator[Copy]:
    """A second database of the session, beside the one that has no library."""
    copy = Copy(f"test_{os.getpid()}_library", databases.template(library=True))
    yield copy
    databases.disconnect()
    with databases.owner() as owner:
        databases.drop(owner, copy.name)


@pytest.fixture
def library(transactional_db: None, libraries: Copy) -> None:
    """The small library that a new installation has."""
    libraries.renew()


@pytest.fixture(scope="session")
def known() -> Known:
    """What the tests of this session have looked at, and found good."""
    return Known()


@dataclass
class Visitor:
    """Somebody at a browser: where they are, and what went wrong there."""

    context: BrowserContext
    page: Page
    address: str
    known: Known
    faults: list[str] = field(default_factory=list)
    until: Literal["load", "commit"] = "load"  # a page is waited for

    def go(self, path: str) -> Page:
        """Open a page of the admin, by its address below /admin/."""
        self.page.goto(f"{self.address}/admin/{path}", wait_until=self.until)
        return self.page

    def go_ahead_of_scripts(self, path: str) -> Page:
        """Open a page whose own scripts come when it is painted, but for the one that the page itself waits for."""
        with self.late(OWN_SCRIPTS):
            page = self.go(path)
            page.evaluate("looks.painted()")
        return page

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type} at {self.page.url}: {message.text}")

    def violations(self) -> list[str]:
        """Return what axe finds wrong with the page as it is."""
        return looking.violations(self.page, self.known)

    def wrong(self) -> list[str]:
        """Return what is wrong with the page in a wide window and in a narrow one, light and dark."""
        return [f"{look}: {fault}" for look, found in looking.looks(self.page, self.known) for fault in found]

    @contextmanager
    def late(self, script: str | re.Pattern[str]) -> Iterator[None]:
        """Keep a script from the page that is opened inside, or some, and let it come at the end."""
        held: list[Route] = []
        self.page.route(script, lambda route: held.append(route))  # noqa: PLW0108 - Playwright takes no builtin
        self.until = "commit"
        yield
        self.until = "load"
        assert held
        with self.page.expect_event("load"):
            for route in held:
                route.continue_()
        self.page.unroute(script)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return looking.overflow(self.page)


def sit_down_at(chromium: Browser) -> BrowserContext:
    """Return a browser that knows nothing of others."""
    context = chromium.new_context(
        viewport=looking.WIDE,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
        accept_downloads=True,
    )
    context.add_init_script(looking.SCRIPT)  # seven times as cheap as to bring it to each page on its own
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.new_page()  # whose process all its pages share
    return context


@pytest.fixture
def visit(
    chromium: Browser,
    seats: list[BrowserContext],
    live_server: Any,
    transactional_db: None,
    settings: Any,
    known: Known,
) -> Iterator[Callable[..., Visitor]]:
    """Return a function that sits somebody with these roles at a browser, logged in: visit("Editor", width=360).

    Whoever is the first there sits at a browser that has loaded nothing yet.
    """
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    visitors: list[Visitor] = []

    def sit_down(
        *roles: str,
        name: str = "",
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        is_first: bool = False,
        **flags: bool,
    ) -> Visitor:
        user, _ = User.objects.get_or_create(
            username=name or f"visitor{len(visitors)}", defaults={"is_staff": True, **flags}
        )
        user.groups.set(Group.objects.filter(name__in=roles))
        if len(visitors) == len(seats):
            seats.append(sit_down_at(chromium))
        context = sit_down_at(chromium) if is_first else seats[len(visitors)]
        client = Client()
        client.force_login(user)
        cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        visitor = Visitor(context, context.new_page(), live_server.url, known)
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.emulate_media(color_scheme="dark" if dark else "light")
        visitor.page.on("console", visitor.note)
        visitor.page.on("pageerror", lambda error: visitor.faults.append(f"thrown: {error}"))
        visitors.append(visitor)
        return visitor

    yield sit_down
    faults = [fault for visitor in visitors for fault in visitor.faults]
    for visitor in visitors:
        visitor.page.close()
        visitor.context.clear_cookies()
        if visitor.context not in seats:
            visitor.context.close()
    assert not faults, "\n".join(faults)
