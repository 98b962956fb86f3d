from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden, InvalidInput
from catalog import registry
from catalog.services import queries, records
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    APPEARANCES,
    AUDIT_LOGS,
    AUTHORS,
    BOOKS,
    CHAPTERS,
    CHARACTERS,
    EVENTS,
    GOALS,
    LOCATIONS,
    SCENES,
    SQL_TEXTS,
)
from tests.catalog.services.conftest import again


def query(actor: Actor, table: Any, **options: Any) -> queries.Page:
    return queries.query_records(actor=actor, table=table, **options)


def found(actor: Actor, table: Any, column: str = "id", **options: Any) -> list[Any]:
    return [record[column] for record in query(actor, table, **options).records]


def by(column: str, direction: str = "asc") -> dict[str, str]:
    return {"column": column, "direction": direction}


class TestColumns:
    def test_are_all_those_of_the_table_in_its_order(self, viewer):
        builders.book()

        assert list(query(viewer, BOOKS).records[0]) == list(BOOKS.columns)

    def test_are_those_asked_for_in_the_order_asked_and_each_once(self, viewer):
        book = builders.book()

        record = query(viewer, BOOKS, columns=["title", "author_id", "title"]).records[0]

        assert list(record.items()) == [("title", book.title), ("author_id", book.author_id)]

    @pytest.mark.parametrize(
        "columns", [["titel"], ["author"], ["author__name"], ["pk"], ["*"], [""], [None], [5]]
    )
    def test_that_are_unknown_are_refused(self, viewer, columns):
        with pytest.raises(InvalidInput) as refusal:
            query(viewer, BOOKS, columns=columns)
        assert refusal.value.details["allowed"] == list(BOOKS.columns)

    @pytest.mark.parametrize("columns", [[], "title"])
    def test_must_be_a_list_with_something_in_it(self, viewer, columns):
        with pytest.raises(InvalidInput):
            query(viewer, BOOKS, columns=columns)

    @pytest.mark.parametrize("table", registry.all_tables(), ids=str)
    def test_of_every_table_can_be_read(self, admin, table):
        records.insert_record(actor=admin, table=AUTHORS, data={"name": "so that the trail has a row"})

        page = query(admin, table, limit=1)

        assert all(list(record) == list(table.columns) for record in page.records)


class TestOrder:
    def test_is_that_of_the_key_without_order_by(self, viewer):
        keys = [builders.author(id=number).pk for number in (900_003, 900_001, 900_002)]

        assert found(viewer, AUTHORS) == sorted(keys)

    def test_of_a_junction_is_that_of_its_whole_key(self, viewer):
        scenes = [builders.scene() for _ in range(3)]
        people = [builders.character() for _ in range(3)]
        for person in reversed(people):
            for scene in reversed(scenes):
                builders.appearance(character=person, scene=scene)

        keys = [(r["character_id"], r["scene_id"]) for r in query(viewer, APPEARANCES).records]

        assert keys == sorted(keys)
        assert len(keys) == 9

    @pytest.mark.parametrize("count", range(12))
    def test_with_nulls_and_mixed_directions_is_that_of_postgresql(self, viewer, count):
        rng = random.Random(count)  # noqa: S311 - nothing is kept secret with it
        writer = builders.author()
        rows = []
        for _ in range(30):
            values = {"word_count": rng.choice([1, 2, None]), "genre": rng.choice(["a", "B", "b", None])}
            rows.append({"id": builders.book(author=writer, **values).pk, **values})
        terms = rng.sample(["word_count", "genre", "id"], rng.randint(1, 3))
        order = [by(name, rng.choice(["asc", "desc"])) for name in terms]

        assert found(viewer, BOOKS, order_by=order) == [row["id"] for row in _sorted(rows, order)]

    def test_is_total_so_that_pages_neither_miss_nor_repeat(self, viewer):
        writer = builders.author()
        keys = {builders.book(author=writer, genre="same").pk for _ in range(25)}
        order = [by("genre", "desc"), by("word_count")]

        pages = [found(viewer, BOOKS, order_by=order, limit=4, offset=offset) for offset in range(0, 28, 4)]

        seen = [key for page in pages for key in page]
        assert len(seen) == 25
        assert set(seen) == keys

    @pytest.mark.parametrize(
        "order_by",
        [
            [by("titel")], [by("author__name")], [by("?")], [by("-title")], [by("pk")], [by("title", "up")],
            [by("title", "asc; DROP TABLE public.books")], ["title"], "title", by("title"), [{"direction": "asc"}],
            [{"column": "title", "order": "asc"}], [{"column": None}], [{"column": ["title"]}], [None],
            [{"column": "title", "direction": None}],
        ],
    )  # fmt: skip
    def test_that_makes_no_sense_is_refused(self, viewer, order_by):
        with pytest.raises(InvalidInput):
            query(viewer, BOOKS, order_by=order_by)


