"""Incremental backups: what they hold, that chains restore to each of their points, and when one must not be made."""

from __future__ import annotations

import gzip
from datetime import timedelta

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accesscontrol.actor import Actor, on_this_machine
from accesscontrol.errors import ConfirmationRequired, Conflict, NotFound
from backups import capture, deletion, manifest, names, services, snapshot, validation, watching
from backups.admin import charts
from backups.errors import BackupInvalid, DependentBackups, FullBackupNeeded
from backups.manifest import Changes
from jobs import kinds
from jobs.progress import SILENT
from tests import databases
from tests.backups.conftest import Watcher, own_url, restore
from tests.backups.restores import backup, merge, merge_table, replace, state
from tests.backups.test_capture import snapshot_of_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("library")]

WORK = """
INSERT INTO public.authors (name, bio) VALUES (E'New\\t\\\\', E'\\\\.\\n');
UPDATE public.books SET title = title || ' again' WHERE id % 2 = 0;
UPDATE public.locations SET id = id + 500 WHERE name = 'Pump Room';
DELETE FROM public.book_genres WHERE genre_id = 2;
TRUNCATE public.writing_goals;
INSERT INTO public.writing_goals (goal_type, target) VALUES ('words', 7);
"""
UNSEEN = """
ALTER TABLE public.books DISABLE TRIGGER capture_update;
UPDATE public.books SET title = 'unseen';
ALTER TABLE public.books ENABLE ALWAYS TRIGGER capture_update;
"""


def incremental(**arguments) -> services.MadeIncremental:
    return services.create_incremental(actor=on_this_machine(), **arguments)


def delete(actor: Actor, file: str, **arguments) -> deletion.Deleted:
    """Delete as somebody does who reads the plan, which names all that goes, and agrees."""
    with pytest.raises(ConfirmationRequired) as asked:
        deletion.delete_backup(actor=actor, backup_file=file, **arguments)
    token = asked.value.details["plan_token"]
    gone = deletion.delete_backup(actor=actor, backup_file=file, plan_token=token, **arguments)
    assert asked.value.details["plan"]["with_it"] == gone.with_it
    return gone


