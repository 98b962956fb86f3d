from __future__ import annotations

import re
from collections import deque
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden, InvalidInput
from catalog import registry
from catalog.services import describe
from tests.catalog.services.builders import (
    APPEARANCES,
    AUDIT_LOGS,
    AUTHORS,
    BOOKS,
    CHAPTERS,
    GENRES,
    LOCATIONS,
)
from tests.catalog.services.conftest import again

TROPES = registry.get("tropes")


def names(tables: dict[str, Any]) -> list[str]:
    return [table["name"] for table in tables["tables"]]


class TestSchema:
    def test_tells_what_the_database_knows_of_a_table(self, viewer):
        schema = describe.get_schema(actor=viewer, table=BOOKS)

        assert list(schema) == [
            "table", "description", "columns", "primary_key", "foreign_keys", "referenced_by", "indexes",
            "constraints", "flags",
        ]  # fmt: skip
        assert (schema["table"], schema["primary_key"]) == ("books", ["id"])
        assert schema["description"].startswith("Books")
        assert schema["flags"] == {"soft_delete": True, "read_only": False}

    def test_describes_each_column(self, viewer):
        schema = describe.get_schema(actor=viewer, table=BOOKS)
        columns = {column["name"]: column for column in schema["columns"]}
        for column in columns.values():
            assert column.pop("description")

        assert columns["id"] == {
            "name": "id",
            "type": "bigint",
            "nullable": False,
            "default": "generated",
            "max_length": None,
            "is_primary_key": True,
            "references": None,
            "allowed_values": None,
        }
        assert columns["title"]["max_length"] == 500
        assert columns["author_id"]["references"] == "authors.id"
        assert columns["status"]["allowed_values"] == ["planned", "draft", "editing", "published", "archived"]
        assert columns["status"]["default"] == "'draft'::text"
        assert (columns["word_count"]["type"], columns["word_count"]["nullable"]) == ("integer", True)
        assert columns["published_at"]["type"] == "timestamp with time zone"

    def test_lists_keys_indexes_and_rules(self, viewer):
        schema = describe.get_schema(actor=viewer, table=CHAPTERS)

        assert schema["foreign_keys"] == [
            {
                "name": "chapters_book_id_fkey",
                "table": "chapters",
                "column": "book_id",
                "references_table": "books",
                "references_column": "id",
                "nullable": False,
                "on_delete": "no action",
            }
        ]
        assert {(key["table"], key["column"]) for key in schema["referenced_by"]} >= {
            ("scenes", "chapter_id")
        }
        indexes = {index["name"]: index for index in schema["indexes"]}
        assert indexes["chapters_book_id_chapter_num_key"] == {
            "name": "chapters_book_id_chapter_num_key",
            "unique": True,
            "primary": False,
            "columns": ["book_id", "chapter_num"],
            "predicate": "(deleted_at IS NULL)",
        }
        assert schema["constraints"][0]["definition"] == "PRIMARY KEY (id)"
        rules = {rule["name"]: rule for rule in schema["constraints"]}
        assert rules["chapters_word_count_check"]["columns"] == ["word_count"]

    @pytest.mark.parametrize("table", registry.all_tables(), ids=str)
    def test_of_every_table_agrees_with_the_registry(self, viewer, table):
        schema = describe.get_schema(actor=viewer, table=table)

        assert [column["name"] for column in schema["columns"]] == list(table.columns)
        assert schema["primary_key"] == list(table.key)
        assert {
            key["column"]: key["references_table"] for key in schema["foreign_keys"]
        } == table.foreign_keys
        assert [column["name"] for column in schema["columns"] if column["is_primary_key"]] == sorted(
            table.key, key=list(table.columns).index
        )
        assert schema["flags"] == {"soft_delete": table.soft_delete, "read_only": table.read_only}

    def test_leaves_out_tables_that_the_caller_may_not_read(self, granted):
        reader = granted(read=["books", "chapters"])

        schema = describe.get_schema(actor=reader, table=BOOKS)

        assert schema["foreign_keys"] == []
        assert {key["table"] for key in schema["referenced_by"]} == {"chapters"}
        assert not any(column["references"] for column in schema["columns"])
        assert "author_id" in [column["name"] for column in schema["columns"]]

    @pytest.mark.parametrize("operation", ["get_schema", "get_relationships", "list_table_columns"])
    def test_is_not_for_those_who_may_not_read_the_table(self, nobody, granted, operation):
        for actor in (nobody, granted(read=["authors"])):
            with pytest.raises(Forbidden):
                getattr(describe, operation)(actor=actor, table=BOOKS)
        with pytest.raises(AuthenticationRequired):
            getattr(describe, operation)(actor=Actor(None, Channel.MCP), table=BOOKS)

    def test_is_audited(self, viewer, trail):
        describe.get_schema(actor=viewer, table=BOOKS)
        describe.list_tables(actor=viewer)
        describe.get_relationships(actor=viewer, table=BOOKS)
        describe.list_table_columns(actor=viewer, table=BOOKS)

        assert [(row.operation, row.table_name) for row in trail()] == [
            ("GET_SCHEMA", "books"),
            ("LIST_TABLES", None),
            ("GET_RELATIONSHIPS", "books"),
            ("LIST_TABLE_COLUMNS", "books"),
        ]
        assert trail()[0].record_count == len(BOOKS.columns)


