"""Backups brought home from the bucket alone."""

from __future__ import annotations

import io
import shutil

import pytest
from django.core.management import CommandError, call_command

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import Forbidden, NotFound
from audit.models import AuditLog
from backups import services, validation
from backups.errors import OffsiteDamaged, OffsiteFailed, OffsiteMissing
from backups.models import OffsiteCopy
from backups.offsite import copying, fetching
from tests.backups.conftest import OLD_KEY
from tests.backups.offsite import s3
from tests.backups.offsite.conftest import PREFIX
from tests.backups.restores import backup, replace, state

pytestmark = pytest.mark.django_db
COMMITTED = pytest.mark.django_db(transaction=True)  # others see it: pg_dump, or another thread
BACKUP = "backup_20261121T020000Z"


def fetch(file: str) -> list[str]:
    return fetching.fetch(actor=on_this_machine(), backup_file=file)


def command(*arguments: str) -> str:
    told = io.StringIO()
    call_command("fetch_backup", *arguments, stdout=told, stderr=io.StringIO())
    return told.getvalue()


@pytest.fixture
def copied(remote, planted, folder):
    """A backup that is in the bucket alone."""
    told = planted(BACKUP)
    copying.copy_all(actor=on_this_machine())
    shutil.rmtree(folder)
    return told


def versions(remote, name: str) -> object:
    return remote.Object(f"{PREFIX}{name}.enc")


class TestFetch:
    @COMMITTED
    def test_brings_all_of_a_real_backup_which_can_be_restored(self, remote, library, folder, owner):
        made = services.create_full(actor=on_this_machine()).backup_file
        before, files = state(owner), {path.name: path.read_bytes() for path in folder.iterdir()}
        copying.copy_all(actor=on_this_machine())
        shutil.rmtree(folder)
        owner.execute("DELETE FROM public.book_genres")

        assert made in command("--newest")

        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
        assert validation.validate_backup(actor=on_this_machine(), backup_file=made).valid
        replace(made)
        assert state(owner) == before
        assert AuditLog.objects.get(operation="FETCH_BACKUP").record_id == made

    @COMMITTED
    def test_brings_the_whole_chain_whose_end_can_be_restored(self, remote, library, folder, owner):
        chain = [backup()]
        for statement in ("DELETE FROM public.book_genres", "UPDATE public.books SET title = title || '!'"):
            owner.execute(statement)
            chain.append(services.create_incremental(actor=on_this_machine()).backup_file)
        then = state(owner)
        copying.copy_all(actor=on_this_machine())
        shutil.rmtree(folder)
        _, between, last = chain

        assert command("--newest").splitlines()[:-1] == chain

        assert OffsiteCopy.objects.get(file=last).base == between
        owner.execute("TRUNCATE public.chapters CASCADE")
        replace(last)
        assert state(owner) == then

    @COMMITTED
    def test_a_chain_of_which_one_is_lost_is_refused_by_its_name(self, remote, library, folder, owner):
        full = backup()
        made = services.create_incremental(actor=on_this_machine()).backup_file
        copying.copy_all(actor=on_this_machine())
        shutil.rmtree(folder)
        remote.object_versions.filter(Prefix=f"{PREFIX}{full.split('.')[0]}").delete()

        with pytest.raises(OffsiteMissing, match=f"{full.split('.')[0]}.manifest.json.enc is not in"):
            fetch(made)
        assert list(folder.glob("*")) == []

    def test_one_that_is_here_is_left_alone(self, copied, server):
        assert fetch(copied.file) == [copied.file]
        assert fetch(copied.file) == []
        assert AuditLog.objects.filter(operation="FETCH_BACKUP").count() == 1

    def test_with_an_old_key_it_is_opened_and_without_it_is_named(self, copied, settings, folder):
        key, settings.BACKUP_KEYS = settings.BACKUP_KEYS, [OLD_KEY]
        with pytest.raises(OffsiteDamaged, match="a key that is not in use") as refusal:
            fetch(copied.file)
        assert "BACKUP_KEY" in refusal.value.hint
        assert list(folder.glob("*")) == []

        settings.BACKUP_KEYS = [OLD_KEY, *key]
        assert fetch(copied.file) == [copied.file]

    def test_an_answer_that_breaks_off_is_gone_on_with(self, copied, server):
        with server.failing(s3.breaking_off, method="GET", having=".sql.gz", times=2):
            assert fetch(copied.file) == [copied.file]

    def test_a_bucket_that_fails_leaves_nothing(self, copied, server, folder):
        with server.failing(s3.refusing(), method="GET", having=".sql.gz"), pytest.raises(OffsiteFailed):
            fetch(copied.file)

        assert list(folder.iterdir()) == []

    def test_what_is_not_there_is_missed_by_its_name(self, remote):
        with pytest.raises(OffsiteMissing, match=f"{BACKUP}.manifest.json.enc is not in the bucket"):
            fetch(f"{BACKUP}.sql.gz")
        with pytest.raises(NotFound):
            fetch("../etc/passwd")

    def test_is_for_who_manages_backups(self, remote, viewer):
        with pytest.raises(Forbidden):
            fetching.fetch(actor=viewer, backup_file=f"{BACKUP}.sql.gz")


