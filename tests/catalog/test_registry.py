"""The whitelist: names become tables, keys become conditions, and tables have a load order."""

from __future__ import annotations

import pytest

from accesscontrol.errors import InvalidInput
from catalog import registry
from catalog.table import Table

BOOKS = registry.get("books")
CHARACTER_SCENES = registry.get("character_scenes")


class TestGet:
    def test_has_all_29_tables(self) -> None:
        assert len(registry.names()) == len(set(registry.names())) == len(registry.all_tables()) == 29
        assert all(registry.get(table.name) is table for table in registry.all_tables())

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "Books",
            "books;",
            "public.books",
            "böks",
            "1books",
            "books\n",
            "b" * 64,
            "bo ks",
            None,
            7,
            ["books"],
        ],
    )
    def test_refuses_what_is_no_identifier_before_it_looks(self, name: object) -> None:
        with pytest.raises(InvalidInput, match="small letters, digits and underscores"):
            registry.get(name)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("name", "meant"), [("book", "books"), ("charactres", "characters"), ("auditlogs", "audit_logs")]
    )
    def test_proposes_the_nearest_table(self, name: str, meant: str) -> None:
        with pytest.raises(InvalidInput, match=f"Did you mean .*{meant}") as refusal:
            registry.get(name)

        assert meant in refusal.value.details["allowed"]

    @pytest.mark.parametrize("name", ["auth_user", "django_session", "pg_class", "x" * 63])
    def test_knows_nothing_beyond_the_catalog(self, name: str) -> None:
        with pytest.raises(InvalidInput, match="There is no table"):
            registry.get(name)


class TestLoadOrder:
    def test_puts_every_table_after_those_it_refers_to(self) -> None:
        order = [table.name for table in registry.load_order()]

        assert sorted(order) == sorted(registry.names())
        for table in registry.all_tables():
            for target in set(table.foreign_keys.values()) - {table.name}:
                assert order.index(target) < order.index(table.name)

    def test_is_the_same_in_every_process(self) -> None:
        registry.load_order.cache_clear()
        first = registry.load_order()
        registry.load_order.cache_clear()

        assert registry.load_order() == first


class TestTable:
    def test_has_columns_by_name_in_the_order_of_the_database(self) -> None:
        assert list(registry.get("plot_thread_relationships").columns) == [
            "id", "thread_id", "related_thread_id", "relationship_type", "description", "created_at", "updated_at",
        ]  # fmt: skip

    def test_leaves_the_composite_key_out_of_the_columns(self) -> None:
        assert list(CHARACTER_SCENES.columns) == ["character_id", "scene_id", "role", "created_at"]
        assert CHARACTER_SCENES.key == ("character_id", "scene_id")
        assert CHARACTER_SCENES.managed_columns == {"created_at"}

    def test_knows_its_flags(self) -> None:
        tables = registry.all_tables()

        assert {t.name for t in tables if t.soft_delete} == {
            "books", "chapters", "scenes", "characters", "character_arcs", "locations", "world_elements",
            "organizations", "plot_threads",
        }  # fmt: skip
        assert {t.name for t in tables if t.read_only} == {"genres", "lookup_values", "audit_logs"}
        assert {t.name for t in tables if t.append_only} == {"audit_logs"}
        assert {t.name for t in tables if t.junction} == {
            "series_genres", "book_genres", "book_tropes", "character_scenes", "event_participants",
        }  # fmt: skip
        assert {t.name for t in tables if t.category == "junction"} == {t.name for t in tables if t.junction}

    def test_knows_where_foreign_keys_lead(self) -> None:
        assert registry.get("scenes").foreign_keys == {
            "chapter_id": "chapters", "pov_character_id": "characters", "location_id": "locations",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("table", "column"), [("books", "title"), ("authors", "name"), ("audit_logs", None)]
    )
    def test_names_records_for_people(self, table: str, column: str | None) -> None:
        assert registry.get(table).title_column == column

    def test_proposes_the_nearest_column(self) -> None:
        with pytest.raises(
            InvalidInput, match=r"books has no column 'titel'\. Did you mean title\?"
        ) as refusal:
            BOOKS.column("titel")

        assert refusal.value.details["allowed"] == list(BOOKS.columns)

    @pytest.mark.parametrize("name", ["author", "pk", "chapters", "", None, ["title"]])
    def test_knows_columns_by_their_own_name_only(self, name: object) -> None:
        with pytest.raises(InvalidInput):
            BOOKS.column(name)  # type: ignore[arg-type]

    @pytest.mark.parametrize("table", registry.all_tables(), ids=str)
    def test_every_record_has_words_for_people(self, table: Table) -> None:
        assert isinstance(str(table.model()), str)


class TestKeys:
    @pytest.mark.parametrize(
        ("table", "text", "key"),
        [
            (BOOKS, "12", {"id": 12}),
            (BOOKS, "9223372036854775807", {"id": 2**63 - 1}),
            (CHARACTER_SCENES, "3:4", {"character_id": 3, "scene_id": 4}),
        ],
    )
    def test_reads_what_it_writes(self, table: Table, text: str, key: dict[str, int]) -> None:
        assert table.parse_key(text) == key
        assert table.where_key(text) == key
        assert table.where_key(tuple(key.values())) == key
        assert table.format_key({**key, "created_at": "now"}) == text

    def test_takes_the_pk_of_a_model(self) -> None:
        assert BOOKS.where_key(12) == {"id": 12}

    @pytest.mark.parametrize(
        "text", ["", "x", "3:4", "-1", "1.0", " 1", "1\n", "٣", "9223372036854775808", "1" * 5000]
    )
    def test_refuses_what_is_no_key(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="is no key of books: give id"):
            BOOKS.parse_key(text)

    @pytest.mark.parametrize("text", ["3", "3:", ":4", "3:4:5", "3:x", "3,4"])
    def test_refuses_what_is_no_key_of_a_junction(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="is no key of character_scenes: give character_id:scene_id"):
            CHARACTER_SCENES.parse_key(text)