class TestColumns:
    def test_are_names_and_types(self, viewer):
        listed = describe.list_table_columns(actor=viewer, table=APPEARANCES)

        assert (listed["table"], listed["total"]) == ("character_scenes", 4)
        assert listed["columns"] == [
            {"name": "character_id", "type": "bigint"},
            {"name": "scene_id", "type": "bigint"},
            {"name": "role", "type": "text"},
            {"name": "created_at", "type": "timestamp with time zone"},
        ]

    def test_have_everything_about_them_on_request(self, viewer):
        listed = describe.list_table_columns(actor=viewer, table=BOOKS, include_metadata=True)

        assert listed["columns"] == describe.get_schema(actor=viewer, table=BOOKS)["columns"]


class TestTables:
    def test_are_all_but_those_of_the_system(self, viewer):
        listed = describe.list_tables(actor=viewer)

        expected = {table.name for table in registry.all_tables() if table.category != "system"}
        assert set(names(listed)) == expected
        assert listed["total"] == len(expected) == len(listed["tables"])
        assert names(listed) == sorted(names(listed))

    def test_of_the_system_show_on_request(self, viewer):
        listed = describe.list_tables(actor=viewer, include_system_tables=True)

        assert set(names(listed)) == set(registry.names())

    def test_say_what_they_are_and_what_the_caller_may_do(self, viewer, editor):
        def one(actor: Actor, name: str) -> dict[str, Any]:
            return describe.list_tables(actor=actor, pattern=name)["tables"][0]

        book = one(viewer, "books")
        assert list(book) == [
            "name", "row_estimate", "size_bytes", "size", "description", "type", "category", "soft_delete",
            "read_only", "your_operations",
        ]  # fmt: skip
        assert (book["type"], book["category"], book["soft_delete"], book["read_only"]) == (
            "table", "core", True, False,
        )  # fmt: skip
        assert book["your_operations"] == ["read"]
        assert book["size_bytes"] > 0
        assert one(editor, "books")["your_operations"] == ["read", "insert", "update", "delete", "export"]
        assert one(editor, "genres")["your_operations"] == ["read", "export"]
        assert one(viewer, "character_scenes")["type"] == "junction"

    def test_are_those_that_the_caller_may_read(self, granted, nobody):
        assert names(describe.list_tables(actor=granted(read=["books", "authors"]))) == ["authors", "books"]
        assert describe.list_tables(actor=granted(update=["books"])) == {"tables": [], "total": 0}
        assert describe.list_tables(actor=nobody) == {"tables": [], "total": 0}
        with pytest.raises(AuthenticationRequired):
            describe.list_tables(actor=Actor(None, Channel.MCP))

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("books", ["books"]),
            ("book%", ["book_genres", "book_tropes", "books"]),
            ("book\\_%", ["book_genres", "book_tropes"]),
            ("_ooks", ["books"]),
            ("BOOKS", []),
            ("", []),
            ("pg_%", []),
            ("'; DROP TABLE books; --", []),
        ],
    )
    def test_can_be_chosen_by_a_pattern(self, viewer, pattern, expected):
        assert names(describe.list_tables(actor=viewer, pattern=pattern)) == expected

    @pytest.mark.parametrize("pattern", [5, ["books"], "half\\", "\x00", "\ud800", True])
    def test_by_a_pattern_that_is_none_are_refused(self, viewer, pattern):
        with pytest.raises(InvalidInput) as refusal:
            describe.list_tables(actor=viewer, pattern=pattern)
        assert refusal.value.details["path"] == "pattern"


