"""Every table, role, page and form over HTTP: what the matrix denies is neither shown nor possible.

Pages are found where Django finds them, tables in the registry; what a role may do is told by the manual.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from re import findall
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import models, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accesscontrol.pages import sentence
from accesscontrol.policy import WRITES, Operation
from audit.models import AuditLog
from catalog import registry
from catalog.table import Table
from config.site import AdminSite
from tests.corpus.test_access_matrix import DENIALS, ROLES, granted
from tests.faces import addresses
from tests.faces.samples import form_of, made, posted, values

TABLES = [table for table in registry.all_tables() if not table.append_only]
PAGES: dict[str, list[tuple[str, str]]] = {table.name: [] for table in TABLES}
for _table, _page, _name in addresses.of_tables():
    PAGES[_table.name].append((_page, _name))
ROUTES = dict(addresses.names())
MAY_BE_MISSING = {"version", "purge", "export_file", "import_terms", "import_preview", "import_faults"}
FULL = "Administrator"  # who opens every page; the others, beside what is denied, those that show what one may do
WHOLE: dict[str | None, set[str]] = {
    "Backup operator": {"manage_backups"},
    "Auditor": {"view_audit"},
    "Administrator": {"view_audit", "manage_backups", "approve", "manage_access"},
}
TELLING = {"changelist", "change"}
LATER = {
    "import_terms",
    "import_preview",
}  # behind a page that is looked at; what they take is sent all the same
MARK = "Zanzibar"


Role = str | None | frozenset[str]


class Broken(Exception):
    """An answer that ends the way through a table."""


@dataclass
class Visit:
    """One role's way through the pages of one table."""

    role: Role  # a built-in one, or one with just these rights on the table
    table: Table
    record: models.Model
    client: Client
    new: dict[str, str]  # what a browser would send to add another
    wrong: list[str] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)  # what the trail must tell of, by its request

    def may(self, right: str) -> bool:
        return self.allows(right, self.table)

    def allows(self, right: str | None, table: Table | None) -> bool:
        """Say whether the role may follow a link, or send a form."""
        if right in (addresses.NOT_OFFERED, addresses.ANYBODY):
            return right is not addresses.NOT_OFFERED
        if isinstance(self.role, frozenset):
            is_closed = self.table.read_only and right in WRITES
            return table is self.table and right in self.role and not is_closed
        return granted(self.role, right, table.name) if table else right in WHOLE.get(self.role, ())

    def note(self, what: str) -> None:
        self.wrong.append(f"{self.table.name}: {what}")

    def address(self, name: str) -> str:
        known = {
            "object_id": self.key,
            "number": 1,
            "side": "before",
            "job_id": 1,
            "token": "a" * 32,
            "key": 1,
            "prefix": "A" * 12,
        }
        parts = findall(r"<(?:\w+:)?(\w+)>", ROUTES[name])
        return reverse(f"admin:{name}", kwargs={part: known[part] for part in parts})

    @property
    def key(self) -> str:
        key = self.record.pk
        return ":".join(map(str, key)) if isinstance(key, tuple) else str(key)

    @property
    def stored(self) -> list[dict[str, Any]]:
        return list(self.table.model._default_manager.order_by("pk").values())

    @property
    def told(self) -> set[UUID | None]:
        """The requests of which the trail tells that they were denied."""
        denied = AuditLog.objects.filter(success=False, error_code__in=DENIALS)
        return set(denied.values_list("request_id", flat=True))

    def ask(self, method: str, address: str, form: dict[str, Any] | None = None) -> Any:
        """Send a request.

        :raises Broken: something went wrong, and with it perhaps the transaction
        """
        answer = getattr(self.client, method)(address, form)
        if answer.status_code >= 500:
            raise Broken(f"{method} {address} answers {answer.status_code}")
        return answer

    def form(self, page: str) -> dict[str, Any]:
        """Something that would change the record, if it were let through."""
        if self.table.read_only:
            return {"name": "Mine", "post": "yes"}
        whole = self.new if page == "add" else form_of(self.table, self.record)
        return {**whole, **_texts(self.table, "Forged"), "post": "yes", "confirm": "yes"}


def visit(role: Role, table: Table, client: Client) -> Visit:
    texts = {} if table.read_only else {f.name: MARK for f in _text_fields(table)}
    new = {} if table.read_only else posted(values(table))
    return Visit(role, table, made(table, **texts), client, new)


