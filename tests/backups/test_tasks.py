"""Backups as jobs: what they take and return."""

from __future__ import annotations

import json

import pytest

from backups import manifest, names
from backups.errors import FullBackupNeeded
from jobs import kinds, schedule
from jobs.progress import SILENT

pytestmark = pytest.mark.django_db(transaction=True)


def run(kind: str, actor, **arguments):
    return json.loads(json.dumps(kinds.get(kind).run(actor, arguments, SILENT)))


class TestKinds:
    def test_make_backups_and_tell_of_them_in_json(self, admin, trouble, place):
        full = run("backup_full", admin)
        table = run("backup_table", admin, table="books", data_only=True)

        assert manifest.read(place, names.parse(full["backup_file"])).sha256 == full["sha256"]
        assert (table["table"], table["record_count"]) == ("books", 3)

    def test_back_up_what_changed_or_everything_where_that_can_not_be_told(self, admin, trouble):
        with pytest.raises(FullBackupNeeded):
            run("backup_incremental", admin)
        full = run("backup_incremental", admin, or_full=True)
        made = run("backup_incremental", admin, or_full=True)

        assert (full["type"], made["base_backup"]) == ("full", full["backup_file"])

    def test_let_old_ones_go(self, admin, place):
        assert run("expire_backups", admin) == {"deleted": []}
        assert run("expire_backups", admin, dry_run=True) == {"deleted": []}

    def test_are_in_the_schedule(self):
        assert {"Full backup", "Incremental backup", "Retention of backups"} <= set(schedule.install())
