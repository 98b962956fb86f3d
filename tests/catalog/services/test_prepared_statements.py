"""With prepared statements and without them, as behind a pooler that keeps none: the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

import audit.queries
from accesscontrol.actor import Actor, Channel
from catalog.services import batch, describe, queries, records, trash, undo
from tests import databases
from tests.catalog.services.builders import AUTHORS, BOOKS

ROUNDS = 8  # more than it takes until a statement is prepared


@pytest.fixture(params=[True, False], ids=["prepared", "not prepared"])
def is_prepared(request: Any, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Connect anew, with prepared statements or without."""
    options = connection.settings_dict["OPTIONS"]
    databases.disconnect()
    monkeypatch.setitem(options, "server_side_binding", request.param)
    monkeypatch.setitem(options, "prepare_threshold", 5 if request.param else None)
    yield request.param
    databases.disconnect()


def _work(actor: Actor, number: int) -> dict[str, Any]:
    """What one round of everything answers, without what is never the same twice."""
    author = records.insert_record(actor=actor, table=AUTHORS, data={"name": f"Author {number}"}).records[0]
    titles = [{"title": f"Book {number}.{part}", "author_id": author["id"]} for part in range(3)]
    batch.insert_records(actor=actor, table=BOOKS, records=titles)
    mine = {"author_id": author["id"]}
    records.update_records(actor=actor, table=BOOKS, data={"genre": "novel"}, where=mine)
    batch.update_records(actor=actor, table=BOOKS, updates=[{"where": mine, "data": {"word_count": number}}])
    trashed = records.delete_records(actor=actor, table=BOOKS, where={**mine, "title": {"$like": "%.0"}})
    trash.restore_records(actor=actor, table=BOOKS, where={"id": trashed.records[0]["id"]})
    undone = undo.undo_change(
        actor=actor,
        change_id=records.delete_records(actor=actor, table=BOOKS, where=mine).change_id,
    )
    page = queries.query_records(
        actor=actor, table=BOOKS, where={**mine, "$or": [{"title": {"$ilike": "book%"}}, {"word_count": None}]},
        order_by=[{"column": "title", "direction": "desc"}], limit=2, expand=["author"], count="exact",
    )  # fmt: skip
    groups = queries.query_records(
        actor=actor, table=BOOKS, where=mine, group_by=["genre"],
        aggregate={"words": {"fn": "sum", "column": "word_count"}, "books": {"fn": "count"}},
    )  # fmt: skip
    return {
        "titles": [book["title"] for book in page.records],
        "author": page.records[0]["author"]["name"],
        "total": page.total,
        "groups": list(groups.records),
        "undone": undone.count,
        "columns": len(describe.get_schema(actor=actor, table=BOOKS)["columns"]),
        "logs": audit.queries.search(actor=actor, table="books", operation="UNDO", limit=1)["count"],
        "by": len(audit.queries.summary(actor=actor, table="books")["by_operation"]) > 3,
    }


def test_every_kind_of_operation_answers_the_same(is_prepared: bool) -> None:
    user = User.objects.create(username="edith")
    user.groups.add(Group.objects.get(name="Administrator"))
    for number in range(ROUNDS):
        answer = _work(Actor(user, Channel.COMMAND), number)

        assert answer == {
            "titles": [f"Book {number}.2", f"Book {number}.1"],
            "author": f"Author {number}",
            "total": 3,
            "groups": [{"genre": "novel", "words": 3 * number, "books": 3}],
            "undone": 3,
            "columns": len(BOOKS.columns),
            "logs": 1,
            "by": True,
        }


def test_statements_are_prepared_only_where_they_shall_be(is_prepared: bool) -> None:
    user = User.objects.create_superuser("ada")
    for _ in range(ROUNDS):
        queries.query_records(actor=Actor(user, Channel.COMMAND), table=AUTHORS, limit=1)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")

        assert bool(cursor.fetchone()[0]) is is_prepared