def _text_fields(table: Table) -> Iterator[models.Field[Any, Any]]:
    return (
        f
        for f in table.columns.values()
        if isinstance(f, models.TextField) and not f.flatchoices and f.name not in ("sha256", "content_hash")
    )


def _texts(table: Table, text: str) -> dict[str, str]:
    return {f.name: text for f in _text_fields(table)}


def shown(visit: Visit, page: str) -> None:
    """Note what a page shows and its reader may not do: links, forms, and actions of lists."""
    for how, address, need in addresses.linked(page):
        right = need.opens if how == "opens" else need.sends
        if not visit.allows(right, need.table):
            visit.note(f"shows {address}, which needs {right} on {need.table or 'the whole'}")
    for action in findall(
        r'<option value="(\w+)"', "".join(findall(r'<select name="action".*?</select>', page, 16))
    ):
        right = addresses.ACTIONS.get(action)
        if right is None or not visit.may(right):
            visit.note(f"offers the action {action}, which needs {right}")


def opened(visit: Visit, page: str, name: str) -> None:
    """Open one page, and note what is wrong with the answer."""
    right, _ = addresses.OF_A_TABLE[page]
    is_quick = visit.role != FULL and not isinstance(visit.role, frozenset)
    if is_quick and page not in TELLING and (right is None or visit.may(right)):
        return
    if is_quick and page in LATER:
        return
    address = visit.address(name)
    answer = visit.ask("get", address)
    text = "" if answer.streaming else answer.content.decode()
    if right is None:
        wanted = {405}
    elif not visit.may(right) or (right == "delete" and not visit.may("read")):
        wanted = {403}
    else:
        wanted = {200, 404} if page in MAY_BE_MISSING else {200}
    if answer.status_code not in wanted:
        visit.note(f"GET {address} answers {answer.status_code}, not {wanted}")
    if answer.status_code == 403:
        visit.refused[UUID(answer["X-Request-ID"])] = f"GET {address}"
    if answer.status_code == 200:
        shown(visit, text)
    elif MARK in text:
        visit.note(f"GET {address} tells of the record")


def sent(visit: Visit, page: str, name: str) -> None:
    """Send what a page's form would, where the role may not, and note what is wrong with the answer."""
    _, right = addresses.OF_A_TABLE[page]
    if right is None or visit.may(right):
        return
    address = visit.address(name)
    if page == "changelist":
        return
    answer = visit.ask("post", address, visit.form(page))
    if answer.status_code not in (302, 403, 405):
        visit.note(f"POST {address} answers {answer.status_code}")
    if answer.status_code != 405:
        visit.refused[UUID(answer["X-Request-ID"])] = f"POST {address}"
    if answer.status_code == 403 and MARK in answer.content.decode():
        visit.note(f"POST {address} tells of the record")


def acted(visit: Visit, name: str) -> None:
    """Send every action of a list that the role may not do."""
    for action, right in addresses.ACTIONS.items():
        if visit.may(right):
            continue
        form = {"post": "yes", "confirm": "yes", "action": action, "_selected_action": visit.key}
        answer = visit.ask("post", visit.address(name), form)
        if answer.status_code not in (403, 405):
            visit.note(f"the action {action} answers {answer.status_code}")
        elif answer.status_code == 403:
            visit.refused[UUID(answer["X-Request-ID"])] = f"the action {action}"


def seen_through(role: Role, table: Table, client: Client) -> list[str]:
    """Go through all pages of a table, and return what is wrong; nothing stays of it."""
    with transaction.atomic():
        here = visit(role, table, client)
        try:
            _go_through(here)
        except Broken as broken:
            here.note(str(broken))
        transaction.set_rollback(True)
    return here.wrong


def _go_through(here: Visit) -> None:
    before = here.stored
    for page, name in PAGES[here.table.name]:
        opened(here, page, name)
        sent(here, page, name)
        if page == "changelist":
            acted(here, name)
    if here.stored != before:
        here.note("something was changed")
    for number in here.refused.keys() - here.told:
        here.note(f"{here.refused[number]} is refused and the trail says nothing of it")