def _sorted(rows: list[dict[str, Any]], order: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Rows as PostgreSQL sorts them: NULL is the greatest, and the key comes last."""
    rows = sorted(rows, key=lambda row: row["id"])
    for term in reversed(order):
        name, is_descending = term["column"], term["direction"] == "desc"
        values = sorted({row[name] for row in rows} - {None}, reverse=is_descending)
        places: list[Any] = [None, *values] if is_descending else [*values, None]
        rows.sort(key=lambda row: places.index(row[name]))
    return rows


class TestPages:
    def test_have_limit_offset_and_count(self, viewer):
        keys = [builders.author().pk for _ in range(5)]

        page = query(viewer, AUTHORS, limit=2, offset=1)

        assert [record["id"] for record in page.records] == keys[1:3]
        assert (page.total, page.total_is_estimate, page.count, page.limit, page.offset) == (
            5,
            False,
            2,
            2,
            1,
        )
        assert page.next_cursor is not None

    @pytest.mark.parametrize("offset", [5, 6, 1_000_000, 2**63 - 1])
    def test_past_the_end_are_empty_and_still_know_the_total(self, viewer, offset):
        for _ in range(5):
            builders.author()

        page = query(viewer, AUTHORS, offset=offset)

        assert (page.count, page.total) == (0, 5)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"limit": 0}, {"limit": -1}, {"limit": 1001}, {"offset": -1}, {"offset": 2**63}, {"count": "all"},
            {"count": None}, {"limit": "5"}, {"limit": 1.5}, {"limit": True}, {"limit": None}, {"offset": "0"},
            {"offset": False}, {"offset": None}, {"count": ["exact"]}, {"limit": 10**5000},
        ],
        ids=lambda wrong: str(list(wrong)),
    )  # fmt: skip
    def test_beyond_their_limits_are_refused(self, viewer, wrong):
        with pytest.raises(InvalidInput) as refusal:
            query(viewer, AUTHORS, **wrong)
        assert refusal.value.details["argument"] == next(iter(wrong))

    def test_of_a_query_that_can_not_match_are_empty(self, viewer):
        builders.author()

        for offset in (0, 1):
            page = query(viewer, AUTHORS, where={"id": {"$in": []}}, offset=offset)
            assert (page.count, page.total) == (0, 0)

    def test_of_a_thousand_are_the_greatest(self, viewer):
        _many_authors(1_001)

        page = query(viewer, AUTHORS, limit=1_000)

        assert (page.count, page.total) == (1_000, 1_001)


def _many_authors(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.authors (name) SELECT 'author ' || n FROM generate_series(1, %s) n", [count]
        )


class TestCount:
    @pytest.mark.parametrize(("mode", "total"), [("exact", 3), ("capped", 3), ("none", None)])
    def test_of_few_is_exact_whichever_way(self, viewer, mode, total):
        for _ in range(3):
            builders.author()

        for limit in (1, 3, 100):
            page = query(viewer, AUTHORS, count=mode, limit=limit)
            assert (page.total, page.total_is_estimate) == (total, False)

    def test_above_ten_thousand_is_an_estimate_that_says_so(self, viewer):
        _many_authors(10_050)

        page = query(viewer, AUTHORS, count="capped")
        assert page.total_is_estimate
        assert page.total > 10_000

        page = query(viewer, AUTHORS, count="exact")
        assert (page.total, page.total_is_estimate) == (10_050, False)

        page = query(viewer, AUTHORS, count="none")
        assert (page.total, page.total_is_estimate) == (None, False)

        few = {"name": {"$like": "author 1000_"}}
        page = query(viewer, AUTHORS, count="capped", where=few, limit=2)
        assert (page.total, page.total_is_estimate) == (10, False)

    def test_is_estimated_for_texts_with_percent_signs_too(self, viewer):
        _many_authors(10_050)

        page = query(viewer, AUTHORS, where={"name": {"$like": "auth%"}, "bio": {"$ne": "100% %s"}}, limit=1)

        assert page.total_is_estimate

    def test_leaves_the_trash_out(self, viewer):
        writer = builders.author()
        builders.book(author=writer)
        builders.book(author=writer, deleted_at="2026-01-01T00:00:00Z")

        assert query(viewer, BOOKS, count="exact", limit=1).total == 1
        assert query(viewer, BOOKS, count="exact", limit=1, include_deleted=True).total == 2


class TestShapes:
    @pytest.mark.parametrize("argument", ["columns", "group_by", "expand", "order_by"])
    @pytest.mark.parametrize(
        "value",
        [
            5,
            True,
            1.5,
            "title",
            b"title",
            {"title": 1},
            {"title"},
            [["title"]],
            [{"a": 1}],
            [None],
            [5],
            [True],
        ],
    )
    def test_of_a_list_of_names_are_nothing_else(self, viewer, argument, value):
        with pytest.raises(InvalidInput) as refusal:
            query(viewer, BOOKS, **{argument: value})
        assert argument in refusal.value.message


class TestTrash:
    def test_shows_on_request_alone(self, viewer):
        live = builders.book()
        gone = builders.book(deleted_at="2026-01-01T00:00:00Z")

        assert found(viewer, BOOKS) == [live.pk]
        assert found(viewer, BOOKS, include_deleted=True) == [live.pk, gone.pk]
        assert found(viewer, BOOKS, where={"id": gone.pk}) == []
        assert found(viewer, BOOKS, where={"deleted_at": {"$null": False}}, include_deleted=True) == [gone.pk]

    def test_that_a_table_does_not_have_may_be_asked_for(self, viewer):
        author = builders.author()

        assert found(viewer, AUTHORS, include_deleted=True) == [author.pk]


class TestGroups:
    @pytest.fixture
    def library(self, viewer):
        writer = builders.author()
        for genre, words in [("a", 10), ("a", 30), ("b", None), ("b", 5), (None, 7), ("a", None)]:
            builders.book(author=writer, genre=genre, word_count=words)
        return viewer

    def test_have_one_record_each_with_their_aggregates(self, library):
        aggregate = {
            "books": {"fn": "count"},
            "counted": {"fn": "count", "column": "word_count"},
            "words": {"fn": "sum", "column": "word_count"},
            "mean": {"fn": "avg", "column": "word_count"},
            "least": {"fn": "min", "column": "word_count"},
            "most": {"fn": "max", "column": "word_count"},
            "authors": {"fn": "count_distinct", "column": "author_id"},
        }

        page = query(library, BOOKS, group_by=["genre"], aggregate=aggregate)

        names = ["genre", *aggregate]
        assert [list(record) for record in page.records] == [names] * 3
        assert [tuple(record.values()) for record in page.records] == [
            ("a", 3, 2, 40, 20.0, 10, 30, 1),
            ("b", 2, 1, 5, 5.0, 5, 5, 1),
            (None, 1, 1, 7, 7.0, 7, 7, 1),
        ]
        assert page.total == 3

    def test_without_aggregates_are_each_value_once(self, library):
        page = query(library, BOOKS, group_by=["genre"])

        assert list(page.records) == [{"genre": "a"}, {"genre": "b"}, {"genre": None}]
        assert query(library, BOOKS, group_by=["genre"], limit=2, count="exact").total == 3

    def test_by_several_columns_have_one_record_for_each_combination(self, library):
        aggregate = {"n": {"fn": "count"}}

        page = query(library, BOOKS, group_by=["status", "genre"], aggregate=aggregate)

        assert [list(record.values()) for record in page.records] == [
            ["draft", "a", 3], ["draft", "b", 2], ["draft", None, 1],
        ]  # fmt: skip

    def test_can_be_ordered_by_aggregates_and_columns(self, library):
        aggregate = {"words": {"fn": "sum", "column": "word_count"}, "n": {"fn": "count"}}

        def genres(*order: dict[str, str]) -> list[Any]:
            return found(library, BOOKS, "genre", group_by=["genre"], aggregate=aggregate, order_by=order)

        assert genres(by("words")) == ["b", None, "a"]
        assert genres(by("n", "desc"), by("genre")) == ["a", "b", None]
        assert genres(by("genre", "desc")) == [None, "b", "a"]

    def test_come_in_pages(self, library):
        options: dict[str, Any] = {"group_by": ["genre"], "aggregate": {"n": {"fn": "count"}}, "limit": 2}

        first, second = query(library, BOOKS, **options), query(library, BOOKS, **options, offset=2)
        past = query(library, BOOKS, **options, offset=7)

        assert [r["genre"] for r in [*first.records, *second.records]] == ["a", "b", None]
        assert (first.total, second.total, past.total, past.count) == (3, 3, 3, 0)

    def test_count_only_what_where_lets_through(self, library):
        page = query(
            library,
            BOOKS,
            where={"word_count": {"$gt": 6}},
            group_by=["genre"],
            aggregate={"n": {"fn": "count"}},
        )

        assert list(page.records) == [{"genre": "a", "n": 2}, {"genre": None, "n": 1}]

    def test_of_all_rows_are_one_record(self, library):
        aggregate = {"n": {"fn": "count"}, "words": {"fn": "sum", "column": "word_count"}}

        assert list(query(library, BOOKS, aggregate=aggregate).records) == [{"n": 6, "words": 52}]
        assert list(query(library, BOOKS, aggregate=aggregate, limit=1).records) == [{"n": 6, "words": 52}]
        assert query(library, BOOKS, aggregate=aggregate, limit=1, count="exact").total == 1
        past = query(library, BOOKS, aggregate=aggregate, offset=1)
        assert (past.count, past.total) == (0, 1)
        assert query(library, BOOKS, aggregate=aggregate, count="none").total is None

    @pytest.mark.parametrize("where", [None, {"id": {"$in": []}}, {"id": -1}])
    def test_of_no_rows_at_all_are_one_record_too(self, viewer, where):
        names = {"n": "count", "words": "sum", "mean": "avg", "least": "min", "distinct": "count_distinct"}
        aggregate = {name: {"fn": fn, "column": "word_count"} for name, fn in names.items()}

        page = query(viewer, BOOKS, aggregate=aggregate, where=where)

        assert list(page.records) == [{"n": 0, "words": None, "mean": None, "least": None, "distinct": 0}]
        assert page.total == 1
        assert list(query(viewer, BOOKS, aggregate=aggregate, where=where, group_by=["genre"]).records) == []

    def test_of_each_type_are_written_as_records_are(self, viewer):
        for position in ("0.1", "0.2", None):
            builders.event(position=position)
        aggregate = {
            "sum": {"fn": "sum", "column": "position"},
            "mean": {"fn": "avg", "column": "position"},
            "least": {"fn": "min", "column": "position"},
            "first": {"fn": "min", "column": "title"},
            "last": {"fn": "max", "column": "created_at"},
            "key": {"fn": "max", "column": "id"},
        }

        record = query(viewer, EVENTS, aggregate=aggregate).records[0]

        assert (record["sum"], record["mean"], record["least"]) == (
            "0.300000",
            pytest.approx(0.15),
            "0.100000",
        )
        assert record["last"] == query(viewer, EVENTS).records[-1]["created_at"]
        assert isinstance(record["key"], int)

    def test_by_numeric_show_it_as_text(self, viewer):
        builders.event(position="99999999999999.999999")

        page = query(viewer, EVENTS, group_by=["position"], aggregate={"n": {"fn": "count"}})

        assert list(page.records) == [{"position": "99999999999999.999999", "n": 1}]

    def test_sums_beyond_bigint_are_exact(self, viewer):
        exports = registry.get("exports")
        for _ in range(3):
            exports.model._default_manager.create(format="csv", size_bytes=2**63 - 1)

        page = query(viewer, exports, aggregate={"bytes": {"fn": "sum", "column": "size_bytes"}})

        assert list(page.records) == [{"bytes": 3 * (2**63 - 1)}]

    @pytest.mark.parametrize("column", ["aliases", "role", "series_id", "created_at"])
    def test_by_any_groupable_column(self, viewer, column):
        builders.character(aliases=["a"])
        builders.character(aliases=["a"])

        page = query(viewer, CHARACTERS, group_by=[column], aggregate={"n": {"fn": "count"}})

        assert [record["n"] for record in page.records] == [2]

    @pytest.mark.parametrize(
        ("fn", "column"),
        [
            ("sum", "title"), ("avg", "title"), ("sum", "published_at"), ("sum", "id"), ("avg", "author_id"),
            ("median", "word_count"), ("COUNT", "id"), ("sum", None), ("count_distinct", None), (None, "id"),
            ("sum", "wordcount"), ("count", "author__name"), (["sum"], "word_count"), ("sum", 5),
        ],
    )  # fmt: skip
    def test_with_aggregates_that_make_no_sense_are_refused(self, viewer, fn, column):
        with pytest.raises(InvalidInput):
            query(viewer, BOOKS, aggregate={"x": {"fn": fn, "column": column}})

    @pytest.mark.parametrize(
        ("table", "fn", "column"),
        [
            (CHARACTERS, "min", "aliases"), (CHARACTERS, "max", "attributes"), (GOALS, "min", "is_active"),
            (CHARACTERS, "count_distinct", "attributes"), (AUDIT_LOGS, "max", "request_id"),
        ],
    )  # fmt: skip
    def test_with_functions_that_postgresql_does_not_have_are_refused(self, admin, table, fn, column):
        with pytest.raises(InvalidInput) as refusal:
            query(admin, table, aggregate={"x": {"fn": fn, "column": column}})
        assert refusal.value.details["column"] == column

    @pytest.mark.parametrize(
        "name", ["genre", "", "N", "n n", "n; --", "x" * 64, 'a"b', "measure-0", 5, None]
    )
    def test_with_names_that_collide_or_are_none_are_refused(self, viewer, name):
        with pytest.raises(InvalidInput):
            query(viewer, BOOKS, group_by=["genre"], aggregate={name: {"fn": "count"}})

    @pytest.mark.parametrize("name", ["title", "id", "measure_1", "everything", "select", "author", "pk"])
    def test_with_names_that_only_look_like_others_are_fine(self, library, name):
        aggregate = {name: {"fn": "count"}, "measure_0": {"fn": "max", "column": "word_count"}}

        page = query(library, BOOKS, group_by=["status"], aggregate=aggregate, order_by=[by(name)])

        assert list(page.records) == [{"status": "draft", name: 6, "measure_0": 30}]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"group_by": ["titel"]}, {"group_by": "title"}, {"group_by": ["author__name"]}, {"group_by": [5]},
            {"aggregate": ["count"]}, {"aggregate": {"n": "count"}}, {"aggregate": {"n": {}}}, {"aggregate": "count"},
            {"aggregate": {"n": {"fn": "count", "where": {}}}}, {"group_by": ["title"], "columns": ["title"]},
            {"aggregate": {"n": {"fn": "count"}}, "expand": ["author_id"]},
            {"group_by": ["genre"], "order_by": [by("title")]}, {"group_by": ["genre"], "order_by": [by("measure_0")]},
            {"aggregate": {f"n{number}": {"fn": "count"} for number in range(21)}},
        ],
    )  # fmt: skip
    def test_of_a_wrong_shape_are_refused(self, viewer, wrong):
        with pytest.raises(InvalidInput):
            query(viewer, BOOKS, **wrong)

    def test_by_a_document_are_refused(self, viewer):
        with pytest.raises(InvalidInput) as refusal:
            query(viewer, CHARACTERS, group_by=["attributes"])
        assert refusal.value.details["column"] == "attributes"


class TestExpand:
    def test_shows_the_whole_parent_under_the_name_of_the_key(self, viewer):
        book = builders.book()

        record = query(viewer, BOOKS, expand=["author_id", "series"]).records[0]

        assert record["author"] == query(viewer, AUTHORS).records[0]
        assert record["author_id"] == book.author_id
        assert record["series"] is None

    def test_adds_to_the_columns_asked_for(self, viewer):
        builders.book(series=builders.series())

        record = query(viewer, BOOKS, columns=["title"], expand=["series", "author", "author_id"]).records[0]

        assert list(record) == ["title", "series", "author"]

    def test_of_a_parent_with_a_trash_says_whether_it_is_there(self, viewer):
        chapter = builders.chapter(book=builders.book(word_count=5))

        parent = query(viewer, CHAPTERS, expand=["book_id"]).records[0]["book"]

        book = query(viewer, BOOKS).records[0]
        assert parent == {**book, "deleted": False}
        assert parent["id"] == chapter.book_id

    def test_of_a_trashed_parent_shows_its_key_alone(self, viewer):
        book = builders.book(deleted_at="2026-01-01T00:00:00Z")
        builders.chapter(book=book)

        parent = query(viewer, CHAPTERS, expand=["book_id"]).records[0]["book"]

        assert parent == {"id": book.pk, "deleted": True}

    def test_of_a_trashed_parent_shows_all_of_it_on_request(self, viewer):
        book = builders.book(deleted_at="2026-01-01T00:00:00Z")
        builders.chapter(book=book)

        parent = query(viewer, CHAPTERS, expand=["book_id"], include_deleted=True).records[0]["book"]

        assert (parent["title"], parent["deleted"]) == (book.title, True)
        assert parent["deleted_at"] == "2026-01-01T00:00:00+00:00"

    def test_of_a_table_that_refers_to_itself_shows_the_parent_alone(self, viewer):
        world = builders.location(name="world")
        city = builders.location(name="city", parent_location=world)
        builders.location(name="street", parent_location=city)

        parents = found(viewer, LOCATIONS, "parent_location", expand=["parent_location_id"])

        assert [parent and parent["name"] for parent in parents] == [None, "world", "city"]

    def test_of_a_junction_shows_both_sides(self, viewer):
        appearance = builders.appearance()

        record = query(viewer, APPEARANCES, expand=["character_id", "scene_id"]).records[0]

        assert record["character"]["name"] == appearance.character.name
        assert record["scene"]["scene_num"] == appearance.scene.scene_num

    def test_of_several_keys_to_one_table_keeps_them_apart(self, viewer):
        relations = registry.get("character_relationships")
        one, other = builders.character(name="one"), builders.character(name="other")
        relations.model._default_manager.create(
            character=one, related_character=other, relationship_type="knows"
        )

        record = query(viewer, relations, expand=["related_character_id", "character_id"]).records[0]

        assert (record["character"]["name"], record["related_character"]["name"]) == ("one", "other")

    def test_shows_values_as_the_parent_itself_does(self, viewer):
        text = "".join(SQL_TEXTS)
        person = builders.character(aliases=[text], attributes={text: [1, None, 2**70]})
        builders.scene(pov_character=person)
        participation = registry.get("event_participants")
        event = builders.event(position="0.100000")
        participation.model._default_manager.create(event=event, character=person)

        told = query(viewer, SCENES, expand=["pov_character_id"]).records[0]["pov_character"]
        seen = query(viewer, participation, expand=["event_id"]).records[0]["event"]

        assert told == {**query(viewer, CHARACTERS).records[0], "deleted": False}
        assert seen == query(viewer, EVENTS).records[0]
        assert Decimal(seen["position"]) == Decimal("0.1")

    def test_needs_the_right_to_read_the_parent_s_table(self, granted):
        reader = granted(read=["books"])
        builders.book()

        with pytest.raises(Forbidden) as refusal:
            query(reader, BOOKS, expand=["author_id"])
        assert refusal.value.details["table"] == "authors"

    @pytest.mark.parametrize(
        "expand", [["title"], ["chapters"], ["author__name"], "author_id", [""], [None], [5], [[]]]
    )
    def test_of_what_is_no_foreign_key_is_refused(self, viewer, expand):
        with pytest.raises(InvalidInput) as refusal:
            query(viewer, BOOKS, expand=expand)
        assert refusal.value.details["allowed"] == ["author_id", "series_id"]

    def test_of_a_misspelt_key_is_met_with_the_nearest(self, viewer):
        with pytest.raises(InvalidInput, match="Did you mean author_id"):
            query(viewer, BOOKS, expand=["auther_id"])


class TestTheTrailAsATable:
    def test_shows_a_reader_what_is_about_tables_they_may_read_and_their_own(self, granted, admin, trail):
        builders.author()
        query(admin, AUTHORS)
        query(admin, BOOKS)
        query(admin, CHAPTERS)
        reader = granted(read=["audit_logs", "books"])
        query(reader, BOOKS)

        rows = query(reader, AUDIT_LOGS, columns=["user_id", "table_name"]).records

        assert {(row["user_id"], row["table_name"]) for row in rows} == {
            (admin.username, "books"),
            (reader.username, "books"),
        }
        assert query(again(reader), AUDIT_LOGS, count="exact", limit=1).total == 3  # the reading above too
        assert list(query(again(reader), AUDIT_LOGS, aggregate={"n": {"fn": "count"}}).records) == [{"n": 4}]

    def test_shows_an_auditor_everything(self, auditor, admin):
        query(admin, BOOKS)

        rows = query(auditor, AUDIT_LOGS).records

        assert [(row["user_id"], row["operation"], row["table_name"]) for row in rows] == [
            (admin.username, "QUERY", "books")
        ]
        with pytest.raises(Forbidden):
            query(auditor, BOOKS)


class TestAccess:
    def test_is_for_those_who_may_read_the_table(self, granted, nobody):
        query(granted(read=["books"]), BOOKS)

        for actor in (nobody, granted(read=["authors"], update=["books"])):
            with pytest.raises(Forbidden) as refusal:
                query(actor, BOOKS)
            assert refusal.value.details == {"table": "books", "operation": "read"}

    def test_is_refused_before_anything_is_said_of_the_columns(self, nobody):
        with pytest.raises(Forbidden):
            query(nobody, BOOKS, where={"no such column": 1})

    def test_is_not_for_strangers_nor_disabled_accounts(self, viewer):
        with pytest.raises(AuthenticationRequired):
            query(Actor(None, Channel.API), BOOKS)

        viewer.user.is_active = False
        viewer.user.save()
        with pytest.raises(AuthenticationRequired):
            query(again(viewer), BOOKS)

    def test_taken_away_is_gone_at_the_next_call(self, viewer):
        query(viewer, BOOKS)

        viewer.user.groups.clear()

        with pytest.raises(Forbidden):
            query(again(viewer), BOOKS)


class TestAudit:
    def test_has_one_row_a_call_with_the_number_of_records(self, viewer, trail):
        for _ in range(3):
            builders.author()

        query(viewer, AUTHORS, limit=2)

        (row,) = trail()
        assert (row.operation, row.table_name, row.user_id, row.success) == (
            "QUERY",
            "authors",
            "victor",
            True,
        )
        assert (row.record_count, row.record_id, row.changes, row.channel) == (2, None, None, "command")
        assert row.request_id == viewer.request_id
        assert len(row.query_hash) == 16
        assert row.execution_time > 0

    def test_has_no_row_of_success_after_a_refusal(self, viewer, trail):
        with pytest.raises(InvalidInput):
            query(viewer, AUTHORS, where={"no": 1})

        assert trail() == []

    def test_gives_queries_that_differ_in_values_alone_one_hash(self, viewer, trail):
        same: list[dict[str, Any]] = [
            {"name": "a", "id": {"$in": [1]}, "$or": [{"bio": {"$gt": "x", "$lt": "y"}}, {"bio": "z"}]},
            {"id": {"$in": [2, 3, 4]}, "$or": [{"bio": {"$lt": "1", "$gt": "2"}}, {"bio": "3"}], "name": "b"},
        ]
        for where in same:
            query(viewer, AUTHORS, where=where)

        assert len({row.query_hash for row in trail()}) == 1

    def test_gives_queries_of_another_shape_another_hash(self, viewer, trail):
        shapes: list[dict[str, Any]] = [
            {},
            {"where": {"name": "a"}},
            {"where": {"bio": "a"}},
            {"where": {"bio": None}},
            {"where": {"name": {"$gt": "a"}}},
            {"where": {"$not": {"name": "a"}}},
            {"where": {"$or": [{"name": "a"}]}},
            {"columns": ["name"]},
            {"order_by": [by("name")]},
            {"order_by": [by("name", "desc")]},
            {"group_by": ["name"]},
            {"aggregate": {"n": {"fn": "count"}}},
        ]
        for shape in shapes:
            query(viewer, AUTHORS, **shape)

        assert len({row.query_hash for row in trail()}) == len(shapes)


class TestStatements:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"where": {"genre": "a", "$or": [{"word_count": 1}, {"author_id": {"$gt": 0}}]}},
            {"expand": ["author_id", "series_id"]},
            {"group_by": ["genre"], "aggregate": {"n": {"fn": "count"}}},
            {"limit": 1, "count": "exact"},
        ],
        ids=str,
    )
    def test_are_as_many_for_two_hundred_rows_as_for_two(self, viewer, options):
        def statements() -> int:
            with CaptureQueriesContext(connection) as captured:
                query(again(viewer), BOOKS, **{"limit": 1_000, **options})
            return len(captured)

        writer = builders.author()
        for number in range(2):
            builders.book(author=writer, genre="a", word_count=number)
        statements()  # from here on the viewer's rights are known
        few = statements()
        for number in range(198):
            builders.book(author=writer, genre="a", word_count=number)

        assert statements() == few
        assert few <= 7
