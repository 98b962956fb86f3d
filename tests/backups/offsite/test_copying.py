"""Backups on their way into the bucket: each once, whoever asks, and every state is kept."""

from __future__ import annotations

import io
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import Forbidden
from audit import alerts
from audit.models import AuditLog
from backups import manifest, services
from backups.errors import BackupInvalid, OffsiteFailed
from backups.models import OffsiteCopy
from backups.offsite import copying, lock, transfer, watching
from tests.backups.conftest import Watcher
from tests.backups.offsite import s3
from tests.backups.offsite.conftest import PREFIX

pytestmark = pytest.mark.django_db
COMMITTED = pytest.mark.django_db(transaction=True)  # others see it: pg_dump, or another thread


def copy(**arguments) -> list[str]:
    return copying.copy_all(actor=on_this_machine(), **arguments)


def states() -> dict[str, tuple[str, str]]:
    return {row.file: (row.state, row.reason) for row in OffsiteCopy.objects.all()}


def objects(remote) -> set[str]:
    return {found.key for found in remote.objects.all()}


class TestCopyAll:
    @COMMITTED
    def test_takes_all_files_of_a_real_backup_once_and_tells_the_trail(self, remote, library, admin, server):
        made = services.create_full(actor=admin)
        watcher = Watcher()

        assert copying.copy_all(actor=admin, progress=watcher) == [made.backup_file]

        stem = made.backup_file.removesuffix(".sql.gz")
        files = {f"{stem}.sql.gz", f"{stem}.app.sql.gz", f"{stem}.manifest.json"}
        assert objects(remote) == {f"{PREFIX}{file}.enc" for file in files}
        assert states() == {made.backup_file: ("verified", "")}
        entry = AuditLog.objects.get(operation="COPY_BACKUP")
        assert (entry.success, entry.record_id, entry.user_id) == (True, made.backup_file, "ada")
        assert entry.changes["versions"]["new"][made.backup_file] == (
            remote.Object(f"{PREFIX}{made.backup_file}.enc").version_id
        )
        assert watcher.begun[-1].startswith("Read back")
        server.requests.clear()
        assert copy() == []
        assert [line.split()[0] for line in server.requests] == ["GET"]  # is it still there?

    def test_takes_the_oldest_first_and_each_manifest_last(self, remote, planted, server):
        older, newer = planted("backup_20261121T020000Z"), planted("table_books_20261122T020000Z")

        assert copy() == [older.file, newer.file]

        put = [line.split("/")[-1].split(".enc")[0] for line in server.requests if line.startswith("PUT")]
        assert list(dict.fromkeys(put)) == [
            older.file,
            older.name.manifest_file,
            newer.file,
            newer.name.manifest_file,
        ]

    def test_leaves_out_what_is_not_ours(self, remote, planted):
        planted("backup_20261121T020000Z", signed=False)

        assert copy() == []
        assert objects(remote) == set()

    def test_is_for_who_manages_backups(self, remote, viewer):
        with pytest.raises(Forbidden):
            copying.copy_all(actor=viewer)

    def test_without_a_bucket_there_is_nothing_to_do(self):
        with pytest.raises(OffsiteFailed, match="OFFSITE_BUCKET is not set"):
            copy()


