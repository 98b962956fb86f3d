"""Names of backups: one pattern, read exactly."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accesscontrol.errors import NotFound
from backups import names

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
OUTSIDE = (
    "", "..", "../backup_20261122T020000Z.sql.gz", "/backup_20261122T020000Z.sql.gz", "backup_20261122T020000Z",
    "backup_20261122T020000Z.sql.gz\n", "backup_20261122T020000Z.sql.gz\0", "backup_20261122T020000Z.app.sql.gz",
    "backup_20261122T020000Z.manifest.json", "backup_20261322T020000Z.sql.gz", "backup_20261122T250000Z.sql.gz",
    "BACKUP_20261122T020000Z.sql.gz", "backup_\u0662\u0660261122T020000Z.sql.gz", "table__20261122T020000Z.sql.gz/..",
    "table_Books_20261122T020000Z.sql.gz", f"table_{'x' * 64}_20261122T020000Z.sql", ".new-1", None, 7, ["x"],
)  # fmt: skip


class TestNames:
    @pytest.mark.parametrize(
        ("name", "file"),
        [
            (names.new("full", AT), "backup_20261122T020000Z.sql.gz"),
            (names.new("full", AT, compressed=False), "backup_20261122T020000Z.sql"),
            (names.new("table", AT, table="books"), "table_books_20261122T020000Z.sql.gz"),
            (names.new("foreign", AT), "foreign_20261122T020000Z.sql.gz"),
        ],
    )
    def test_say_what_a_file_is_and_are_read_back(self, name, file):
        assert name.file == file
        assert names.parse(file) == name
        assert names.stem_of_manifest(name.manifest_file) == names.stem_of_file(file) == name.stem

    def test_are_in_utc_whole_seconds(self):
        moment = datetime(2026, 11, 22, 4, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

        assert names.new("full", moment).at == AT
        assert names.new("full", moment).later().file == "backup_20261122T020001Z.sql.gz"

    @pytest.mark.parametrize("name", OUTSIDE)
    def test_anything_else_is_no_backup(self, name):
        with pytest.raises(NotFound):
            names.parse(name)

    @given(st.text())
    def test_whatever_is_read_is_written_the_same(self, text):
        with contextlib.suppress(NotFound):
            assert names.parse(text).file == text
