"""Where the machine is lost with all its disks, the bucket has what brings any moment back."""

from __future__ import annotations

import os
import re
import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from accesscontrol.errors import Forbidden, NotFound
from backups.errors import OffsiteDamaged, OffsiteFailed, OffsiteMissing
from backups.offsite import transfer
from backups.pitr import bases, fetching, receiver, recovery, segments, services, shipping
from backups.pitr.recovery import Target
from jobs.progress import SILENT
from tests.backups.offsite import s3
from tests.backups.test_encryption import encrypt


@pytest.fixture
def large_parts(remote, monkeypatch):
    """Parts as they are outside of tests."""
    monkeypatch.setattr(transfer, "PART_BYTES", 8 << 20)


@pytest.fixture
def known(story, settings, monkeypatch):
    """What the copies are of, which is no more."""
    base = story.base.described
    this = services.server.Server(base.system_id, base.timeline, base.server_version, base.segment_bytes)
    monkeypatch.setattr(services.server, "identify", lambda: this)
    settings.PITR_DIR = story.folder.parent


@pytest.fixture
def shipped(known, machine, large_parts, db):
    """The story's copies in the bucket."""
    return shipping.ship(actor=machine)


@pytest.mark.django_db(transaction=True)
class TestShipping:
    def test_all_comes_back_from_the_bucket_alone_for_moments_before_the_newest_base_too(
        self, story, shipped, settings, bucket, tmp_path
    ) -> None:
        base = story.base.described
        assert base.name in shipped
        settings.PITR_DIR = tmp_path / "another machine"
        folder = fetching.fetch(to=Target())
        assert [found.described for found in bases.found(folder)] == [base]

        place = {"name": "base_29990101T000000Z", "start": "F/0", "end": "F/0"}
        later = base.model_copy(update=place | {"finished_at": story.before + timedelta(hours=1)}).sealed()
        target = f"pitr/{folder.name}/{later.name}.json.enc"
        bucket.put(target, encrypt(later.encode(), key=settings.BACKUP_KEYS[0]))
        with pytest.raises(OffsiteMissing, match=later.name):  # it is wanted now
            fetching.fetch(to=Target())

        (folder / f"{base.name}.json").unlink()
        shutil.rmtree(folder / base.name)
        to = Target(time=story.before)
        fetching.fetch(to=to)
        assert recovery.prepare(to, tmp_path / "data", SILENT).target == to
        fetching.fetch(to=Target(name="before_the_accident"))
        with pytest.raises(NotFound, match="oldest base"):
            fetching.fetch(to=Target(time=story.before - timedelta(days=1)))

    def test_what_is_not_full_is_sent_again_where_it_has_grown_or_is_lost(
        self, story, shipped, machine, bucket, settings, tmp_path
    ) -> None:
        (part,) = receiver.folders(story.folder)[-1].glob("*.partial")
        (name,) = [name for name in shipped if ".partial" in name]
        assert shipping.ship(actor=machine) == []

        elsewhere = tmp_path / "another machine"
        elsewhere.mkdir(mode=0o700)
        shutil.copytree(story.folder, elsewhere / story.folder.name, symlinks=True)
        content = part.read_bytes()
        try:
            part.write_bytes(content[:-1] + b"x")
            assert shipping.ship(actor=machine) == [name]
            assert shipping.ship(actor=machine) == []
            bucket.delete(f"pitr/{story.folder.name}/{name}.enc")
            assert shipping.ship(actor=machine) == [name]

            settings.PITR_DIR = elsewhere
            folder = fetching.fetch(to=Target())
            assert (folder / part.relative_to(story.folder)).read_bytes() == part.read_bytes()
        finally:
            part.write_bytes(content)

    def test_a_base_on_its_way_is_gone_on_with(
        self, story, known, server, remote, monkeypatch, machine
    ) -> None:
        monkeypatch.setattr(transfer, "PART_BYTES", 1 << 18)
        with (
            server.failing(s3.refusing(), method="PUT", having=".tar.gz", after=3),
            pytest.raises(OffsiteFailed),
        ):
            shipping.ship(actor=machine)
        server.requests.clear()
        assert story.base.described.name in shipping.ship(actor=machine)

        sent = re.findall(r"PUT \S*\.tar\.gz\S*partNumber=(\d+)", "\n".join(server.requests))
        assert max(map(int, sent)) - len(sent) == 3  # that had arrived
        assert story.base.described.name not in (story.folder / ".sent.json").read_text()

    def test_what_is_old_goes_but_for_the_newest(self, story, shipped, bucket, machine) -> None:
        later = timezone.now() + timedelta(days=1000)
        assert shipping.expire(actor=machine, now=later) == []
        assert any("base_" in name for name in bucket.sizes())

    def test_what_somebody_deletes_or_writes_over_is_still_there_in_a_bucket_with_versions(
        self, story, shipped, settings, tmp_path, bucket
    ) -> None:
        settings.PITR_DIR = tmp_path / "another machine"
        forged = f"pitr/{story.folder.name}/base_29990101T000000Z.json.enc"
        bucket.put(forged, os.urandom(100))
        for name in bucket.sizes():
            if name.endswith(".json.enc"):
                bucket.delete(name)
            else:
                bucket.put(name, os.urandom(100))
        folder = fetching.fetch(to=Target())
        assert [found.described for found in bases.found(folder)] == [story.base.described]
        assert segments.find(receiver.folders(folder), story.base.described.segment_bytes)

    def test_a_bucket_that_holds_what_is_not_ours_is_not_believed(
        self, story, remote, settings, tmp_path, bucket
    ) -> None:
        settings.PITR_DIR = tmp_path / "another machine"
        bucket.put(f"pitr/{story.folder.name}/{story.base.described.name}.json.enc", os.urandom(100))
        with pytest.raises(OffsiteDamaged):
            fetching.fetch(to=Target())

    def test_an_empty_bucket_has_nothing(self, remote, settings, tmp_path) -> None:
        settings.PITR_DIR = tmp_path / "another machine"
        with pytest.raises(NotFound):
            fetching.fetch(to=Target())

    def test_who_may_not_manage_backups_ships_nothing(self, remote, nobody) -> None:
        with pytest.raises(Forbidden):
            shipping.ship(actor=nobody)
