"""What the tables themselves insist on, whoever writes to them."""

# ruff: noqa: S608 - the names of tables are our own

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from psycopg import sql

from catalog import registry

pytestmark = pytest.mark.django_db


def insert(table: str, **values: Any) -> int:
    """Insert a row as the application's role; return its id, or its first column."""
    statement = sql.SQL("INSERT INTO public.{} ({}) VALUES ({}) RETURNING *").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join([sql.Placeholder()] * len(values)),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, list(values.values()))
        return cursor.fetchone()[0]


def run(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def library() -> dict[str, int]:
    """One record of each of the tables that most others refer to."""
    ids: dict[str, int] = {"author_id": insert("authors", name="Jane Austen", email="jane@example.org")}
    ids["series_id"] = insert("series", title="Novels", author_id=ids["author_id"])
    ids["book_id"] = insert(
        "books", title="Emma", author_id=ids["author_id"], series_id=ids["series_id"], book_number=1
    )
    ids["chapter_id"] = insert("chapters", book_id=ids["book_id"], chapter_num=1)
    ids["scene_id"] = insert("scenes", chapter_id=ids["chapter_id"], scene_num=1)
    ids["character_id"] = insert("characters", name="Emma")
    ids["other_id"] = insert("characters", name="Harriet")
    ids["event_id"] = insert("timeline_events", title="The ball")
    ids["thread_id"] = insert("plot_threads", title="The riddle")
    ids["other_thread_id"] = insert("plot_threads", title="The portrait")
    ids["trope_id"] = insert("tropes", name="Matchmaking gone wrong")
    ids["element_id"] = insert("world_elements", name="Highbury", element_type="custom")
    ids["location_id"] = insert("locations", name="Hartfield")
    [[ids["genre_id"]]] = run("SELECT min(id) FROM public.genres")
    return ids


class TestUniqueness:
    @pytest.mark.parametrize("email", ["jane@example.org", "Jane@Example.ORG"])
    def test_an_email_is_taken_whatever_its_case(self, library: dict[str, int], email: str) -> None:
        with pytest.raises(IntegrityError, match="authors_email_key"):
            insert("authors", name="Another Jane", email=email)

    def test_authors_without_email_are_many(self, library: dict[str, int]) -> None:
        insert("authors", name="Anonymous")
        insert("authors", name="Anonymous")

    @pytest.mark.parametrize(
        ("table", "values"),
        [
            ("books", {"title": "X", "author_id": 0, "series_id": 0, "book_number": 1}),
            ("chapters", {"book_id": 0, "chapter_num": 1}),
            ("scenes", {"chapter_id": 0, "scene_num": 1}),
            ("character_arcs", {"character_id": 0, "book_id": 0, "arc_name": "Growing up"}),
        ],
    )
    def test_a_deleted_row_gives_its_place_free(
        self, library: dict[str, int], table: str, values: dict[str, Any]
    ) -> None:
        values = {name: library.get(name, value) for name, value in values.items()}
        if table == "character_arcs":
            insert(table, **values)
        with pytest.raises(IntegrityError, match=f"{table}_.*_key"):
            insert(table, **values)

        run(f"UPDATE public.{table} SET deleted_at = now()")
        insert(table, **values)

        with pytest.raises(IntegrityError, match=f"{table}_.*_key"):
            run(f"UPDATE public.{table} SET deleted_at = NULL")

    def test_books_outside_series_need_no_number(self, library: dict[str, int]) -> None:
        insert("books", title="One", author_id=library["author_id"])
        insert("books", title="Two", author_id=library["author_id"])

    @pytest.mark.parametrize(
        ("table", "values"),
        [
            ("tropes", {"name": "Matchmaking gone wrong"}),
            (
                "character_relationships",
                {
                    "character_id": "character_id",
                    "related_character_id": "other_id",
                    "relationship_type": "friend",
                },
            ),
            (
                "plot_thread_relationships",
                {
                    "thread_id": "thread_id",
                    "related_thread_id": "other_thread_id",
                    "relationship_type": "feeds",
                },
            ),
            ("book_genres", {"book_id": "book_id", "genre_id": "genre_id"}),
            ("character_scenes", {"character_id": "character_id", "scene_id": "scene_id"}),
        ],
    )
    def test_nothing_is_there_twice(
        self, library: dict[str, int], table: str, values: dict[str, str]
    ) -> None:
        row = {name: library.get(value, value) for name, value in values.items()}
        if table != "tropes":
            insert(table, **row)

        with pytest.raises(IntegrityError, match=f"{table}_.*key"):
            insert(table, **row)


CHECKS = [
    ("books_status_check", "UPDATE public.books SET status = 'lost'"),
    ("books_word_count_check", "UPDATE public.books SET word_count = -1"),
    ("books_title_check", "UPDATE public.books SET title = repeat('ä', 501)"),
    ("authors_name_check", "UPDATE public.authors SET name = repeat('x', 501)"),
    ("chapters_chapter_num_check", "UPDATE public.chapters SET chapter_num = -1"),
    ("characters_age_check", "UPDATE public.characters SET age = 100001"),
    ("characters_age_check", "UPDATE public.characters SET age = -1"),
    ("locations_parent_is_another_check", "UPDATE public.locations SET parent_location_id = id"),
    (
        "character_relationships_different_check",
        (
            "INSERT INTO public.character_relationships (character_id, related_character_id, relationship_type)"
            " SELECT id, id, 'self' FROM public.characters"
        ),
    ),
    (
        "plot_thread_relationships_different_check",
        (
            "INSERT INTO public.plot_thread_relationships (thread_id, related_thread_id, relationship_type)"
            " SELECT id, id, 'feeds' FROM public.plot_threads"
        ),
    ),
    (
        "world_element_usage_somewhere_check",
        "INSERT INTO public.world_element_usage (world_element_id) SELECT id FROM public.world_elements",
    ),
    (
        "book_tropes_prominence_check",
        "INSERT INTO public.book_tropes (book_id, trope_id, prominence) SELECT b.id, t.id, 6 FROM books b, tropes t",
    ),
    (
        "writing_sessions_ended_after_started_check",
        "INSERT INTO public.writing_sessions (session_date, started_at, ended_at) VALUES (now(), now(), now())",
    ),
    (
        "writing_goals_target_check",
        "INSERT INTO public.writing_goals (goal_type, target) VALUES ('words', 0)",
    ),
    (
        "writing_goals_ends_after_start_check",
        (
            "INSERT INTO public.writing_goals (goal_type, target, starts_on, ends_on)"
            " VALUES ('words', 1, '2026-02-01', '2026-01-31')"
        ),
    ),
    ("exports_sha256_check", "INSERT INTO public.exports (format, sha256) VALUES ('csv', 'abc')"),
    ("exports_format_check", "INSERT INTO public.exports (format) VALUES ('pdf')"),
]


@pytest.mark.parametrize(("constraint", "statement"), CHECKS, ids=lambda value: str(value)[:50])
def test_a_value_out_of_bounds_is_refused_by_name(
    library: dict[str, int], constraint: str, statement: str
) -> None:
    with pytest.raises(IntegrityError, match=f'"{constraint}"'):
        run(statement)


def test_500_letters_are_500_letters_whatever_their_bytes(library: dict[str, int]) -> None:
    run("UPDATE public.books SET title = repeat('ä', 500)")


class TestUpdatedAt:
    @pytest.fixture
    def book(self, library: dict[str, int]) -> int:
        return insert("books", title="Old", author_id=library["author_id"], updated_at="2020-01-01T00:00:00Z")

    def is_now(self, book: int) -> bool:
        return run("SELECT updated_at = now() FROM public.books WHERE id = %s", book)[0][0]

    def test_follows_every_change(self, book: int) -> None:
        run("UPDATE public.books SET title = 'New' WHERE id = %s", book)

        assert self.is_now(book)

    def test_believes_a_statement_that_says_it(self, book: int) -> None:
        run("UPDATE public.books SET title = 'New', updated_at = '2021-05-05T00:00:00Z' WHERE id = %s", book)

        assert run("SELECT updated_at = '2021-05-05T00:00:00Z' FROM public.books WHERE id = %s", book) == [
            (True,)
        ]

    def test_follows_a_change_that_says_what_it_was(self, book: int) -> None:
        run("UPDATE public.books SET title = 'New', updated_at = updated_at WHERE id = %s", book)

        assert self.is_now(book)


class TestDeletion:
    @pytest.mark.parametrize(
        ("parent", "key", "junction", "columns"),
        [
            ("series", "series_id", "series_genres", ("series_id", "genre_id")),
            ("books", "book_id", "book_genres", ("book_id", "genre_id")),
            ("books", "book_id", "book_tropes", ("book_id", "trope_id")),
            ("characters", "character_id", "character_scenes", ("character_id", "scene_id")),
            ("scenes", "scene_id", "character_scenes", ("character_id", "scene_id")),
            ("characters", "character_id", "event_participants", ("event_id", "character_id")),
            ("timeline_events", "event_id", "event_participants", ("event_id", "character_id")),
        ],
    )
    def test_takes_the_rows_of_a_junction_along(
        self, library: dict[str, int], parent: str, key: str, junction: str, columns: tuple[str, ...]
    ) -> None:
        insert(junction, **{column: library[column] for column in columns})
        run("DELETE FROM public.scenes" if parent == "books" else "SELECT 1")
        run("DELETE FROM public.chapters" if parent == "books" else "SELECT 1")
        run("UPDATE public.books SET series_id = NULL")

        run(f"DELETE FROM public.{parent} WHERE id = %s", library[key])

        assert run(f"SELECT count(*) FROM public.{junction}") == [(0,)]

    @pytest.mark.parametrize(
        ("parent", "key", "child"),
        [
            ("authors", "author_id", "series"),
            ("series", "series_id", "books"),
            ("books", "book_id", "chapters"),
            ("chapters", "chapter_id", "scenes"),
        ],
    )
    def test_is_refused_while_others_refer_to_the_row(
        self, library: dict[str, int], parent: str, key: str, child: str
    ) -> None:
        with pytest.raises(IntegrityError, match=f'on table "{child}"'):
            run(f"DELETE FROM public.{parent} WHERE id = %s", library[key])

    def test_is_refused_while_a_row_in_the_trash_refers_to_it(self, library: dict[str, int]) -> None:
        run("UPDATE public.scenes SET deleted_at = now()")

        with pytest.raises(IntegrityError, match='on table "scenes"'):
            run("DELETE FROM public.chapters WHERE id = %s", library["chapter_id"])


@pytest.mark.parametrize("table", ["genres", "lookup_values"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE public.{} SET id = id",
        "DELETE FROM public.{}",
        "TRUNCATE public.{}",
        "INSERT INTO public.{} DEFAULT VALUES",
    ],
)
def test_tables_that_come_with_migrations_are_read_only(table: str, statement: str) -> None:
    with pytest.raises(DatabaseError, match=f"permission denied for table {table}"):
        run(statement.format(table))


@pytest.mark.parametrize("table", [table.name for table in registry.all_tables() if table.soft_delete])
def test_the_trash_is_found_by_an_index_of_its_own(table: str) -> None:
    run("SET LOCAL enable_seqscan = off")

    plan = run(f"EXPLAIN SELECT id FROM public.{table} WHERE deleted_at IS NOT NULL ORDER BY id LIMIT 50")

    assert f"{table}_trash_idx" in str(plan)