class TestEveryPage:
    def test_is_in_the_matrix(self) -> None:
        unknown = sorted(
            {f"{name} ({route})" for name, route in addresses.names() if not addresses.need(name)}
        )

        assert not unknown, "say in tests/faces/addresses.py what these need"

    def test_of_every_table_is_there(self) -> None:
        for table in TABLES:
            found = {page for page, _ in PAGES[table.name]}
            assert {"changelist", "add", "change", "delete"} <= found, table.name


@pytest.fixture
def plain_refusals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Say no without the navigation around it, and log nothing, which takes longer than all the rest."""
    monkeypatch.setattr(
        AdminSite,
        "refused_page",
        lambda _self, _request, refusal: HttpResponse(sentence(refusal), status=refusal.status),
    )
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def known(browser: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[User], Client]:
    """Return a function that gives somebody a browser whose session is not read again to know them.

    That would be half of what is asked of the database to refuse a request.
    """

    def open_for(user: User) -> Client:
        client: Client = browser(user)
        monkeypatch.setattr("django.contrib.auth.middleware.get_user", lambda _request: copy(user))
        return client

    return open_for


@pytest.mark.parametrize("role", ROLES)
def test_what_leads_beyond_the_tables_is_shown_to_those_who_may_go_there(
    person: Any, browser: Any, role: str | None
) -> None:
    client, books = browser(person(*([role] if role else []))), registry.get("books")
    here = visit(role, books, client)
    for address in ("/admin/", "/admin/profile/", "/admin/audit/auditlog/", "/admin/diagram/"):
        shown(here, here.ask("get", address).content.decode())
    for name, right in (
        ("rights", "manage_access"),
        ("auth_user_changelist", "manage_access"),
        ("auth_group_add", "manage_access"),
        ("backups_list", "manage_backups"),
        ("django_celery_beat_periodictask_changelist", "manage_backups"),
    ):
        answer = here.ask("get", reverse(f"admin:{name}"))
        if (answer.status_code == 200) is not (right in WHOLE.get(role, ())):
            here.note(f"{name} answers {answer.status_code}")

    assert here.wrong == []


@pytest.mark.usefixtures("plain_refusals")
@pytest.mark.parametrize("role", [role for role in ROLES if role not in (FULL, "Backup operator")])
def test_pages_of_the_whole_are_closed_to_all_others(person: Any, known: Any, role: str | None) -> None:
    user = person(*([role] if role else []))
    client, wrong = known(user), []
    parts = {
        "object_id": user.pk,
        "id": user.pk,
        "user_id": user.pk,
        "backup_file": "x.sql.gz",
        "table": "books",
    }
    for name, route in addresses.names():
        need = addresses.need(name)
        if need and need.table is None and need.opens:
            known = {part: parts[part] for part in findall(r"<(?:\w+:)?(\w+)>", route)}
            address = reverse(f"admin:{name}", kwargs=known)
            answers = client.get(address), client.post(address, {"post": "yes", "active": "no"})
            wrong += [f"{address}: {a.status_code}" for a in answers if a.status_code not in (403, 405)]

    assert wrong == []


@pytest.mark.long
@pytest.mark.usefixtures("plain_refusals", "no_navigation")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_and_does_what_it_grants_and_nothing_else(
    person: Any, known: Any, role: str | None
) -> None:
    client = known(person(*([role] if role else [])))
    client.raise_request_exception = False  # all that is wrong is told at once
    wrong = [fault for table in TABLES for fault in seen_through(role, table, client)]

    assert not wrong, "\n".join([str(len(wrong)), *wrong[:40]])


@pytest.mark.usefixtures("plain_refusals", "no_navigation")
@pytest.mark.parametrize("right", Operation)
@pytest.mark.parametrize("name", ["books", "genres", "book_tropes"])
def test_one_right_beside_reading_opens_its_own_pages_and_no_other(
    person: Any, known: Any, right: str, name: str
) -> None:
    rights = frozenset({"read", str(right)} | ({"insert"} if right == "import" else set()))  # an import adds
    client = known(person(**{one: [name] for one in rights}))
    client.raise_request_exception = False

    assert seen_through(rights, registry.get(name), client) == []


@pytest.mark.parametrize("right", Operation)
def test_what_one_right_is_shown_of_the_whole_it_may_open(person: Any, browser: Any, right: str) -> None:
    client = browser(person(**{one: ["books"] for one in {"read", str(right)}}))
    here = visit(frozenset({"read", str(right)}), registry.get("books"), client)

    shown(here, here.ask("get", "/admin/").content.decode())

    assert here.wrong == []
