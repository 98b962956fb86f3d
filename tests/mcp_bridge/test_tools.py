from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import connection

from audit.models import AuditLog
from catalog import registry

pytestmark = pytest.mark.django_db(transaction=True)


class TestQueryRecords:
    def test_returns_a_page(self, agent, alice):
        page = agent.ask("db_query_records", table="books", where={"title": {"$ilike": "al%"}})
        assert page == {
            "total": 1,
            "total_is_estimate": False,
            "count": 1,
            "limit": 100,
            "offset": 0,
            "next_cursor": None,
            "records": [alice],
        }

    def test_orders_pages_and_chooses_columns(self, agent):
        for title in "ABCDE":
            agent.ask("db_insert_record", table="series", data={"title": title})
        page = agent.ask(
            "db_query_records",
            table="series",
            columns=["title"],
            orderBy=[{"column": "title", "direction": "desc"}],
            limit=2,
            offset=1,
        )
        assert page["records"] == [{"title": "D"}, {"title": "C"}]
        assert (page["total"], page["count"], page["limit"], page["offset"]) == (5, 2, 2, 1)

    def test_groups_and_counts(self, agent, alice):
        page = agent.ask(
            "db_query_records",
            table="books",
            group_by=["author_id"],
            aggregate={"books": {"fn": "count"}, "words": {"fn": "sum", "column": "word_count"}},
        )
        assert page["records"] == [{"author_id": alice["author_id"], "books": 1, "words": 26_500}]

    def test_expands_a_foreign_key(self, agent, alice, carroll):
        page = agent.ask("db_query_records", table="books", expand=["author_id"])
        assert page["records"][0]["author"]["name"] == carroll["name"]

    def test_shows_the_trash_on_request(self, agent, alice):
        agent.ask("db_delete_records", table="books", where={"id": alice["id"]})
        assert agent.ask("db_query_records", table="books")["count"] == 0
        assert agent.ask("db_query_records", table="books", includeDeleted=True)["count"] == 1

    def test_writes_the_json_of_postgresql_digit_by_digit(self, agent):
        agent.ask("db_insert_record", table="authors", data={"name": 'Ü "\\ \u2028 \U0001f600'})
        result = agent.call("db_query_records", table="authors", columns=["name"])
        assert '{"name":"Ü \\"\\\\ \u2028 \U0001f600"}' in result.content[0].text


class TestWrites:
    def test_insert_returns_the_record_and_the_change(self, agent):
        answer = agent.ask("db_insert_record", table="authors", data={"name": "Mark Twain"})
        assert answer["record"]["id"] > 0
        assert answer["record"]["created_at"].endswith("+00:00")
        assert AuditLog.objects.get(change_id=UUID(answer["change_id"])).record_id == str(
            answer["record"]["id"]
        )

    def test_update_returns_what_changed(self, agent, alice):
        answer = agent.ask(
            "db_update_records", table="books", data={"word_count": 1}, where={"id": alice["id"]}
        )
        assert answer["updated"] == 1
        assert answer["records"][0]["word_count"] == 1

    def test_update_of_nothing_says_so(self, agent):
        answer = agent.ask("db_update_records", table="books", data={"word_count": 1}, where={"id": 0})
        assert (answer["updated"], answer["records"]) == (0, [])

    def test_delete_is_soft_where_it_can_be_and_restore_undoes_it(self, agent, alice):
        where = {"id": alice["id"]}
        deleted = agent.ask("db_delete_records", table="books", where=where)
        assert (deleted["deleted"], deleted["type"]) == (1, "soft")
        restored = agent.ask("db_restore_records", table="books", where=where)
        assert (restored["restored"], restored["records"][0]["deleted_at"]) == (1, None)

    def test_delete_can_be_for_good(self, agent, alice):
        deleted = agent.ask("db_delete_records", table="books", where={"id": alice["id"]}, softDelete=False)
        assert (deleted["deleted"], deleted["type"]) == (1, "hard")
        assert agent.ask("db_query_records", table="books", include_deleted=True)["total"] == 0


class TestSchema:
    def test_every_table_is_described_in_the_published_form(self, connect, admin):
        agent = connect(admin)
        for table in registry.names():
            assert agent.ask("db_get_schema", table=table)["columns"]
            assert agent.ask("db_list_table_columns", table=table, include_metadata=True)["total"]
            assert agent.ask("db_get_relationships", table=table, depth=3)["depth"] == 3

    def test_lists_tables(self, agent):
        answer = agent.ask("db_list_tables", pattern="book%")
        assert [table["name"] for table in answer["tables"]] == ["book_genres", "book_tropes", "books"]
        assert answer["tables"][2]["your_operations"] == ["read", "insert", "update", "delete", "export"]

    def test_lists_columns_in_short(self, agent):
        answer = agent.ask("db_list_table_columns", table="authors")
        assert answer["columns"][0] == {"name": "id", "type": "bigint"}


class TestAudit:
    def test_query_shows_who_did_what_from_where(self, agent, editor):
        agent.ask("db_insert_record", table="authors", data={"name": "Mark Twain"})
        log = agent.ask("db_query_audit_logs", operation="insert", limit=1)["logs"][0]
        assert (log["user_id"], log["channel"], log["table_name"]) == (editor.username, "mcp", "authors")
        assert log["changes"]["name"] == {"old": None, "new": "Mark Twain"}
        assert log["client_info"]["client"] == "the test's agent"
        assert log["client_info"]["client_version"] == "7"
        assert log["client_info"]["protocol"] == "2026-07-28"

    def test_summary_counts(self, agent):
        agent.ask("db_list_tables")
        agent.refused("db_query_records", table="books", where={"nope": 1})
        summary = agent.ask("db_get_audit_summary", start_date="2020-01-01")
        assert summary["summary"]["failed_operations"] == 1
        assert {"operation": "QUERY", "count": 1, "failed": 1}.items() <= summary["by_operation"][1].items()

    def test_each_call_has_its_own_request_id(self, agent):
        for _ in range(3):
            agent.ask("db_list_tables")
        logs = agent.ask("db_query_audit_logs")["logs"]
        assert len({log["request_id"] for log in logs}) == 3


class TestConnections:
    def test_go_back_to_the_pool_whatever_the_number_of_calls(self, agent):
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: agent.ask("db_list_tables"), range(40)))
        assert len(answers) == 40
        connection.close()
        stats = connection.pool.get_stats()
        assert stats["pool_available"] == stats["pool_size"] <= 6
