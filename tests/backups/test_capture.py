"""The log of changed keys: every way to change a row is in it, and whatever could have missed one shows."""

from __future__ import annotations

import gzip

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from backups import capture, services
from catalog import registry
from tests.backups.restores import backup, replace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("library")]

BOOK = "INSERT INTO public.books (author_id, title) SELECT min(id), 'New' FROM public.authors"


@pytest.fixture
def logged(owner):
    """What comes into the log: (table, is_new, keys)."""
    last = owner.execute("SELECT coalesce(max(id), 0) FROM app.change_log").fetchone()[0]

    def entries() -> list[tuple[str, bool, list[int] | None]]:
        rows = owner.execute(
            "SELECT table_name, is_new, keys FROM app.change_log WHERE id > %s ORDER BY id", [last]
        )
        return rows.fetchall()

    return entries


def state(owner: psycopg.Connection) -> capture.Capture:
    with owner.cursor() as cursor:
        return capture.state(cursor)


def ids(owner: psycopg.Connection, table: str, where: str = "true") -> list[int]:
    query = f"SELECT id FROM public.{table} WHERE {where} ORDER BY id"  # noqa: S608 - our own words
    return [row[0] for row in owner.execute(query)]


def snapshot_of_now(owner: psycopg.Connection) -> str:
    """A snapshot that no transaction of another test, which may be at work beside, holds back."""
    (following,) = owner.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
    return f"{following}:{following}:"


class TestEntries:
    def test_each_table_is_captured(self, owner):
        assert state(owner).uncaptured == []
        count = owner.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'capture_%'").fetchone()[0]
        assert count == 4 * len(registry.names())

    def test_inserted_changed_and_deleted_rows_are_there_by_their_keys(self, owner, logged):
        book = owner.execute(f"{BOOK} RETURNING id").fetchone()[0]
        owner.execute("UPDATE public.books SET title = 'Newer' WHERE id = %s", [book])
        owner.execute("DELETE FROM public.books WHERE id = %s", [book])

        assert logged() == [("books", True, [book]), ("books", False, [book]), ("books", False, [book])]

    def test_a_changed_key_is_there_as_it_was_and_as_it_is(self, owner, logged):
        author = owner.execute("INSERT INTO public.authors (name) VALUES ('A') RETURNING id").fetchone()[0]
        owner.execute("UPDATE public.authors SET id = id + 1000 WHERE id = %s", [author])

        assert logged()[1:] == [("authors", False, [author]), ("authors", True, [author + 1000])]

    def test_keys_of_two_columns_are_there_one_column_after_the_other(self, owner, logged):
        book = ids(owner, "books")[0]
        owner.execute("DELETE FROM public.book_genres WHERE book_id = %s", [book])

        assert logged() == [("book_genres", False, [book, book, book, 1, 2, 3])]

    def test_so_is_what_goes_with_what_it_refers_to(self, owner, logged):
        book = ids(owner, "books")[0]
        owner.execute("DELETE FROM public.chapters WHERE book_id = %s", [book])
        before = len(logged())
        owner.execute("DELETE FROM public.books WHERE id = %s", [book])

        entries = {table: sorted(keys) for table, _, keys in logged()[before:]}
        assert entries == {"books": [book], "book_genres": sorted([book, book, book, 1, 2, 3])}

    def test_a_table_that_is_emptied_counts_as_a_whole(self, owner, logged):
        owner.execute("TRUNCATE public.book_genres, public.writing_goals")

        assert sorted(logged()) == [("book_genres", False, None), ("writing_goals", False, None)]

    def test_and_one_of_which_a_statement_changes_more_than_a_million_rows(self, owner, logged, settings):
        installed, most = capture.install_sql(settings.APP_ROLE), "most constant integer := 1000000;"
        assert most in installed
        owner.execute(installed.replace(most, "most constant integer := 100;").encode())
        work = "INSERT INTO public.writing_goals (goal_type, target) SELECT 'words', n FROM generate_series(1, {}) n"

        owner.execute(work.format(100))
        owner.execute(work.format(101))

        few, many = logged()
        assert (few[0], len(few[2])) == ("writing_goals", 100)
        assert many == ("writing_goals", False, None)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE public.books SET title = title WHERE false",
            "DELETE FROM public.books WHERE false",
            f"{BOOK} HAVING false",
        ],
    )
    def test_a_statement_that_changes_nothing_is_not(self, owner, logged, statement):
        owner.execute(statement)

        assert logged() == []

    def test_an_upsert_and_a_merge_are(self, owner, logged):
        goal = owner.execute(
            "INSERT INTO public.writing_goals (id, goal_type, target) VALUES (9001, 'words', 1) RETURNING id"
        ).fetchone()[0]
        owner.execute(
            "INSERT INTO public.writing_goals (id, goal_type, target) VALUES (9001, 'words', 1), (9002, 'words', 1)"
            " ON CONFLICT (id) DO UPDATE SET target = 2"
        )
        owner.execute(
            "MERGE INTO public.writing_goals g USING (VALUES (9001), (9003)) v (id) ON v.id = g.id"
            " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, goal_type, target) VALUES (v.id, 'words', 3)"
        )

        assert sorted(logged()[1:]) == sorted(
            [
                ("writing_goals", True, [9002]),
                ("writing_goals", False, [goal]),
                ("writing_goals", True, [9003]),
                ("writing_goals", False, [goal]),
            ]
        )

    def test_replicas_settings_do_not_hide_a_change(self, owner, logged):
        owner.execute(BOOK)
        with owner.transaction():
            # What a superuser could set: the triggers are as the audit trail's own are.
            rows = owner.execute("SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgname LIKE 'capture_%'")
            assert rows.fetchall() == [("A",)]
        assert len(logged()) == 1

    def test_what_is_rolled_back_is_not_there_and_a_savepoint_counts_for_its_transaction(self, owner, logged):
        with owner.transaction():
            with owner.transaction(force_rollback=True):
                owner.execute(BOOK)
            with owner.transaction():
                owner.execute(BOOK)
            (txid,) = owner.execute("SELECT pg_current_xact_id()::text").fetchone()

        assert len(logged()) == 1
        assert owner.execute("SELECT txid::text FROM app.change_log ORDER BY id DESC LIMIT 1").fetchone() == (
            txid,
        )