class TestContent:
    def test_a_chain_restores_to_each_of_its_points(self, owner):
        points = {backup(): state(owner)}
        for statement in (WORK, "DELETE FROM public.chapters WHERE id > 100"):
            owner.execute(statement)
            points[incremental().backup_file] = state(owner)

        for file, then in reversed(points.items()):
            replace(file)
            assert state(owner) == then

    def test_it_counts_what_came_changed_and_went(self, owner, folder, place):
        full = backup()
        owner.execute("UPDATE public.authors SET bio = 'x' WHERE id <= 5")
        owner.execute("UPDATE public.authors SET bio = 'y' WHERE id <= 3")
        owner.execute("INSERT INTO public.locations (name) VALUES ('a'), ('b'), ('c')")
        owner.execute("DELETE FROM public.locations WHERE name IN ('c', 'Pump Room')")

        made = incremental()

        changes = manifest.read(place, names.parse(made.backup_file)).chain.changes
        assert changes.keys() == {"audit_logs", "authors", "locations"}
        assert changes["authors"] == Changes(keys=5, rows=5, inserted=0, updated=5, deleted=0)
        assert changes["locations"] == Changes(keys=4, rows=2, inserted=2, updated=0, deleted=1)
        assert (made.inserted - changes["audit_logs"].rows, made.updated, made.deleted) == (2, 5, 1)
        assert made.chain == [full, made.backup_file]
        assert made.base_backup == full
        text = gzip.decompress((folder / made.backup_file).read_bytes()).decode()
        assert "public.books" not in text.replace("public.books_id_seq", "")

    def test_a_backup_before_it_is_a_base_too_and_the_changes_since_then_are_in_it(self, owner):
        full = backup()
        owner.execute(WORK)
        first = incremental()
        owner.execute("UPDATE public.authors SET bio = 'later'")
        now = state(owner)

        made = incremental(base_backup=full)

        assert made.chain == [full, made.backup_file]
        assert first.backup_file not in made.chain
        owner.execute("DELETE FROM public.book_genres")
        replace(made.backup_file)
        assert state(owner) == now

    def test_a_transaction_that_commits_after_later_ones_is_in_the_next(self, owner):
        backup()
        with psycopg.connect(own_url()) as slow:
            slow.execute("INSERT INTO public.authors (name) VALUES ('slow')")
            slow.execute("SAVEPOINT s")
            slow.execute("UPDATE public.books SET title = 'slow' WHERE id = 1")
            owner.execute("INSERT INTO public.authors (name) VALUES ('quick')")
            first = incremental()
            slow.commit()
        now, second = state(owner), incremental()

        assert (first.inserted, second.inserted, second.updated) == (
            2,
            2,
            1,
        )  # each with the row of the backup before
        replace(second.backup_file)
        assert state(owner) == now

    def test_it_restores_with_gunzip_and_psql_alone(self, owner, folder, place, empty_database):
        full = manifest.read(place, names.parse(backup()))
        owner.execute(WORK)
        made, now = incremental(), state(owner)

        end, data = full.members[1].end, (folder / full.file).read_bytes()
        text = b"".join(
            gzip.decompress(part)
            for part in (data[:end], (folder / made.backup_file).read_bytes(), data[end:])
        )
        (folder / "all.sql.gz").write_bytes(gzip.compress(text))
        restore(folder / "all.sql.gz", empty_database)

        with psycopg.connect(empty_database) as restored:
            assert state(restored) == now

    def test_one_table_and_a_merge_come_from_it_too(self, owner):
        backup()
        owner.execute(WORK)
        file, now = incremental().backup_file, state(owner)
        owner.execute(
            "DELETE FROM public.book_genres WHERE genre_id = 1; UPDATE public.books SET title = 'gone'"
        )

        merge_table(file, "book_genres")
        merge(file, on_conflict="overwrite")

        assert state(owner)["book_genres"] == now["book_genres"]
        titles = owner.execute("SELECT count(*) FROM public.books WHERE title = 'gone'").fetchone()
        assert titles == (0,)

    def test_a_clock_that_is_set_back_between_changes_nothing(self, owner, monkeypatch):
        full = backup()
        owner.execute(WORK)
        first = incremental()
        slow = snapshot._MOMENT.replace("clock_timestamp()", "clock_timestamp() - interval '2 hours'")
        monkeypatch.setattr(snapshot, "_MOMENT", slow)
        owner.execute("SET timezone = 'UTC'; UPDATE public.books SET updated_at = now() - interval '2 hours'")
        owner.execute("DELETE FROM public.book_genres WHERE genre_id = 3")
        now, second = state(owner), incremental()
        third = incremental()

        assert second.backup_file < first.backup_file
        assert third.chain == [full, first.backup_file, second.backup_file, third.backup_file]
        for hours in (-2, 0, 24):
            assert deletion.expire(actor=on_this_machine(), now=timezone.now() + timedelta(hours=hours)) == []
        listed = services.list_backups(actor=on_this_machine()).backups
        ages = charts.context(listed, timezone.now() - timedelta(hours=2))["ages"]
        assert min(age["days"] for age in ages) == 0
        replace(third.backup_file)
        assert state(owner) == now

    def test_it_comes_back_with_all_accounts_on_another_machine(self, owner, admin, settings):
        backup()
        owner.execute(WORK)
        file, now = incremental().backup_file, state(owner)
        here = settings.DATABASE_OWNER_URL
        settings.DATABASE_OWNER_URL = databases.url_of("postgres", here)
        databases.fresh(connection.settings_dict["NAME"], databases.template())
        settings.DATABASE_OWNER_URL = here

        call_command("restore", file, "--with-app", "--yes")

        with psycopg.connect(here) as own:
            assert state(own) == now
        assert User.objects.get(username=admin.username)
        with pytest.raises(FullBackupNeeded):
            incremental()
        backup()
        assert incremental().backup_file