class TestRelationships:
    def test_are_the_keys_from_and_to_a_table(self, viewer):
        found = describe.get_relationships(actor=viewer, table=LOCATIONS)

        assert (found["table"], found["depth"]) == ("locations", 1)
        assert [(key["column"], key["references_table"]) for key in found["outgoing"]] == [
            ("parent_location_id", "locations"),
            ("series_id", "series"),
        ]
        assert {(key["table"], key["column"]) for key in found["incoming"]} == {
            ("locations", "parent_location_id"),
            ("organizations", "headquarters_location_id"),
            ("scenes", "location_id"),
        }

    @pytest.mark.parametrize("depth", [1, 2, 3])
    @pytest.mark.parametrize("table", [BOOKS, AUTHORS, APPEARANCES, GENRES, LOCATIONS, AUDIT_LOGS], ids=str)
    def test_have_the_shortest_path_to_each_table_in_reach(self, viewer, table, depth):
        paths = describe.get_relationships(actor=viewer, table=table, depth=depth)["paths"]

        lengths = _distances(table.name)
        assert {path["to"]: path["length"] for path in paths} == {
            name: length for name, length in lengths.items() if 0 < length <= depth
        }
        for path in paths:
            assert path["length"] == len(path["steps"])
            here = table.name
            for step in path["steps"]:
                assert registry.get(step["table"]).foreign_keys[step["column"]] == step["references_table"]
                assert here in (step["table"], step["references_table"])
                here = step["references_table"] if here == step["table"] else step["table"]
            assert here == path["to"]

    def test_go_through_no_table_that_the_caller_may_not_read(self, granted):
        reader = granted(read=["books", "scenes", "authors", "series"])

        found = describe.get_relationships(actor=reader, table=BOOKS, depth=3)

        assert {path["to"]: path["length"] for path in found["paths"]} == {"authors": 1, "series": 1}
        assert found["incoming"] == []

    @pytest.mark.parametrize("depth", [0, 4, -1, None, "1", 1.5, True, [1]])
    def test_of_another_depth_are_refused(self, viewer, depth):
        with pytest.raises(InvalidInput) as refusal:
            describe.get_relationships(actor=viewer, table=BOOKS, depth=depth)
        assert refusal.value.details == {"argument": "depth", "maximum": 3}


def _distances(start: str) -> dict[str, int]:
    neighbours: dict[str, set[str]] = {name: set() for name in registry.names()}
    for table in registry.all_tables():
        for parent in table.foreign_keys.values():
            neighbours[table.name].add(parent)
            neighbours[parent].add(table.name)
    distances, waiting = {start: 0}, deque([start])
    while waiting:
        here = waiting.popleft()
        for there in neighbours[here] - distances.keys():
            distances[there] = distances[here] + 1
            waiting.append(there)
    return distances


