"""What somebody may do is read once, and again as soon as anything changed that rights hang on, whoever changed it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from accesscontrol import grants
from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired, Forbidden
from audit.models import AuditLog
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import queries

BOOKS = registry.get("books")


def ask(actor: Actor) -> str | None:
    """Read books as the same person at their next request, and return the name in the trail."""
    queries.query_records(actor=Actor(actor.user, actor.channel), table=BOOKS)
    return AuditLog.objects.latest("id").user_id


def run(statement: str, *parameters: Any) -> None:
    """Change something past our code, as anybody at the database could."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def version() -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM app.access_version")
        return cursor.fetchone()


def sources() -> list[str]:
    """Return the tables that rights are read from, by the function that reads them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'grants_of'")
        (source,) = cursor.fetchone()
    names = re.findall(r"(?:FROM|JOIN) (\w+_\w+)", source)
    return sorted(set(names) - {"django_content_type"})  # nobody renames one


def test_are_not_read_again_while_nothing_has_changed(viewer: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(viewer)

    def fail(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(grants, "read", fail)

    assert ask(viewer) == "victor"


def test_that_change_in_any_table_they_are_read_from_are_read_again(db: None) -> None:
    watched = sources()

    assert len(watched) == 10
    for table in watched:
        before = version()
        run(f"DELETE FROM app.{table} WHERE false")  # noqa: S608 - our own names
        assert version() != before, table


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("DELETE FROM app.guardian_groupobjectpermission WHERE object_pk = 'books'", Forbidden),
        ("DELETE FROM app.auth_user_groups WHERE user_id = %s", Forbidden),
        ("UPDATE app.auth_user SET is_active = false WHERE id = %s", AuthenticationRequired),
    ],
)
def test_that_are_taken_are_gone_at_the_next_operation(viewer: Actor, statement: str, refusal: Any) -> None:
    ask(viewer)

    run(statement, *([viewer.user.pk] if "%s" in statement else []))

    with pytest.raises(refusal):
        ask(viewer)


def test_that_are_given_and_taken_back_by_a_rollback_are_not_believed(nobody: Actor) -> None:
    with transaction.atomic():
        nobody.user.groups.add(Group.objects.get(name="Viewer"))
        ask(nobody)
        transaction.set_rollback(True)

    with pytest.raises(Forbidden):
        ask(nobody)


def test_come_with_the_name_of_now(viewer: Actor) -> None:
    ask(viewer)

    User.objects.filter(pk=viewer.user.pk).update(username="victoria")

    assert ask(viewer) == "victoria"


def test_are_needed_by_an_operation_that_asks_for_none(viewer: Actor) -> None:
    @audited("QUERY")
    def look(entry: Entry, *, actor: Actor) -> str:
        return "seen"

    assert look(actor=viewer) == "seen"
    User.objects.update(is_active=False)

    with pytest.raises(AuthenticationRequired):
        look(actor=Actor(viewer.user, viewer.channel))
