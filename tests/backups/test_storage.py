"""What a sweep of the backups takes, and what it leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backups import storage

NOW = datetime.now(UTC)
WHOLE = (
    "backup_20261122T020000Z.sql.gz", "backup_20261122T020000Z.app.sql.gz", "backup_20261122T020000Z.manifest.json",
)  # fmt: skip
ORPHANS = (
    "backup_20261122T030000Z.sql.gz",
    "backup_20261122T030000Z.app.sql.gz",
    "table_books_20261122T030000Z.sql",
)
FOREIGN = ("README.txt", "dump.sql", "backup.sql.gz")


def put(place, *names: str) -> None:
    for name in names:
        with place.create() as new:
            new.publish(name)


class TestSweep:
    def test_takes_files_without_a_manifest_after_a_day_and_never_what_is_not_ours(self, place):
        put(place, *WHOLE, *ORPHANS, *FOREIGN)

        assert storage.sweep(place, NOW) == 0
        assert storage.sweep(place, NOW + timedelta(days=2)) == 3
        assert set(place.names()) == {*WHOLE, *FOREIGN}