class TestValidation:
    def test_a_chain_is_proven_by_restoring_it(self, owner, admin):
        backup()
        owner.execute(WORK)
        file = incremental().backup_file

        found = validation.validate_backup(actor=admin, backup_file=file, deep=True)

        assert found.valid, found.checks
        assert next(check for check in found.checks if check.name == "chain").detail.startswith("builds on 1")
        assert services.list_backups(actor=admin, type="incremental").backups[0].is_proven

    def test_the_last_is_proven_by_the_schedule_and_an_alert_names_one_that_is_not_valid(
        self, owner, admin, folder
    ):
        with pytest.raises(NotFound, match="no incremental"):
            kinds.get("prove_newest").run(admin, {"type": "incremental"}, SILENT)
        backup()
        file = incremental().backup_file
        told = kinds.get("prove_newest").run(admin, {"type": "incremental"}, SILENT)
        assert (told["backup_file"], told["valid"], told["deep"]) == (file, True, True)

        (folder / file).write_bytes(b"another")
        kinds.get("prove_newest").run(admin, {"type": "incremental"}, SILENT)

        assert any(file in message for message in watching.watch(timezone.now()))

    def test_what_it_builds_on_is_looked_at_too(self, owner, admin, folder):
        full = backup()
        first, second = incremental().backup_file, incremental().backup_file
        data = (folder / first).read_bytes()
        (folder / first).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

        found = validation.validate_backup(actor=admin, backup_file=second, deep=True)

        assert not found.valid
        with pytest.raises(BackupInvalid, match="sha256"):
            replace(second)
        assert validation.validate_backup(actor=admin, backup_file=full).valid

    def test_another_file_in_the_place_of_its_base_is_noticed(self, owner, admin, folder, place):
        full = backup()
        file = incremental().backup_file
        other = manifest.read(place, names.parse(backup()))
        again = other.model_copy(update={"file": full, "app": None}).sealed()
        (folder / names.parse(full).manifest_file).write_bytes(again.encode())
        (folder / full).write_bytes((folder / other.file).read_bytes())

        found = validation.validate_backup(actor=admin, backup_file=file)

        assert [check.detail for check in found.checks if not check.ok][:1] == [
            f"It builds on {full}, which is not what it was then."
        ]


class TestFullNeeded:
    """What changed can't be told: a full backup is asked for, and none is made up."""

    def refused(self, reason: str, **arguments) -> None:
        with pytest.raises(FullBackupNeeded) as refusal:
            incremental(**arguments)
        assert (refusal.value.code, refusal.value.status) == ("FULL_BACKUP_NEEDED", 409)
        assert refusal.value.details["reason"] == reason

    def test_where_there_is_none(self):
        self.refused("no_full_backup")

    def test_where_the_full_one_has_not_everything(self):
        backup(include_schema=False)
        self.refused("no_base")

    OTHERWISE = (
        ("CREATE INDEX more_idx ON public.books (title)", "schema_changed"),
        ("ALTER TABLE public.books DISABLE TRIGGER capture_update", "not_captured"),
        (UNSEEN, "capture_interrupted"),
    )
    LIKEWISE = (
        ("ALTER TABLE public.books ADD COLUMN more text", "schema_changed"),
        ("DROP TRIGGER capture_insert ON public.authors", "not_captured"),
        ("ALTER TABLE public.books ALTER title TYPE text USING upper(title)", "capture_interrupted"),
    )

    def test_where_the_schema_or_its_capture_is_another(self, owner, settings, is_whole):
        for statement, reason in self.OTHERWISE + (self.LIKEWISE if is_whole else ()):
            backup()
            assert incremental().backup_file, statement
            owner.execute(statement)
            self.refused(reason)
            owner.execute(capture.install_sql(settings.APP_ROLE).encode())

    def test_after_a_restore_between(self, owner):
        file = backup()
        incremental()
        replace(file)
        self.refused("capture_interrupted")

        backup()
        assert incremental().backup_file

    def test_where_the_base_is_of_another_place(self, folder, place):
        found = manifest.read(place, names.parse(backup()))
        for update, reason in (
            ({"timeline": "00000009"}, "other_timeline"),
            ({"database_oid": 1}, "other_database"),
            ({"capture": None}, "capture_interrupted"),
        ):
            changed = found.model_copy(
                update={
                    "chain": found.chain.model_copy(update=update),
                }
            ).sealed()
            (folder / found.name.manifest_file).write_bytes(changed.encode())
            self.refused(reason, base_backup=found.file)

    def test_where_the_log_is_pruned(self, owner):
        backup()
        owner.execute(WORK)
        capture.prune(owner, snapshot_of_now(owner))
        self.refused("log_pruned")

    def test_where_the_base_is_broken_or_was_found_to_be(self, admin, folder):
        file = backup()
        data = (folder / file).read_bytes()
        (folder / file).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert not validation.validate_backup(actor=admin, backup_file=file).valid
        self.refused("chain_broken")
        (folder / file).unlink()
        self.refused("chain_broken")


