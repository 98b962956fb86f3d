"""Every page there is, wide and narrow, light and dark, and what opens on it by a click.

Axe finds nothing wrong, the console has no error, nothing is wider than the window, and nothing moves when the page's
scripts come. Pages are looked at wide and
light or narrow and dark, in turns; with --whole all in both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from itertools import cycle

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Max
from django.urls import resolve
from django_celery_beat.models import PeriodicTask

from audit.models import AuditLog
from catalog import registry
from catalog.table import Table
from jobs import schedule
from tests.browser import looking
from tests.browser.conftest import Visitor
from tests.browser.looking import Known
from tests.faces import addresses

pytestmark = pytest.mark.usefixtures("library")

WHOLE = {"books", "book_genres"}  # one table of each kind, of which all pages are looked at
# What the way of somebody through pages leads to, and is looked at there.
ON_THE_WAY = {
    "login", "import_terms", "import_preview", "version", "purge", "undo_change", "jobs_job_change", "keys_one",
    "keys_rotate", "keys_revoke", "backups_one", "backups_restore",
}  # fmt: skip
# What is sent and leads to another page, or answers with a file or with data; and what is always refused.
NO_PAGE = re.compile(
    r"^(logout|autocomplete|jsi18n|view_on_site|theme|shortcuts|sessions|export_file|import_faults)$"
    r"|^backups_(create|upload|validate|download|manifest|trust|delete|restore_table)|_(cancel|again|progress|activity)$"
    r"|_export_file$|^(audit_auditlog|jobs_job)_(add|delete|history)$|^django_celery_beat_periodictask_(add|delete|history)$"
)


def pages(tables: Collection[str]) -> Iterator[str]:
    """Yield the addresses of pages below /admin/ that show what a new installation has."""
    yield from (
        "", "search/?q=alice", "diagram/", "profile/", "keys/", "keys/add/", "keys/all/",
        "rights/", "rights/tables/books/", "rights/why/",
        "backups/", "jobs/job/", "audit/auditlog/", "audit/auditlog/overview/", "auth/user/", "auth/user/add/",
        "auth/group/", "auth/group/add/", "password_change/", "password_change/done/",
        "django_celery_beat/periodictask/", "catalog/", "audit/auditlog/export/",
        "rights/why/?user=ada&operation=delete&table=books",
    )  # fmt: skip
    yield f"audit/auditlog/{AuditLog.objects.aggregate(last=Max('id'))['last']}/change/"
    yield f"django_celery_beat/periodictask/{PeriodicTask.objects.order_by('id')[0].pk}/change/"
    for page in ("change", "history"):
        yield f"auth/user/{User.objects.get(username='ada').pk}/{page}/"
    for page in ("password", "delete"):
        yield f"auth/user/{User.objects.exclude(username='ada').order_by('id')[0].pk}/{page}/"
    for page in ("change", "history", "delete"):
        yield f"auth/group/{Group.objects.get(name='Editor').pk}/{page}/"
    for name in tables:
        table = registry.get(name)
        at, key = _first(table)
        yield from (at, f"{at}export/", f"{at}?q=nothing+at+all")
        yield from (f"{at}{key}/{page}/" for page in ("change", "history"))
        if not table.read_only:
            yield from (f"{at}add/", f"{at}import/", f"{at}{key}/delete/")


def pages_of_tables(is_whole: bool) -> Iterator[str]:
    """Yield the list and the first record of every other table, or one of them, in turns."""
    tables = [t for t in registry.all_tables() if not t.append_only and t.name not in WHOLE]
    for number, table in enumerate(tables):
        at, key = _first(table)
        both = at, f"{at}{key}/change/"
        yield from both if is_whole else [both[number % 2]]


def left_out(paths: Collection[str]) -> set[str]:
    """Return the names of the pages of which none was looked at, here or on somebody's way."""
    seen = {resolve(f"/admin/{path.partition('?')[0]}").url_name for path in paths}
    found = set()
    for name, _ in addresses.names():
        need = addresses.need(name)
        of = need.table.model._meta.model_name if need and need.table and need.table.name in WHOLE else ""
        page = name.removeprefix(f"catalog_{of}_")
        if need and need.opens is not addresses.NOT_OFFERED and (of or not need.table):
            found |= set() if name in seen or page in ON_THE_WAY or NO_PAGE.search(page) else {name}
    return found


def _first(table: Table) -> tuple[str, str]:
    """The address of a table, and the key of its first record."""
    record = table.model._default_manager.order_by("pk").values(*table.key).first()
    return f"catalog/{table.model._meta.model_name}/", table.format_key(record) if record else "0"


def test_is_fit_to_be_seen_wide_and_narrow_and_dark_and_whatever_is_open(
    visit: Callable[..., Visitor], is_whole: bool
) -> None:
    visitor = visit(name="ada", is_superuser=True)
    page, known = visitor.page, visitor.known
    schedule.install()
    tables = {table.name for table in registry.all_tables() if not table.append_only} if is_whole else WHOLE
    wrong, paths = [], [*pages(tables)]
    for path, size in zip(paths, cycle([looking.WIDE, looking.NARROW])):
        visitor.go_ahead_of_scripts(path)
        wrong += [f"{path or 'welcome'}: {fault}" for fault in looking.moved(page)]
        looks = looking.looks(page, known) if is_whole else [looking.one_look(page, known, size)]
        for look, found in looks:
            every = found + looking.faults_of_what_opens(page, known)
            wrong += [f"{path or 'welcome'}, {look}: {fault}" for fault in every]

    assert not wrong, "\n".join(wrong)
    assert left_out(paths) == set()


def test_of_every_table_fits_a_narrow_window(visit: Callable[..., Visitor], is_whole: bool) -> None:
    visitor = visit(name="ada", is_superuser=True, **looking.NARROW)
    page, known = visitor.page, visitor.known
    wrong = []
    for path in pages_of_tables(is_whole):
        visitor.go_ahead_of_scripts(path)
        found = looking.moved(page) + looking.too_wide(page) + looking.faults_of_what_opens(page, known)
        wrong += [f"{path}: {fault}" for fault in found]

    assert not wrong, "\n".join(wrong)


def test_what_is_wrong_two_clicks_away_is_found(visit: Callable[..., Visitor]) -> None:
    page = visit("Viewer").go("profile/")
    page.evaluate("document.querySelector('#shortcuts dd').style.color = 'rgb(187 187 187)'")

    (fault,) = looking.faults_of_what_opens(page, Known())

    assert fault.startswith("with “Keyboard shortcuts” open: color-contrast")
