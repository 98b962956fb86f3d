"""For any rows and any question: the where language as Python has it, and cursors as a full sort."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accesscontrol.actor import Actor
from catalog import registry
from catalog.models import Author, Book
from catalog.services import queries
from tests.catalog.services import where_language

BOOKS = registry.get("books")
KINDS = {
    "id": "bigint", "title": "text", "genre": "text", "word_count": "integer", "published_at": "timestamptz",
    "status": "text",
}  # fmt: skip
texts = st.text(alphabet="abAB%_\\' é日\n", max_size=4)
counts = st.integers(0, 5)
moments = st.integers(-3, 3).map(lambda days: datetime(2000, 1, 4 + days, 1, 2, 3, 456, tzinfo=UTC))
columns: dict[str, st.SearchStrategy[Any]] = {
    "title": texts,
    "genre": st.none() | texts,
    "word_count": st.none() | counts,
    "published_at": st.none() | moments,
    "status": st.sampled_from(["draft", "published"]),
}
rows = st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=12)
anything = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def json_of(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def operators(column: str) -> st.SearchStrategy[dict[str, Any]]:
    """One or two operators on a column, with operands of its kind."""
    solid = {"genre": texts, "word_count": counts, "published_at": moments}.get(column, columns[column])
    value = solid.map(json_of)
    choices = {
        "$eq": st.none() | value,
        "$ne": st.none() | value,
        "$gt": value,
        "$lte": value,
        "$between": st.lists(value, min_size=2, max_size=2),
        "$in": st.lists(st.none() | value, max_size=3),
        "$nin": st.lists(st.none() | value, max_size=3),
        "$null": st.booleans(),
    }
    if column in {"title", "genre"}:
        pattern = texts.filter(lambda text: (len(text) - len(text.rstrip("\\"))) % 2 == 0)
        choices |= {"$like": pattern, "$ilike": pattern}
    names = st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: choices[name] for name in chosen}))


leaves = st.sampled_from(sorted(columns)).flatmap(lambda name: st.fixed_dictionaries({name: operators(name)}))
wheres = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$not": inner}),
        st.fixed_dictionaries({"$and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$or": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=8,
)


@contextmanager
def stored(values: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in the database, with their keys, and gone again afterwards."""
    savepoint = transaction.savepoint()
    author = Author.objects.create(name="Anon")
    books = Book.objects.bulk_create(Book(author=author, **row) for row in values)
    yield [{"id": book.pk, **row} for book, row in zip(books, values, strict=True)]
    transaction.savepoint_rollback(savepoint)


@pytest.mark.django_db
@anything
@given(values=rows, where=wheres)
def test_a_condition_finds_the_rows_that_python_finds(
    viewer: Actor, values: list[dict[str, Any]], where: dict[str, Any]
) -> None:
    with stored(values) as known:
        found = queries.query_records(actor=viewer, table=BOOKS, columns=["id"], where=where, limit=1000)

        assert [record["id"] for record in found.records] == [
            row["id"] for row in known if where_language.matches(where, row, KINDS)
        ]


@pytest.mark.django_db
@anything
@given(
    values=rows,
    order=st.lists(
        st.tuples(st.sampled_from(sorted(columns)), st.booleans()), max_size=3, unique_by=lambda t: t[0]
    ),
    size=st.integers(1, 5),
    shown=st.sampled_from([None, ["id"], ["title", "id"]]),
)
def test_pages_by_cursor_are_the_whole_in_its_order(
    viewer: Actor, values: list[dict[str, Any]], order: list[tuple[str, bool]], size: int, shown: Any
) -> None:
    order_by = [{"column": name, "direction": "desc" if down else "asc"} for name, down in order]
    with stored(values) as known:
        for name, down in [("id", False), *reversed(order)]:  # NULL is the greatest, as PostgreSQL has it
            known.sort(key=lambda row: (row[name] is None, row[name] or _least(row[name])), reverse=down)
        seen: list[int] = []
        cursor = None
        while True:
            page = queries.query_records(
                actor=viewer, table=BOOKS, columns=shown, order_by=order_by, limit=size, cursor=cursor
            )
            seen += [record["id"] for record in page.records]
            cursor = page.next_cursor
            if cursor is None:
                break

        assert seen == [row["id"] for row in known]


def _least(value: Any) -> Any:
    """Something to compare where the value itself is empty: 0 for a number or NULL, '' for a text."""
    return "" if isinstance(value, str) else 0
