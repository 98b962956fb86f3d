"""Where the machine is lost with all its disks, the bucket has what brings any moment back."""

from __future__ import annotations

import os
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accesscontrol.errors import Forbidden, NotFound
from backups.errors import OffsiteDamaged, OffsiteFailed
from backups.offsite import transfer
from backups.pitr import bases, recovery, services, shipping
from backups.pitr.recovery import Target
from jobs.progress import SILENT
from tests.backups.offsite import s3


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
    def test_all_comes_back_from_the_bucket_alone(self, story, shipped, settings, tmp_path, machine) -> None:
        assert story.base.described.name in shipped
        again = shipping.ship(actor=machine)
        assert again
        assert all(".partial" in name for name in again)  # may have grown

        settings.PITR_DIR = tmp_path / "another machine"
        folder = shipping.fetch()
        assert [base.described for base in bases.found(folder)] == [story.base.described]
        made = recovery.prepare(Target(name="before_the_accident"), tmp_path / "data", SILENT)
        assert (made.data / "recovery.signal").exists()

    def test_a_base_on_its_way_is_gone_on_with(
        self, story, known, server, remote, monkeypatch, machine
    ) -> None:
        monkeypatch.setattr(transfer, "PART_BYTES", 1 << 20)
        with (
            server.failing(s3.refusing(), method="PUT", having=".tar.gz", after=3),
            pytest.raises(OffsiteFailed),
        ):
            shipping.ship(actor=machine)
        server.requests.clear()
        assert story.base.described.name in shipping.ship(actor=machine)

        sent = re.findall(r"PUT \S*\.tar\.gz\S*partNumber=(\d+)", "\n".join(server.requests))
        assert max(map(int, sent)) - len(sent) == 3  # that had arrived
        assert not list(story.folder.glob(".base_*"))

    def test_what_is_old_goes_but_for_the_newest(self, story, shipped, bucket, machine) -> None:
        later = timezone.now() + timedelta(days=1000)
        assert shipping.expire(actor=machine, now=later) == []
        assert any("base_" in name for name in bucket.sizes())

    def test_a_bucket_that_holds_what_is_not_ours_is_not_believed(
        self, story, shipped, settings, tmp_path, bucket
    ) -> None:
        settings.PITR_DIR = tmp_path / "another machine"
        name = next(name for name in bucket.sizes() if name.endswith(".json.enc"))
        bucket.put(name, os.urandom(100))
        with pytest.raises(OffsiteDamaged):
            shipping.fetch()

    def test_an_empty_bucket_has_nothing(self, remote, settings, tmp_path) -> None:
        settings.PITR_DIR = tmp_path / "another machine"
        with pytest.raises(NotFound):
            shipping.fetch()

    def test_who_may_not_manage_backups_ships_nothing(self, remote, nobody) -> None:
        with pytest.raises(Forbidden):
            shipping.ship(actor=nobody)
