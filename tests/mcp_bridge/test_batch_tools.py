"""The tools that write many records, and the one that takes a change back, as an agent calls them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import models

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def names(agent: Any) -> list[int]:
    """Three authors, inserted by the agent."""
    given = [{"name": name} for name in ("a", "b", "c")]
    return list(agent.ask("db_batch_insert", table="authors", records=given)["ids"])


class TestInsert:
    def test_answers_ids_in_the_order_given(self, agent, names):
        assert [models.Author.objects.get(pk=key).name for key in names] == ["a", "b", "c"]

    def test_answers_records_where_asked(self, agent):
        given = [{"name": "a", "bio": "漢"}, {"name": "b"}]
        answer = agent.ask("db_batch_insert", table="authors", records=given, returnRecords=True)

        assert (answer["inserted"], len(answer["ids"])) == (2, 2)
        assert [record["bio"] for record in answer["records"]] == ["漢", None]

    def test_answers_keys_of_two_columns(self, agent, names):
        book = agent.ask("db_insert_record", table="books", data={"title": "x", "author_id": names[0]})[
            "record"
        ]
        tropes = agent.ask("db_batch_insert", table="tropes", records=[{"name": n} for n in "ab"])["ids"]
        given = [{"book_id": book["id"], "trope_id": key} for key in reversed(tropes)]

        ids = agent.ask("db_batch_insert", table="book_tropes", records=given)["ids"]

        assert ids == [f"{book['id']}:{key}" for key in reversed(tropes)]

    def test_names_every_fault(self, agent):
        given = [{"name": "a"}, {"nam": "b"}, {"name": None}]
        told = agent.refused("db_batch_insert", table="authors", records=given)

        assert told["code"] == "VALIDATION_ERROR"
        assert [error["index"] for error in told["details"]["errors"]] == [1, 2]
        assert not models.Author.objects.exists()
        (row,) = AuditLog.objects.filter(operation="BATCH_INSERT")
        assert (row.success, row.table_name, row.error_code) == (False, "authors", "VALIDATION_ERROR")

    @pytest.mark.parametrize(
        ("records", "code"),
        [([], "VALIDATION_ERROR"), ([5], "VALIDATION_ERROR"), ("x", "VALIDATION_ERROR"), ([{}], "NOT_NULL_VIOLATION"),
         ([{"name": "x"}] * 1_001, "VALIDATION_ERROR")],
    )  # fmt: skip
    def test_refuses_what_is_no_batch(self, agent, records, code):
        assert agent.refused("db_batch_insert", table="authors", records=records)["code"] == code

    def test_takes_a_thousand(self, agent):
        answer = agent.ask("db_batch_insert", table="authors", records=[{"name": "x"}] * 1_000)
        assert len(set(answer["ids"])) == 1_000
        assert answer["records"] is None


class TestUpdateAndDelete:
    def test_update_each_its_own_way(self, agent, names):
        updates = [
            {"where": {"id": names[0]}, "data": {"bio": "x"}},
            {"where": {"id": {"$in": names[1:]}}, "data": {"name": "y"}},
        ]
        answer = agent.ask("db_batch_update", table="authors", updates=updates, return_records=True)

        assert (answer["total_updated"], answer["results"]) == (3, [{"updated": 1}, {"updated": 2}])
        assert [record["name"] for record in answer["records"]] == ["a", "y", "y"]

    def test_update_of_one_record_twice_is_a_conflict(self, agent, names):
        part = {"where": {"id": names[0]}, "data": {"bio": "x"}}
        told = agent.refused("db_batch_update", table="authors", updates=[part, part])

        assert told["code"] == "CONFLICT"
        assert told["details"]["indexes"] == [0, 1]

    def test_delete(self, agent, names):
        answer = agent.ask("db_batch_delete", table="authors", conditions=[{"id": names[0]}, {"name": "b"}])

        assert (answer["total_deleted"], answer["type"]) == (2, "hard")
        assert answer["results"] == [{"deleted": 1}, {"deleted": 1}]
        assert models.Author.objects.get().pk == names[2]


class TestTerms:
    def test_a_repeated_call_gets_the_first_answer(self, agent):
        call = {"table": "authors", "records": [{"name": "x"}], "idempotency_key": "k"}

        assert agent.ask("db_batch_insert", **call) == agent.ask("db_batch_insert", **call)
        assert models.Author.objects.count() == 1
        call["records"] = [{"name": "y"}]
        assert agent.refused("db_batch_insert", **call)["code"] == "CONFLICT"

    def test_a_dry_run_writes_nothing(self, agent, names):
        for tool, arguments in (
            ("db_batch_insert", {"records": [{"name": "x"}]}),
            ("db_batch_update", {"updates": [{"where": {"id": names[0]}, "data": {"name": "x"}}]}),
            ("db_batch_delete", {"conditions": [{"id": names[0]}]}),
        ):
            agent.ask(tool, table="authors", dry_run=True, **arguments)

        assert sorted(models.Author.objects.values_list("name", flat=True)) == ["a", "b", "c"]
        assert AuditLog.objects.filter(dry_run=True).count() == 3

    def test_a_limit_is_kept(self, agent, names):
        conditions = [{"id": key} for key in names]
        told = agent.refused("db_batch_delete", table="authors", conditions=conditions, max_affected=2)
        assert told["code"] == "LIMIT_EXCEEDED"


class TestUndo:
    def test_takes_a_batch_back_and_forth(self, agent):
        made = agent.ask("db_batch_insert", table="authors", records=[{"name": "a"}, {"name": "b"}])

        undone = agent.ask("db_undo_change", change_id=made["change_id"], return_records=False)
        assert undone["records"] is None
        assert (undone["undone"], models.Author.objects.count()) == (2, 0)
        again = agent.ask("db_undo_change", change_id=undone["change_id"])
        assert [record["name"] for record in again["records"]] == ["a", "b"]
        assert list(models.Author.objects.order_by("id").values_list("id", flat=True)) == made["ids"]

    def test_takes_the_terms_of_every_write(self, agent, names):
        change = agent.ask(
            "db_update_records", table="authors", where={"id": {"$in": names}}, data={"bio": "x"}
        )["change_id"]

        assert agent.ask("db_undo_change", change_id=change, dry_run=True)["undone"] == 3
        told = agent.refused("db_undo_change", change_id=change, max_affected=2)
        assert told["code"] == "LIMIT_EXCEEDED"
        first = agent.ask("db_undo_change", change_id=change, idempotency_key="k")
        assert agent.ask("db_undo_change", change_id=change, idempotency_key="k") == first

    def test_tells_what_is_in_the_way(self, agent, names):
        first = agent.ask("db_update_records", table="authors", where={"id": names[0]}, data={"bio": "x"})
        agent.ask("db_update_records", table="authors", where={"id": names[0]}, data={"bio": "y"})

        told = agent.refused("db_undo_change", change_id=first["change_id"])
        assert told["code"] == "CONFLICT"
        assert told["details"]["records"] == [
            {"table": "authors", "key": str(names[0]), "reason": "has another bio"}
        ]
        unknown = "4b4e1a4e-6f0e-4a53-9d5c-0f4d7c6d1e11"
        assert agent.refused("db_undo_change", change_id=unknown)["code"] == "NOT_FOUND"
        assert agent.refused("db_undo_change", change_id="x")["code"] == "VALIDATION_ERROR"


def test_no_tool_tells_of_a_hidden_column(connect, editor):
    ColumnRule.objects.create(
        role=Group.objects.get(name="Editor"), table_id="authors", column_name="email", access="hidden"
    )
    hidden = models.Author.objects.create(name="x", email="secret@example.org")
    agent = connect(editor)
    where = {"id": hidden.pk}
    made = agent.ask("db_batch_insert", table="authors", records=[{"name": "b"}], return_records=True)
    answers = [
        made,
        agent.ask("db_query_records", table="authors"),
        agent.ask("db_update_records", table="authors", where=where, data={"bio": "x"}),
        agent.ask(
            "db_batch_update",
            table="authors",
            updates=[{"where": where, "data": {"bio": "y"}}],
            return_records=True,
        ),
        agent.refused("db_undo_change", change_id=made["change_id"]),
        agent.ask("db_get_schema", table="authors"),
        agent.ask("db_list_table_columns", table="authors", include_metadata=True),
        agent.ask("db_get_relationships", table="authors"),
        agent.refused("db_query_records", table="authors", where={"mail": "x"}),
        agent.ask("db_delete_records", table="authors", where=where),
        agent.ask("db_query_audit_logs"),
        {"tools": [tool.model_dump(mode="json") for tool in agent.tools().values()]},
    ]

    told = json.dumps(answers)
    assert "secret@example.org" not in told
    assert '"email"' not in told
    assert "authors_email" not in told
