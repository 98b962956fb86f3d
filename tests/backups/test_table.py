"""Backups of one table: what is in them, and that it restores."""

from __future__ import annotations

import gzip
from pathlib import Path

import psycopg
import pytest

from accesscontrol.errors import InvalidInput
from audit.models import AuditLog
from backups import checksums, manifest, names, services
from tests.backups.conftest import restore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _trouble(trouble):
    """Have something to back up."""


def told(place, made) -> manifest.Manifest:
    return manifest.read(place, names.parse(made.backup_file))


def text(folder: Path, made) -> str:
    return gzip.decompress((folder / made.backup_file).read_bytes()).decode()


class TestTable:
    def test_restores_with_all_that_depends_on_it(self, admin, folder, place, empty_database):
        functions = (
            "CREATE FUNCTION public.set_updated_at() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
            "CREATE FUNCTION public.search_vector(text) RETURNS tsvector LANGUAGE sql IMMUTABLE"
            " RETURN to_tsvector('simple', $1)"
        )
        made = services.create_table(actor=admin, table="authors")
        with psycopg.connect(empty_database, autocommit=True) as own:
            own.execute(functions)
        restore(folder / made.backup_file, empty_database)

        described = told(place, made)
        with psycopg.connect(empty_database) as own, own.cursor() as cursor:
            cursor.execute(checksums.PINNED)
            assert dict(checksums.of(cursor, ["authors"])) == described.tables
            assert checksums.sequences(cursor) == described.sequences
            assert cursor.execute(
                "SELECT count(*) FROM pg_indexes WHERE tablename = 'authors'"
            ).fetchone() == (3,)
            assert cursor.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal").fetchone() == (1,)
        assert (made.type, made.table, made.tables, made.record_count) == ("table", "authors", 1, 3)
        assert list(described.sequences) == ["authors_id_seq"]

    @pytest.mark.parametrize(
        ("wanted", "members", "has_rows"),
        [
            ({"data_only": True}, ["data"], True),
            ({"schema_only": True}, ["pre-data", "post-data"], False),
            ({}, ["pre-data", "data", "post-data"], True),
        ],
        ids=str,
    )
    def test_has_data_schema_or_both(self, admin, folder, place, wanted, members, has_rows):
        made = services.create_table(actor=admin, table="books", **wanted)

        described = told(place, made)
        assert [member.name for member in described.members] == members
        assert ("COPY public.books" in text(folder, made)) is has_rows
        assert ("CREATE TABLE public.books" in text(folder, made)) is ("pre-data" in members)
        assert list(described.tables) == (["books"] if has_rows else [])
        assert made.record_count == (3 if has_rows else 0)

    def test_holds_no_other_table_and_none_of_the_accounts(self, admin, folder, place):
        made = services.create_table(actor=admin, table="books")

        assert "CREATE TABLE public.authors" not in text(folder, made)
        assert told(place, made).app is None
        assert len(list(folder.iterdir())) == 2

    def test_is_in_the_trail_under_its_table(self, admin):
        made = services.create_table(actor=admin, table="books", compress=False)

        row = AuditLog.objects.get(operation="BACKUP_TABLE")
        assert (row.table_name, row.record_id, row.record_count) == ("books", made.backup_file, 3)
        assert made.backup_file.startswith("table_books_")
        assert made.backup_file.endswith("Z.sql")

    @pytest.mark.parametrize(
        "name", ["pg_class", "books; DROP TABLE authors", "public.*", "Books", "", None, "--help"]
    )
    def test_knows_no_other_names(self, admin, name):
        with pytest.raises(InvalidInput):
            services.create_table(actor=admin, table=name)

    def test_needs_data_or_schema(self, admin):
        with pytest.raises(InvalidInput, match="leave nothing"):
            services.create_table(actor=admin, table="books", data_only=True, schema_only=True)