class TestFaults:
    @pytest.mark.usefixtures("small_parts")
    def test_a_bucket_that_fails_is_kept_with_its_reason_and_gone_on_with(self, remote, planted, server):
        one = planted("backup_20261121T020000Z")
        planted("backup_20261122T020000Z")
        refused = s3.refusing("403 Forbidden", "AccessDenied")
        with server.failing(refused, method="PUT", after=2), pytest.raises(OffsiteFailed):
            copy()
        assert states() == {one.file: ("failed", "The bucket refuses: AccessDenied.")}
        assert server.asked("POST", "uploads") == 1
        assert s3.ACCESS_KEY not in str(list(AuditLog.objects.values_list("error_message", "changes")))

        assert len(copy()) == 2

        assert {state for state, _ in states().values()} == {"verified"}
        assert server.asked("POST", f"{one.file}.enc?uploads") == 1  # gone on with, not begun anew

    def test_a_backup_that_was_changed_does_not_hold_up_the_others(self, remote, planted, folder):
        bad, good = planted("backup_20261121T020000Z"), planted("backup_20261122T020000Z")
        (folder / bad.file).write_bytes(b"x" * bad.size_bytes)

        with pytest.raises(BackupInvalid, match="changed since it was made"):
            copy()

        assert states()[good.file] == ("verified", "")
        assert states()[bad.file][0] == "failed"
        assert not any(bad.name.stem in name for name in objects(remote))

    def test_one_whose_file_is_gone_neither(self, remote, planted, folder):
        bad, good = planted("backup_20261121T020000Z"), planted("backup_20261122T020000Z")
        (folder / bad.file).unlink()

        with pytest.raises(Exception, match="no such file"):
            copy()

        assert [states()[name][0] for name in (bad.file, good.file)] == ["failed", "verified"]

    def test_a_copy_that_reads_back_otherwise_is_made_anew(self, remote, planted, server):
        one = planted("backup_20261121T020000Z")

        def spoiling(app, environ, start):
            return [block[:-1] + b"!" for block in app(environ, start)]

        with server.failing(spoiling, method="GET", having=one.file), pytest.raises(OffsiteFailed):
            copy()
        assert states()[one.file][0] == "failed"
        first = remote.Object(f"{PREFIX}{one.file}.enc").version_id

        copy()

        assert states()[one.file] == ("verified", "")
        assert remote.Object(f"{PREFIX}{one.file}.enc").version_id != first

    def test_a_bucket_that_dies_while_it_is_read_back_keeps_the_copy(self, remote, planted, server):
        one = planted("backup_20261121T020000Z")
        with server.failing(s3.dying, method="GET", having=one.file), pytest.raises(OffsiteFailed):
            copy()
        sent = server.asked("PUT")

        copy()

        assert server.asked("PUT") == sent
        assert states()[one.file] == ("verified", "")

    @pytest.mark.parametrize("kind", ["file", "manifest"])
    def test_a_copy_that_the_bucket_lost_is_made_anew(self, remote, planted, kind):
        one = planted("backup_20261121T020000Z")
        copy()
        lost = f"{PREFIX}{one.file if kind == 'file' else one.name.manifest_file}.enc"
        remote.Object(lost).delete()

        assert copy() == [one.file]

        assert lost in objects(remote)
        assert states()[one.file] == ("verified", "")

    def test_a_copy_that_the_bucket_lost_is_told_of_where_the_backup_is_gone(self, remote, planted, folder):
        one = planted("backup_20261121T020000Z")
        copy()
        remote.objects.all().delete()
        shutil.rmtree(folder)

        assert copy() == []

        (state, reason) = states()[one.file]
        assert (state, reason) == ("failed", f"{one.file}.enc is not in the bucket any more.")
        assert reason in watching.watch(one.created)

    @pytest.mark.usefixtures("small_parts")
    def test_a_process_that_was_killed_leaves_what_the_next_goes_on_with(self, remote, planted, server):
        one = planted("backup_20261121T020000Z")

        class Killed(BaseException):
            pass

        def kill(amount: int) -> None:
            if OffsiteCopy.objects.filter(sent__has_key=one.file).exists():
                raise Killed

        watcher = Watcher()
        watcher.advance = kill
        with pytest.raises(Killed):
            copy(progress=watcher)
        assert states()[one.file][0] == "copying"

        copy()

        assert states()[one.file] == ("verified", "")
        assert server.asked("POST", f"{one.file}.enc?uploads") == 1


class TestTwoAtOnce:
    @COMMITTED
    def test_one_copies_and_the_other_is_refused(self, remote, planted, server):
        planted("backup_20261121T020000Z")
        begun, refused = threading.Event(), threading.Event()

        def wait() -> None:
            begun.set()
            assert refused.wait(20)

        def first() -> list[str]:
            try:
                return copy(progress=Watcher(copy=wait))
            finally:
                connection.close()

        with ThreadPoolExecutor() as pool:
            copied = pool.submit(first)
            assert begun.wait(20)
            with pytest.raises(lock.Busy):
                copy()
            refused.set()
            assert len(copied.result(20)) == 1
        assert OffsiteCopy.objects.count() == 1
        assert len(list(remote.object_versions.all())) == 2

    def test_what_was_made_meanwhile_is_copied_too(self, remote, planted):
        def make() -> None:
            planted("backup_20261122T020000Z")

        planted("backup_20261121T020000Z")

        assert len(copy(progress=Watcher(copy=make))) == 2


def test_a_manifest_in_the_bucket_is_the_one_here(remote, planted, bucket):
    one = planted("backup_20261121T020000Z")
    copy()

    data = b"".join(transfer.texts(bucket, f"{one.name.manifest_file}.enc"))

    assert manifest.parse(data) == one


class TestCommand:
    def test_copies_and_tells_which(self, remote, planted):
        one, told = planted("backup_20261121T020000Z"), io.StringIO()

        call_command("copy_backups", stdout=told, stderr=io.StringIO())

        assert told.getvalue().splitlines() == [one.file, "1 backups copied"]
        assert AuditLog.objects.get(operation="COPY_BACKUP").user_id == "schedule"

    def test_tells_why_it_could_not_and_opens_an_alert(self, remote, planted, server):
        planted("backup_20261121T020000Z")

        with (
            server.failing(s3.refusing(), method="PUT"),
            pytest.raises(CommandError, match="The bucket refuses: SlowDown"),
        ):
            call_command("copy_backups", stderr=io.StringIO())

        assert alerts.open_now()