class TestReading:
    @pytest.mark.parametrize("operation", ["get_schema", "get_relationships", "list_table_columns"])
    def test_takes_one_statement(self, viewer, operation):
        with CaptureQueriesContext(connection) as captured:
            getattr(describe, operation)(actor=again(viewer), table=BOOKS)

        statements = [query["sql"] for query in captured.captured_queries]
        assert len([sql for sql in statements if re.search(r"\bpg_|app\.(table_d|foreign_k)", sql)]) == 1

    def test_never_has_more_rights_than_the_caller(self, db):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'app'::regnamespace AND prosecdef"
                " AND prorettype <> 'trigger'::regtype ORDER BY 1"  # those nobody can call
            )
            assert [name for (name,) in cursor.fetchall()] == [
                "forget_full_rates", "make_import_rows", "prune_change_log", "take_rate",  # none reads the catalog
            ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
class TestAChangeByAnother:
    """By the owner, on another connection; each test leaves a fresh database behind."""

    def test_of_the_schema_is_seen_at_the_next_call(self, viewer, owner):
        def schema() -> dict[str, Any]:
            return describe.get_schema(actor=again(viewer), table=TROPES)

        def column(name: str) -> dict[str, Any]:
            return next(column for column in schema()["columns"] if column["name"] == name)

        def definition(name: str) -> str:
            return next(rule["definition"] for rule in schema()["constraints"] if rule["name"] == name)

        schema()
        owner.execute("COMMENT ON TABLE public.tropes IS 'Patterns, again.'")
        assert schema()["description"] == "Patterns, again."
        owner.execute("COMMENT ON COLUMN public.tropes.name IS 'The name, again.'")
        assert column("name")["description"] == "The name, again."
        owner.execute("CREATE INDEX tropes_category_idx ON public.tropes (category)")
        assert "tropes_category_idx" in [index["name"] for index in schema()["indexes"]]
        owner.execute("ALTER TABLE public.tropes ALTER category SET DEFAULT 'plot'")
        assert column("category")["default"] == "'plot'::text"
        owner.execute("ALTER TABLE public.tropes ALTER category SET NOT NULL")
        assert column("category")["nullable"] is False
        owner.execute(
            "ALTER TABLE public.tropes ADD CONSTRAINT tropes_short_check CHECK (length(category) < 9)"
        )
        assert definition("tropes_short_check") == "CHECK ((length(category) < 9))"
        owner.execute(
            "CREATE FUNCTION public.is_short(text) RETURNS boolean LANGUAGE sql RETURN length($1) < 9"
        )
        owner.execute("ALTER TABLE public.tropes ADD CONSTRAINT tropes_tiny_check CHECK (is_short(category))")
        owner.execute("ALTER FUNCTION public.is_short RENAME TO is_tiny")
        assert definition("tropes_tiny_check") == "CHECK (is_tiny(category))"
        owner.execute("ALTER INDEX public.tropes_category_idx RENAME TO tropes_kind_idx")
        assert "tropes_kind_idx" in [index["name"] for index in schema()["indexes"]]
        owner.execute("DROP INDEX public.tropes_kind_idx")
        assert "tropes_kind_idx" not in [index["name"] for index in schema()["indexes"]]
        owner.execute("ALTER TABLE public.book_tropes DROP CONSTRAINT book_tropes_trope_id_fkey")
        assert schema()["referenced_by"] == []
        assert describe.get_relationships(actor=again(viewer), table=TROPES)["paths"] == []

    def test_of_a_column_that_the_model_does_not_know_is_no_fault(self, viewer, owner):
        owner.execute("ALTER TABLE public.tropes ADD COLUMN secret text DEFAULT 'x'")

        schema = describe.get_schema(actor=viewer, table=TROPES)

        assert [column["name"] for column in schema["columns"]] == list(TROPES.columns)
