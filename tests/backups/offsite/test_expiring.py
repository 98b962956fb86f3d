"""Copies that have had their time, by the rules and by the chain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import Forbidden
from audit.models import AuditLog
from backups.errors import OffsiteFailed
from backups.models import OffsiteCopy, Verification
from backups.offsite import copying, expiring, lock, watching
from tests.backups.offsite import s3
from tests.backups.offsite.conftest import PREFIX

pytestmark = pytest.mark.django_db
OLD, LATER, NEW = (f"backup_2026{day}T020000Z" for day in ("0101", "0201", "1121"))


def copy() -> None:
    copying.copy_all(actor=on_this_machine())


def expire(now, **arguments) -> list[str]:
    return expiring.expire(actor=on_this_machine(), now=now, **arguments)


def prove(told) -> None:
    Verification.objects.create(sha256=told.sha256, file=told.file, deep=True, valid=True)


def stems(remote) -> set[str]:
    return {found.key.removeprefix(PREFIX).split(".")[0] for found in remote.objects.all()}


class TestExpire:
    def test_lets_go_what_is_old_and_tells_the_trail(self, remote, planted, admin):
        old, new = planted(OLD), planted(NEW)
        copy()

        gone = expiring.expire(actor=admin, now=new.created + timedelta(days=1))

        assert gone == [old.file]
        assert stems(remote) == {new.name.stem}
        entry = AuditLog.objects.get(operation="DELETE_COPY")
        assert (entry.record_id, entry.user_id) == (old.file, "ada")
        assert dict(OffsiteCopy.objects.values_list("file", "state")) == {
            old.file: "expired",
            new.file: "verified",
        }

    def test_what_had_its_time_there_is_not_copied_again_and_forgotten_when_it_is_gone_here(
        self, remote, planted, folder
    ):
        old, new = planted(OLD), planted(NEW)
        copy()
        expire(new.created)
        copy()
        assert stems(remote) == {new.name.stem}
        assert watching.not_copied(new.created) is None

        (folder / old.file).unlink()
        (folder / old.name.manifest_file).unlink()
        expire(new.created)
        assert list(OffsiteCopy.objects.values_list("file", flat=True)) == [new.file]

    def test_it_is_copied_again_where_something_builds_on_it(self, remote, planted):
        old, new = planted(OLD), planted(NEW)
        copy()
        expire(new.created)

        above = planted("incremental_20261121T060000Z", base=old)
        copy()
        assert stems(remote) == {each.name.stem for each in (old, new, above)}

    @pytest.mark.parametrize(("more", "count"), [(timedelta(0), 0), (timedelta(seconds=1), 1)])
    def test_keeps_all_for_as_many_days_as_the_settings_say(self, remote, planted, settings, more, count):
        settings.OFFSITE_DAYS = 30
        old, new = planted(OLD), planted(LATER)
        copy()

        assert len(expire(old.created + timedelta(days=30) + more)) == count
        assert new.name.stem in stems(remote)

    def test_keeps_the_newest_and_the_last_proven_one_of_each_series(self, remote, planted):
        oldest, proven, newest = planted(OLD), planted(LATER), planted("backup_20260301T020000Z")
        table = planted("table_books_20260101T020000Z")
        prove(oldest)
        prove(proven)
        copy()

        assert expire(newest.created + timedelta(days=900)) == [oldest.file]
        assert stems(remote) == {each.name.stem for each in (proven, newest, table)}

    def test_one_that_was_found_spoilt_since_is_not_proven(self, remote, planted):
        spoilt, newest = planted(OLD), planted(LATER)
        prove(spoilt)
        Verification.objects.create(sha256=spoilt.sha256, file=spoilt.file, deep=False, valid=False)
        copy()

        assert expire(newest.created + timedelta(days=900)) == [spoilt.file]

    def test_keeps_what_others_build_on_and_lets_go_a_chain_that_is_old(self, remote, planted):
        base, between, last, newest = (
            planted(f"backup_2026{day}T020000Z") for day in ("0101", "0102", "0401", "1121")
        )
        copy()
        for above, below in ((between, base), (last, between)):
            OffsiteCopy.objects.filter(file=above.file).update(base=below.file)

        assert expire(last.created + timedelta(days=89)) == []
        assert expire(last.created + timedelta(days=91)) == [base.file, between.file, last.file]
        assert stems(remote) == {newest.name.stem}

    def test_a_dry_run_deletes_none(self, remote, planted):
        old, new = planted(OLD), planted(NEW)
        copy()

        assert expire(new.created, dry_run=True) == [old.file]
        assert len(stems(remote)) == 2

    def test_what_a_bucket_with_versions_has_lost_it_still_keeps(self, remote, planted):
        old, new = planted(OLD), planted(NEW)
        copy()
        expire(new.created)

        kept = remote.object_versions.filter(Prefix=f"{PREFIX}{old.file}")
        assert [version.size is None for version in kept].count(False) == 1

    def test_a_bucket_that_fails_is_asked_again(self, remote, planted, server):
        old, new = planted(OLD), planted(NEW)
        copy()
        with server.failing(s3.refusing(), method="DELETE"), pytest.raises(OffsiteFailed):
            expire(new.created)

        assert expire(new.created) == [old.file]
        assert stems(remote) == {new.name.stem}

    @pytest.mark.usefixtures("small_parts")
    def test_leaves_nothing_of_what_will_never_be_whole(self, remote, planted, server, folder):
        old, _ = planted(OLD), planted(NEW)
        with server.failing(s3.dying, method="PUT", after=2), pytest.raises(OffsiteFailed):
            copy()
        (folder / old.file).unlink()
        (folder / old.name.manifest_file).unlink()
        now = OffsiteCopy.objects.get().changed_at
        assert expire(now) == []

        assert expire(now + timedelta(days=91)) == [old.file]
        assert list(remote.multipart_uploads.all()) == []

    def test_does_nothing_while_copies_are_made(self, remote):
        with lock.held(), pytest.raises(lock.Busy):
            expire(None)

    def test_is_for_who_manages_backups(self, remote, viewer):
        with pytest.raises(Forbidden):
            expiring.expire(actor=viewer, now=None)


class TestAdopt:
    def test_knows_again_what_a_restore_has_forgotten(self, remote, planted, bucket):
        old, new = planted(OLD), planted(NEW)
        copy()
        OffsiteCopy.objects.all().delete()
        remote.Object(f"{PREFIX}{LATER}.manifest.json.enc").put(Body=b"not ours")
        remote.Object(f"{PREFIX}{LATER}.sql.gz.enc").put(Body=b"not ours")

        assert expiring.adopt(bucket) == [new.file, old.file]
        assert expiring.adopt(bucket) == []
        assert expire(new.created) == [old.file]