class TestKeeping:
    def test_what_others_build_on_is_deleted_with_them_or_not_at_all(self, admin):
        full = backup()
        first, second = incremental().backup_file, incremental().backup_file

        with pytest.raises(DependentBackups) as refusal:
            deletion.delete_backup(actor=admin, backup_file=full, asks=True)
        assert refusal.value.details["dependents"] == [second, first]

        gone = delete(admin, full, chain=True)

        assert gone.with_it == [second, first]
        assert services.list_backups(actor=admin).total == 0

    def test_the_last_of_a_chain_goes_and_the_next_builds_on_what_is_left(self, owner, admin):
        full = backup()
        last = incremental().backup_file
        owner.execute(WORK)
        delete(admin, last)

        assert incremental().chain[:-1] == [full]

    def test_retention_keeps_what_the_last_builds_on(self, admin):
        full, first = backup(), incremental().backup_file
        later = timezone.now() + timedelta(days=200)

        assert deletion.expire(actor=admin, now=later) == []
        assert {one.file for one in services.list_backups(actor=admin).backups} == {full, first}

    def test_a_death_in_the_middle_leaves_nothing_without_what_it_builds_on(self, admin, monkeypatch):
        old = [backup(), incremental().backup_file, incremental().backup_file]
        new = [backup(), incremental().backup_file]
        once = iter([deletion._remove])

        def remove(*arguments):
            return next(once)(*arguments)

        monkeypatch.setattr(deletion, "_remove", remove)
        with pytest.raises(StopIteration):
            deletion.expire(actor=admin, now=timezone.now() + timedelta(days=200))

        left = services.list_backups(actor=admin).backups
        assert {one.file for one in left} == {*old[:2], *new}

    def test_the_log_has_what_the_last_full_backup_needs_and_no_more(self, owner, place):
        backup()
        owner.execute(WORK)
        incremental()
        last = manifest.read(place, names.parse(backup()))

        since = owner.execute(
            "SELECT pruned_before = pg_snapshot_xmin(%(last)s::pg_snapshot), (SELECT count(*) FROM app.change_log"
            " WHERE txid < pg_snapshot_xmin(%(last)s::pg_snapshot)) FROM app.change_log_horizon",
            {"last": last.snapshot},
        )
        assert since.fetchone() == (True, 0)
        assert incremental().backup_file

    def test_a_base_that_goes_meanwhile_leaves_no_backup_that_nothing_restores(self, admin, folder):
        full = backup()
        watcher = Watcher(changes=lambda: delete(admin, full))

        with pytest.raises(Conflict, match="was deleted"):
            incremental(progress=watcher)

        assert list(folder.iterdir()) == []


def test_a_command_makes_one_and_says_what_is_in_it(owner, library, capsys):
    with pytest.raises(CommandError, match="no backup of this database"):
        call_command("backup", "--incremental")
    call_command("backup")
    owner.execute("DELETE FROM public.book_genres")
    capsys.readouterr()

    call_command("backup", "--incremental")

    assert "180 went since backup_" in capsys.readouterr().out
    with pytest.raises(CommandError, match="give it alone"):
        call_command("backup", "--incremental", "--table", "books")
