"""Every page there is, wide and narrow, light and dark, and what opens on it by a click.

Axe finds nothing wrong, the console has no error, and nothing is wider than the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Max

from audit.models import AuditLog
from catalog import registry
from catalog.table import Table
from tests.browser import looking
from tests.browser.conftest import Visitor
from tests.browser.looking import Known

pytestmark = pytest.mark.usefixtures("library")

WHOLE = {"books", "book_genres"}  # one table of each kind, of which all pages are looked at


def pages() -> Iterator[str]:
    """Yield the addresses of pages below /admin/ that show what a new installation has."""
    yield from (
        "", "search/?q=alice", "diagram/", "profile/", "keys/", "keys/add/", "keys/all/",
        "rights/", "rights/tables/books/", "rights/why/",
        "backups/", "jobs/job/", "audit/auditlog/", "audit/auditlog/overview/", "auth/user/", "auth/user/add/",
        "auth/group/", "auth/group/add/", "password_change/", "django_celery_beat/periodictask/"
    )  # fmt: skip
    yield f"audit/auditlog/{AuditLog.objects.aggregate(last=Max('id'))['last']}/change/"
    yield f"auth/user/{User.objects.get(username='ada').pk}/change/"
    yield f"auth/group/{Group.objects.get(name='Editor').pk}/change/"
    for name in WHOLE:
        at, key = _first(registry.get(name))
        yield from (at, f"{at}add/", f"{at}import/", f"{at}export/", f"{at}?q=nothing+at+all")
        yield from (f"{at}{key}/{page}/" for page in ("change", "history", "delete"))


def pages_of_tables() -> Iterator[str]:
    """Yield the list and the first record of every other table."""
    for table in registry.all_tables():
        if not table.append_only and table.name not in WHOLE:
            at, key = _first(table)
            yield from (at, f"{at}{key}/change/")


def _first(table: Table) -> tuple[str, str]:
    """The address of a table, and the key of its first record."""
    record = table.model._default_manager.order_by("pk").values(*table.key).first()
    return f"catalog/{table.model._meta.model_name}/", table.format_key(record) if record else "0"


def test_is_fit_to_be_seen_wide_and_narrow_and_dark_and_whatever_is_open(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit(name="ada", is_superuser=True)
    page, known = visitor.page, visitor.known
    wrong = []
    for path in pages():
        visitor.go(path)
        for look, found in looking.looks(page, known):
            every = found + looking.faults_of_what_opens(page, known)
            wrong += [f"{path or 'welcome'}, {look}: {fault}" for fault in every]

    assert not wrong, "\n".join(wrong)


def test_of_every_table_fits_a_narrow_window(visit: Callable[..., Visitor]) -> None:
    visitor = visit(name="ada", is_superuser=True, **looking.NARROW)
    page, known = visitor.page, visitor.known
    wrong = []
    for path in pages_of_tables():
        visitor.go(path)
        found = looking.too_wide(page) + looking.faults_of_what_opens(page, known)
        wrong += [f"{path}: {fault}" for fault in found]

    assert not wrong, "\n".join(wrong)


def test_what_is_wrong_two_clicks_away_is_found(visit: Callable[..., Visitor]) -> None:
    page = visit("Viewer").go("profile/")
    page.evaluate("document.querySelector('#shortcuts dd').style.color = 'rgb(187 187 187)'")

    (fault,) = looking.faults_of_what_opens(page, Known())

    assert fault.startswith("with “Keyboard shortcuts” open: color-contrast")
