"""How messages count."""

from __future__ import annotations

from typing import Any

import pytest

from accesscontrol.actor import Actor
from accesscontrol.errors import Refused
from audit.operation import Terms
from catalog.services import records, undo
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS
from tests.catalog.services.conftest import again


def told(function: Any, **arguments: Any) -> str:
    with pytest.raises(Refused) as refusal:
        function(**arguments)
    return refusal.value.message


@pytest.mark.parametrize(("maximum", "counted"), [(1, "1 record"), (2, "2 records")])
def test_what_a_write_may_not_exceed(editor: Actor, maximum: int, counted: str) -> None:
    keys = [builders.author().pk for _ in range(3)]

    message = told(
        records.update_records, actor=editor, table=AUTHORS, data={"bio": "x"},
        where={"id": {"$in": keys}}, terms=Terms(max_affected=maximum),
    )  # fmt: skip

    assert message == f"This would write more than {counted} of authors."


@pytest.mark.parametrize(
    ("count", "counted"),
    [
        (1, "1 record is no longer as the change left it:"),
        (2, "2 records are no longer as the change left them:"),
    ],
)
def test_what_changed_since(editor: Actor, count: int, counted: str) -> None:
    keys = [builders.author().pk for _ in range(count)]
    where = {"id": {"$in": keys}}
    change, _ = (
        records.update_records(actor=editor, table=AUTHORS, data={"bio": bio}, where=where) for bio in "ab"
    )

    message = told(undo.undo_change, actor=again(editor), change_id=change.change_id)

    assert message == f"{counted} record {keys[-1]} of authors has another bio."


@pytest.mark.parametrize(
    ("authors", "books", "counted"),
    [
        (1, 1, "1 other record still refers to this record of authors."),
        (1, 2, "2 other records still refer to this record of authors."),
        (2, 1, "2 other records still refer to these records of authors."),
    ],
)
def test_what_refers(editor: Actor, authors: int, books: int, counted: str) -> None:
    keys = [builders.author().pk for _ in range(authors)]
    for key in keys:
        for _ in range(books):
            builders.book(author_id=key)

    assert told(records.delete_records, actor=editor, table=AUTHORS, where={"id": {"$in": keys}}) == counted


def test_what_refers_from_a_table_that_the_caller_may_not_read(granted: Any) -> None:
    key = builders.book().author_id

    message = told(
        records.delete_records, actor=granted(delete=["authors"]), table=AUTHORS, where={"id": key}
    )

    assert message == "Other records still refer to this record of authors."
    assert BOOKS.name not in message
