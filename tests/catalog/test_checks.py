"""Every kind of difference between models, registry and database is found, and named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.core import checks
from django.core.management import call_command
from django.db import connection

from catalog import live_tables, registry
from catalog.checks import _registry_problems, problems
from catalog.models import Book
from catalog.table import Table
from tests import databases

DIFFERENCES = [
    ("DROP TABLE public.exports", "E001", "exports"),
    ("CREATE TABLE public.extra (id int)", "E002", "extra"),
    ("CREATE VIEW public.titles AS SELECT title FROM public.books", "E002", "titles"),
    ("ALTER TABLE public.books DROP COLUMN description", "E010", "books.description"),
    ("ALTER TABLE public.books ADD COLUMN isbn text", "E010", "books.isbn"),
    ("ALTER TABLE public.books ALTER COLUMN word_count TYPE bigint", "E011", "books.word_count"),
    ("ALTER TABLE public.timeline_events ALTER COLUMN position TYPE numeric(10, 2)", "E011", "position"),
    ("ALTER TABLE public.books ALTER COLUMN genre SET NOT NULL", "E012", "books.genre"),
    ("ALTER TABLE public.books ALTER COLUMN title DROP NOT NULL", "E012", "books.title"),
    ("ALTER TABLE public.books ALTER COLUMN status DROP DEFAULT", "E013", "books.status"),
    ("ALTER TABLE public.books ALTER COLUMN genre SET DEFAULT 'novel'", "E013", "books.genre"),
    ("ALTER TABLE public.books ALTER COLUMN id DROP IDENTITY", "E013", "books.id"),
    ("ALTER TABLE public.book_genres DROP CONSTRAINT book_genres_pkey", "E020", "book_genres"),
    ("ALTER TABLE public.books DROP CONSTRAINT books_author_id_fkey", "E021", "books.author_id"),
    (
        "ALTER TABLE public.books ADD FOREIGN KEY (word_count) REFERENCES public.tropes (id)",
        "E021",
        "word_count",
    ),
    (
        (
            "ALTER TABLE public.books DROP CONSTRAINT books_author_id_fkey,"
            " ADD FOREIGN KEY (author_id) REFERENCES public.authors ON DELETE CASCADE"
        ),
        "E022",
        "CASCADE",
    ),
    (
        (
            "ALTER TABLE public.book_genres DROP CONSTRAINT book_genres_book_id_fkey,"
            " ADD FOREIGN KEY (book_id) REFERENCES public.books"
        ),
        "E022",
        "NO ACTION",
    ),
    ("DROP INDEX public.books_author_id_idx", "E023", "books.author_id"),
    ("DROP INDEX public.books_series_id_book_number_key", "E030", "books_series_id_book_number_key"),
    (
        (
            "DROP INDEX public.books_series_id_book_number_key;"
            " CREATE UNIQUE INDEX books_series_id_book_number_key ON public.books (series_id, book_number)"
        ),
        "E030",
        "deleted_at is null",
    ),
    (
        "DROP INDEX public.authors_email_key; CREATE UNIQUE INDEX authors_email_key ON public.authors (email)",
        "E030",
        "lower email",
    ),
    ("CREATE UNIQUE INDEX books_title_key ON public.books (title)", "E030", "books_title_key"),
    (
        (
            "ALTER TABLE public.books DROP CONSTRAINT books_status_check,"
            " ADD CHECK (status IN ('planned', 'draft', 'editing', 'published', 'lost'))"
        ),
        "E031",
        "archived, lost",
    ),
    ("ALTER TABLE public.books ADD CHECK (genre IN ('novel', 'other'))", "E031", "books.genre"),
    (
        "ALTER TABLE public.books DROP CONSTRAINT books_title_check, ADD CHECK (length(title) <= 400)",
        "E032",
        "400",
    ),
    ("ALTER TABLE public.books DROP CONSTRAINT books_word_count_check", "E033", "books.word_count"),
    (
        (
            "ALTER TABLE public.book_tropes DROP CONSTRAINT book_tropes_prominence_check,"
            " ADD CHECK (prominence > 1 AND prominence < 6)"
        ),
        "E033",
        "from 2 to 5",
    ),
    (
        "ALTER TABLE public.audit_logs DROP CONSTRAINT audit_logs_execution_time_check",
        "E033",
        "execution_time",
    ),
    (
        "ALTER TABLE public.world_element_usage DROP CONSTRAINT world_element_usage_somewhere_check",
        "E034",
        "somewhere",
    ),
    ("ALTER TABLE public.books ADD CONSTRAINT tidy CHECK (title = btrim(title))", "E034", "tidy"),
    ("COMMENT ON TABLE public.books IS NULL", "E040", "books"),
    ("COMMENT ON COLUMN public.books.title IS NULL", "E040", "books.title"),
    ("ALTER TABLE public.audit_logs ENABLE TRIGGER audit_logs_refuse_change", "E050", "refuse_change"),
    ("DROP TRIGGER audit_logs_refuse_change_of_row ON public.audit_logs", "E050", "refuse_change_of_row"),
    ("ALTER TABLE public.books DISABLE TRIGGER books_set_updated_at", "E051", "books"),
    ("GRANT UPDATE ON public.audit_logs TO {app}", "E060", "audit_logs"),
    ("GRANT UPDATE (label) ON public.lookup_values TO {app}", "E060", "lookup_values"),
    ("GRANT TRUNCATE ON public.books TO PUBLIC", "E060", "books"),
    ("REVOKE DELETE ON public.books FROM {app}", "E060", "books"),
    ("GRANT INSERT ON public.audit_logs TO {app}", "E060", "id, timestamp"),
    ("REVOKE INSERT (change_id) ON public.audit_logs FROM {app}", "E060", "change_id"),
    ("GRANT CREATE ON SCHEMA public TO {app}", "E061", "may create objects in schema public"),
    ("CREATE TABLE app.notes (book_id bigint REFERENCES public.books)", "E062", "books"),
    ("CREATE VIEW app.titles AS SELECT title FROM public.books", "E062", "books"),
]


@pytest.fixture
def owner(db: None) -> Iterator[psycopg.Connection]:
    """A transaction of the owner in the test database, rolled back in the end."""
    url = databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL)
    with psycopg.connect(url) as owner:
        yield owner
        owner.rollback()


def found(
    owner: psycopg.Connection, tables: tuple[Table, ...] = registry.all_tables()
) -> list[tuple[str, str]]:
    return list(problems(owner.cursor(), tables, settings.APP_ROLE))


def test_finds_nothing_in_a_migrated_database(owner: psycopg.Connection) -> None:
    assert found(owner) == []


@pytest.mark.parametrize(("statement", "number", "words"), DIFFERENCES, ids=lambda value: str(value)[:60])
def test_finds_a_change_in_the_database(
    owner: psycopg.Connection, statement: str, number: str, words: str
) -> None:
    owner.execute(statement.format(app=settings.APP_ROLE))

    assert [message for n, message in found(owner) if n == number and words in message] != []


def test_finds_an_extension_in_public(owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Extensions need files that a test can't count on: plpgsql's schema stands for public."""
    query = live_tables._EXTENSIONS.replace("'public'", "'pg_catalog'")
    monkeypatch.setattr(live_tables, "_EXTENSIONS", query)

    assert [(number, "plpgsql" in message) for number, message in found(owner)] == [("E063", True)]