class TestRights:
    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM app.change_log",
            "INSERT INTO app.change_log (table_name, is_new) VALUES ('books', true)",
            "UPDATE app.change_log_horizon SET pruned_before = '0'",
            "TRUNCATE app.change_log",
        ],
    )
    def test_the_application_reads_the_log_and_no_more(self, db, statement):
        with (
            connection.cursor() as cursor,
            pytest.raises(Exception, match="permission denied"),
        ):
            cursor.execute(statement)


class TestMark:
    MEDDLING = (
        ["ALTER TABLE public.books DISABLE TRIGGER capture_update"] * 2,
        [
            "ALTER TABLE public.books DISABLE TRIGGER USER",
            "ALTER TABLE public.books ENABLE ALWAYS TRIGGER capture_update",
        ],
        ["DROP TRIGGER capture_truncate ON public.genres"],
        ["ALTER TABLE public.authors ALTER COLUMN bio TYPE text USING upper(bio)"],
        ["CREATE OR REPLACE FUNCTION app.capture_id() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"],
        ["TRUNCATE app.change_log"],
    )

    def test_changes_with_all_that_may_have_missed_a_change(self, owner):
        for meddling in self.MEDDLING:
            before = state(owner)
            assert before.mark == state(owner).mark
            for statement in meddling:
                owner.execute(statement)
            call_command("migrate", verbosity=0)

            assert state(owner).mark != before.mark, meddling

    def test_is_the_same_after_another_migrate_an_index_and_vacuum(self, owner, settings):
        before = state(owner)
        with owner.cursor():
            owner.execute("ANALYZE")
            owner.execute("VACUUM FREEZE public.books")
            owner.execute("CREATE INDEX more_idx ON public.books (title)")
            owner.execute(capture.install_sql(settings.APP_ROLE).encode())

        assert state(owner) == before

    def test_a_trigger_that_is_off_is_told_and_put_back(self, owner, settings):
        owner.execute("ALTER TABLE public.books DISABLE TRIGGER capture_update")
        owner.execute("DROP TRIGGER capture_insert ON public.authors")
        assert state(owner).uncaptured == ["authors", "books"]

        owner.execute(capture.install_sql(settings.APP_ROLE).encode())

        assert state(owner).uncaptured == []


class TestBackups:
    def test_hold_no_capture_so_that_they_restore_anywhere(self, admin, folder):
        for made in (services.create_full(actor=admin), services.create_table(actor=admin, table="books")):
            text = gzip.decompress((folder / made.backup_file).read_bytes()).decode()
            assert "capture_" not in text
            assert "books_set_updated_at" in text
            assert "app." not in text.replace("app.sql", "")

    def test_a_restore_puts_it_back(self, owner, logged):
        before = state(owner)
        replace(backup())

        assert state(owner).uncaptured == []
        assert state(owner).mark != before.mark
        last = len(logged())
        owner.execute("UPDATE public.books SET title = 'x' WHERE id = (SELECT min(id) FROM public.books)")
        assert len(logged()) == last + 1

    def test_the_log_is_pruned_up_to_a_snapshot_and_no_further(self, owner):
        owner.execute(BOOK)
        before = snapshot_of_now(owner)
        owner.execute(BOOK)
        after = snapshot_of_now(owner)

        assert capture.prune(owner, before) > 0

        with owner.cursor() as cursor:
            assert not capture.is_pruned(cursor, before)
            assert len(cursor.execute("SELECT 1 FROM app.change_log").fetchall()) == 1
            capture.prune(owner, after)
            assert capture.is_pruned(cursor, before)
