"""Pages by cursor against the same rows sorted as a whole."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any

import pytest
from django.db import connection

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from audit import cursors as signed
from catalog.services import cursors, ordering, queries
from catalog.services.queries import Page
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    APPEARANCES,
    AUDIT_LOGS,
    AUTHORS,
    BOOKS,
    CHARACTERS,
    GOALS,
    SCENES,
    SESSIONS,
)
from tests.catalog.services.conftest import again

DAY = datetime(2026, 1, 1, tzinfo=UTC)
SORTABLE = {
    "books": [
        "title",
        "genre",
        "status",
        "word_count",
        "book_number",
        "published_at",
        "author_id",
        "created_at",
    ],
    "writing_goals": ["starts_on", "is_active", "target", "period", "book_id"],
    "writing_sessions": ["session_date", "started_at", "words_written", "notes"],
}


def query(actor: Actor, table: Table, **options: Any) -> Page:
    return queries.query_records(actor=actor, table=table, **options)


def paged(actor: Actor, table: Table, *, limit: int, **options: Any) -> list[dict[str, Any]]:
    """All records, page by page."""
    found: list[dict[str, Any]] = []
    page = query(actor, table, limit=limit, **options)
    while True:
        found += page.records
        if page.next_cursor is None:
            return found
        assert page.count == limit
        page = query(actor, table, limit=limit, cursor=page.next_cursor, **options)


def by(*terms: str) -> list[dict[str, str]]:
    """order_by of names, those with a minus descending."""
    return [
        {"column": term.removeprefix("-"), "direction": "desc" if term.startswith("-") else "asc"}
        for term in terms
    ]


def in_order(records: list[dict[str, Any]], terms: list[str]) -> list[dict[str, Any]]:
    """Records sorted in Python: NULL is the greatest value."""

    def compare(one: dict[str, Any], other: dict[str, Any]) -> int:
        for term in terms:
            name, sign = term.removeprefix("-"), -1 if term.startswith("-") else 1
            a, b = one[name], other[name]
            if a == b:
                continue
            if a is None or b is None:
                return sign if a is None else -sign
            return -sign if a < b else sign
        return 0

    return sorted(records, key=cmp_to_key(compare))


@pytest.fixture
def random_rows(db: None) -> random.Random:
    """Rows with few values and many NULLs, the same every time."""
    choose = random.Random(26)  # noqa: S311 - nothing here is secret
    author, other = builders.author(), builders.author()
    books = [
        builders.book(
            author=choose.choice([author, other]),
            title=choose.choice(["", "a", "A", "ä", "b", "漢", "a b"]),
            genre=choose.choice([None, None, "x", "y"]),
            status=choose.choice(["draft", "published"]),
            word_count=choose.choice([None, 0, 1, 2**31 - 1]),
            book_number=choose.choice([None, 1, 2]),
            published_at=choose.choice([None, DAY, DAY + timedelta(microseconds=1)]),
            created_at=DAY + timedelta(hours=choose.randrange(3)),
            deleted_at=DAY if number % 10 == 0 else None,
        )
        for number in range(70)
    ]
    for _ in range(50):
        builders.goal(
            starts_on=choose.choice([None, "2026-01-01", "2026-02-01"]),
            is_active=choose.choice([True, False]),
            target=choose.randrange(1, 4),
            period=choose.choice(["day", "total"]),
            book=choose.choice([None, *books[:2]]),
        )
        SESSIONS.model._default_manager.create(
            session_date=choose.choice(["2026-01-01", "2026-02-01", "0001-01-01", "9999-12-31"]),
            started_at=choose.choice([None, DAY, DAY + timedelta(days=1)]),
            words_written=choose.choice([None, 0, 5]),
            notes=choose.choice([None, "", "x", "%s"]),
        )
    return choose


class TestAgainstAFullSort:
    @pytest.mark.parametrize("table", [BOOKS, GOALS, SESSIONS], ids=str)
    def test_of_one_to_three_columns_in_both_directions(self, viewer, random_rows, table):
        whole = list(query(viewer, table, limit=1_000).records)
        names = SORTABLE[table.name]
        orders = [[sign + name] for name in names for sign in ("", "-")]
        orders += [
            [random_rows.choice(["", "-"]) + name for name in random_rows.sample(names, count)]
            for count in (2, 3)
            for _ in range(6)
        ]

        for order in orders:
            expected = in_order(whole, [*order, "id"])
            found = paged(
                viewer, table, limit=random_rows.choice([3, 7, 16]), order_by=by(*order), count="none"
            )
            assert [r["id"] for r in found] == [r["id"] for r in expected], order
            assert found == expected

    def test_with_the_key_within_the_order(self, viewer, random_rows):
        whole = list(query(viewer, BOOKS, limit=1_000).records)

        for order in (["-id"], ["genre", "-id"], ["-id", "title"]):
            assert paged(viewer, BOOKS, limit=9, order_by=by(*order)) == in_order(whole, order)

    def test_of_columns_that_the_records_do_not_show(self, viewer, random_rows):
        whole = list(query(viewer, BOOKS, limit=1_000).records)
        order = ["-word_count", "title"]

        found = paged(viewer, BOOKS, limit=8, order_by=by(*order), columns=["genre"], expand=["author"])

        assert [r["genre"] for r in found] == [r["genre"] for r in in_order(whole, [*order, "id"])]
        assert all(set(record) == {"genre", "author"} for record in found)

    def test_of_a_page_of_one_and_with_a_condition(self, viewer, random_rows):
        options = {"where": {"genre": None}, "order_by": by("word_count", "-title"), "include_deleted": True}
        whole = list(query(viewer, BOOKS, limit=1_000, **options).records)

        assert len(whole) > 20
        assert paged(viewer, BOOKS, limit=1, **options) == whole

    def test_of_a_junction(self, viewer):
        person, scene = builders.character(), builders.scene()
        for _ in range(4):
            builders.appearance(character=person)
            builders.appearance(scene=scene)

        found = paged(viewer, APPEARANCES, limit=3)

        keys = [(r["character_id"], r["scene_id"]) for r in found]
        assert keys == sorted(set(keys))
        assert len(keys) == 8

    def test_of_uuids_numbers_and_times_of_the_trail(self, admin, editor):
        for _ in range(12):
            query(editor, AUTHORS)
        for order in (["execution_time"], ["-request_id"], ["-timestamp"], ["dry_run", "-success"]):
            whole = in_order(list(query(admin, AUDIT_LOGS, limit=1_000).records), [*order, "id"])
            found = paged(
                again(admin),
                AUDIT_LOGS,
                limit=5,
                order_by=by(*order),
                where={"id": {"$lte": whole[-1]["id"] + 10**6}, "user_id": "edith"},
            )
            keys = [r["id"] for r in found]
            assert keys == [r["id"] for r in whole if r["user_id"] == "edith"]


class TestThatEnds:
    def test_where_the_last_page_is_full(self, viewer):
        for _ in range(6):
            builders.author()

        first = query(viewer, AUTHORS, limit=3)
        second = query(viewer, AUTHORS, limit=3, cursor=first.next_cursor)

        assert (second.count, second.next_cursor) == (3, None)

    def test_has_none_where_everything_fits(self, viewer):
        builders.author()

        assert query(viewer, AUTHORS, limit=1).next_cursor is None
        assert query(viewer, BOOKS, limit=1).next_cursor is None

    def test_has_none_in_an_order_that_no_cursor_can_keep(self, viewer):
        for number in range(3):
            builders.character(attributes={"n": number}, aliases=[f"{number}"])

        for column in ("attributes", "aliases"):
            assert query(viewer, CHARACTERS, limit=1, order_by=by(column)).next_cursor is None
        assert query(viewer, CHARACTERS, limit=1, group_by=["name"]).next_cursor is None

    def test_has_none_where_it_would_be_too_long(self, viewer):
        text = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(30_000))
        for _ in range(2):
            builders.author(bio=text)

        assert query(viewer, AUTHORS, limit=1, order_by=by("bio")).next_cursor is None


class TestBetweenPages:
    def test_rows_that_come_and_go_neither_repeat_nor_hide_others(self, viewer):
        rows = [builders.author(name=f"{letter}") for letter in "bdfhj"]
        first = query(viewer, AUTHORS, limit=2, order_by=by("name"))
        rows[1].delete()  # where the page ended
        rows[2].delete()
        for letter in "acei":
            builders.author(name=letter)

        second = query(viewer, AUTHORS, limit=10, order_by=by("name"), cursor=first.next_cursor)

        assert [r["name"] for r in first.records] == ["b", "d"]
        assert [r["name"] for r in second.records] == ["e", "h", "i", "j"]

    def test_the_exact_number_of_all_stays_what_it_is(self, viewer):
        for _ in range(5):
            builders.author()
        first = query(viewer, AUTHORS, limit=3, count="exact")

        second = query(viewer, AUTHORS, limit=3, count="exact", cursor=first.next_cursor)

        assert (first.total, second.total, second.count) == (5, 5, 2)
        assert query(viewer, AUTHORS, limit=3, cursor=first.next_cursor).total is None

    def test_rights_are_looked_at_again(self, granted):
        for _ in range(3):
            builders.author()
        reader = granted(read=["authors"])
        cursor = query(reader, AUTHORS, limit=1).next_cursor
        reader.user.userobjectpermission_set.all().delete()

        with pytest.raises(Exception, match="You may not read"):
            query(again(reader), AUTHORS, limit=1, cursor=cursor)


class TestIsRefused:
    @pytest.fixture
    def cursor(self, viewer: Actor) -> str:
        for _ in range(4):
            builders.author()
        return str(query(viewer, AUTHORS, limit=1).next_cursor)

    @pytest.mark.parametrize("given", ["", "x", "a:b:c", "🜁", "\x00", 5, True, ["x"], "x" * 30_000])
    def test_where_it_is_none(self, viewer, given):
        with pytest.raises(InvalidInput) as refusal:
            query(viewer, AUTHORS, cursor=given)
        assert refusal.value.details == {"argument": "cursor"}

    def test_where_it_was_changed(self, viewer, cursor):
        for position in range(0, len(cursor), 7):
            other = "A" if cursor[position] != "A" else "B"
            with pytest.raises(InvalidInput):
                query(viewer, AUTHORS, cursor=cursor[:position] + other + cursor[position + 1 :])

    def test_where_it_is_another_users(self, editor, cursor):
        with pytest.raises(InvalidInput, match="another query"):
            query(editor, AUTHORS, cursor=cursor)

    @pytest.mark.parametrize(
        "other",
        [
            {"where": {"id": {"$gt": 0}}},
            {"order_by": by("name")},
            {"order_by": by("-id")},
            {"columns": ["id"]},
            {"include_deleted": True},
        ],
    )
    def test_where_it_is_another_querys(self, viewer, cursor, other):
        with pytest.raises(InvalidInput, match="another query"):
            query(viewer, AUTHORS, cursor=cursor, **other)
        with pytest.raises(InvalidInput, match="another query"):
            query(viewer, BOOKS, cursor=cursor)

    def test_where_it_is_old(self, viewer, cursor, monkeypatch):
        monkeypatch.setattr(signed, "GOOD_FOR", timedelta(seconds=-1))

        with pytest.raises(InvalidInput, match="has expired"):
            query(viewer, AUTHORS, cursor=cursor)

    def test_where_it_is_signed_for_something_else(self, viewer, cursor, monkeypatch):
        content = signed._content(cursor)
        monkeypatch.setattr(signed, "_PURPOSE", "other")
        other = signed._signed(content)
        monkeypatch.undo()

        assert query(viewer, AUTHORS, cursor=signed._signed(content)).count
        with pytest.raises(InvalidInput, match="not one that a page has given"):
            query(viewer, AUTHORS, cursor=other)

    def test_where_it_is_signed_with_a_key_that_holds_no_more(self, viewer, cursor, settings):
        old, settings.SECRET_KEY = settings.SECRET_KEY, "another " * 8
        with pytest.raises(InvalidInput, match="not one that a page has given"):
            query(viewer, AUTHORS, cursor=cursor)

        settings.SECRET_KEY_FALLBACKS = ["older " * 10, old]
        assert query(viewer, AUTHORS, cursor=cursor).count

    def test_beside_an_offset_or_groups(self, viewer, cursor):
        with pytest.raises(InvalidInput):
            query(viewer, AUTHORS, cursor=cursor, offset=1)
        with pytest.raises(InvalidInput):
            query(viewer, AUTHORS, cursor=cursor, group_by=["name"])


class TestUsesIndexes:
    @pytest.fixture
    def many_scenes(self, db: None) -> None:
        chapter = builders.chapter()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO public.scenes (chapter_id, scene_num, title)"
                " SELECT %s, n, 'scene ' || n FROM generate_series(1, 20000) n",
                [chapter.pk],
            )

    @pytest.mark.parametrize("order", [["id"], ["-id"], ["chapter_id", "id"], ["chapter_id"]])
    def test_to_find_what_comes_after_a_row(self, many_scenes, owner, order):
        with connection.cursor() as cursor:
            cursor.execute("SELECT min(id) + 15000, min(chapter_id) FROM public.scenes")
            key, chapter = cursor.fetchone()
        terms = ordering.of_rows(SCENES, by(*order))
        last = [key if term.name == "id" else chapter for term in terms]

        for condition in cursors.segments(SCENES, terms, last):
            found = SCENES.model._default_manager.filter(condition).order_by(*(t.sql() for t in terms))[:100]
            plan = json.dumps(json.loads(found.explain(format="json")))
            assert "Index" in plan
            assert '"Seq Scan"' not in plan