def test_finds_columns_in_another_order(owner: psycopg.Connection) -> None:
    books = registry.get("books")
    turned = dataclasses.replace(books, columns=dict(reversed(books.columns.items())))

    assert [number for number, _ in found(owner, _with(turned))] == ["E014"]


def test_finds_a_read_only_table_that_the_application_may_write(owner: psycopg.Connection) -> None:
    books = dataclasses.replace(registry.get("books"), read_only=True)

    assert [number for number, _ in found(owner, _with(books))] == ["E060"]


def test_finds_an_application_that_owns_a_table(owner: psycopg.Connection) -> None:
    owner_role = owner.info.user

    (problem,) = problems(owner.cursor(), registry.all_tables(), owner_role)

    assert problem[0] == "E061"


class TestRegistry:
    def test_finds_a_model_without_a_line(self) -> None:
        tables = tuple(table for table in registry.all_tables() if table.model is not Book)

        assert [message for _, message in _registry_problems(tables)] == [
            "Book has no line in catalog/tables.py."
        ]

    def test_finds_a_table_with_two_lines(self) -> None:
        tables = (*registry.all_tables(), registry.get("books"))

        assert [number for number, _ in _registry_problems(tables)] == ["E003"]


class TestCommand:
    @pytest.mark.django_db
    def test_check_passes_on_the_live_database(self) -> None:
        call_command("check", databases=["default"], fail_level="WARNING")

    def test_check_tells_of_a_database_without_tables(
        self, monkeypatch: pytest.MonkeyPatch, db: None
    ) -> None:
        monkeypatch.setattr("catalog.checks.MigrationRecorder.applied_migrations", lambda _self: {})

        (message,) = checks.run_checks(tags=["database"], databases=["default"])

        assert (message.id, message.hint) == ("catalog.E001", "Run manage.py migrate.")


def _with(changed: Table) -> tuple[Table, ...]:
    return tuple(changed if table.name == changed.name else table for table in registry.all_tables())
