"""Keys: one for each purpose, the newest first, made once in development."""

from __future__ import annotations

import stat

import pytest

from backups import keys, signing
from tests.backups.conftest import KEY, OLD_KEY


class TestKeys:
    def test_differ_by_purpose_salt_and_secret(self):
        one, other = keys.Key(KEY), keys.Key(OLD_KEY)
        derived = [one.derive("a"), one.derive("b"), one.derive("a", b"salt"), other.derive("a")]

        assert len(set(derived)) == 4
        assert {len(key) for key in derived} == {32}

    def test_a_key_never_shows_itself(self):
        assert KEY not in repr(keys.Key(KEY))

    def test_the_newest_makes_and_every_one_reads(self, settings):
        settings.BACKUP_KEYS = [OLD_KEY]
        old = signing.sign({"a": 1})
        settings.BACKUP_KEYS = [KEY, OLD_KEY]

        assert signing.is_signed({"a": 1}, old)
        assert signing.sign({"a": 1})["key_id"] == keys.Key(KEY).id
        settings.BACKUP_KEYS = [KEY]
        assert not signing.is_signed({"a": 1}, old)

    def test_development_makes_one_once(self, settings, tmp_path):
        settings.BACKUP_KEYS = []
        settings.BACKUP_DEVELOPMENT_KEY = path = tmp_path / "backup.key"

        first = keys.newest()

        assert keys.newest() == first
        assert len(path.read_text()) >= 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.glob(".*")) == []


class TestSignatures:
    def test_hold_for_the_same_document_however_it_is_written(self):
        assert signing.is_signed(
            {"b": [1, {"d": "é", "c": None}], "a": 1}, signing.sign({"a": 1, "b": [1, {"c": None, "d": "é"}]})
        )

    @pytest.mark.parametrize("changed", [{"a": 2}, {"a": 1, "b": None}, {"a": "1"}, {"a": True}, {}])
    def test_hold_for_nothing_else(self, changed):
        assert not signing.is_signed(changed, signing.sign({"a": 1}))

    def test_none_is_none(self):
        assert not signing.is_signed({"a": 1}, None)