class TestVersions:
    @pytest.mark.parametrize("kind", ["file", "manifest"])
    @pytest.mark.parametrize("harm", ["deleted", "written over", "written over twice and deleted"])
    def test_what_somebody_deletes_or_writes_over_is_still_there(self, copied, remote, kind, harm):
        name = copied.file if kind == "file" else copied.name.manifest_file
        for _ in range(harm.count("over") + harm.count("twice")):
            versions(remote, name).put(Body=b"other")
        if "deleted" in harm:
            versions(remote, name).delete()

        assert fetch(copied.file) == [copied.file]

    def test_without_versions_it_is_lost_and_noticed(self, remote, planted, folder):
        remote.Versioning().suspend()
        told = planted(BACKUP)
        copying.copy_all(actor=on_this_machine())
        shutil.rmtree(folder)
        versions(remote, told.file).put(Body=b"other")

        with pytest.raises(OffsiteDamaged):
            fetch(told.file)
        assert list(folder.iterdir()) == []

    def test_another_backup_under_its_name_is_none(self, copied, remote, planted, bucket, folder):
        other = planted("backup_20261122T020000Z")
        copying.copy_all(actor=on_this_machine())
        shutil.rmtree(folder)
        remote.object_versions.filter(Prefix=f"{PREFIX}{copied.name.manifest_file}").delete()
        source = {"Bucket": remote.name, "Key": f"{PREFIX}{other.name.manifest_file}.enc"}
        versions(remote, copied.name.manifest_file).copy(source)

        with pytest.raises(OffsiteDamaged, match="not the manifest"):
            fetch(copied.file)


class TestCommand:
    def test_lists_what_is_whole_the_newest_first(self, copied, remote, planted):
        newer = planted("table_books_20261122T020000Z")
        copying.copy_all(actor=on_this_machine())
        for stray in (f"{BACKUP[:-2]}9Z.sql.gz.enc", "notes.txt", "backup_20269921T020000Z.sql.gz.enc"):
            remote.Object(f"{PREFIX}{stray}").put(Body=b"x")

        lines = command("--list").splitlines()

        assert [line.split()[0] for line in lines[:-1]] == [newer.file, copied.file]
        assert lines[-1] == "2 backups in the bucket"

    def test_lists_what_somebody_has_deleted_too(self, copied, remote):
        remote.objects.all().delete()

        assert "0 backups" in command("--list")
        assert copied.file in command("--list", "--deleted")
        assert "1 backups fetched" in command(copied.file)

    @pytest.mark.parametrize("arguments", [[], ["--newest", "--list"], [f"{BACKUP}.sql.gz", "--newest"]])
    def test_wants_to_know_which(self, arguments):
        with pytest.raises(CommandError, match="Give a backup's name"):
            command(*arguments)

    def test_says_that_there_is_none(self, remote):
        with pytest.raises(CommandError, match="no full backup in the bucket"):
            command("--newest")

    def test_says_that_there_is_no_bucket(self):
        with pytest.raises(CommandError, match="OFFSITE_BUCKET is not set"):
            command("--list")
