"""Manifests: what ours say, and what is none of ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accesscontrol.errors import NotFound
from backups import manifest, names, signing
from backups.errors import BackupInvalid
from backups.manifest import Manifest
from tests.backups.conftest import OLD_KEY

DIGEST = "0" * 64
DOCUMENT = {
    "format": 1, "type": "full", "file": "backup_20261122T020000Z.sql.gz", "table": None,
    "created_at": "2026-11-22T02:00:00Z", "size_bytes": 10, "sha256": DIGEST,
    "uncompressed_bytes": 40, "compressed": True,
    "members": [{"name": "data", "start": 0, "end": 10}], "snapshot": "1:2:", "position": "0/1",
    "schema_fingerprint": DIGEST, "server_version": "18.4", "tool_version": "18.4",
    "database": "dbadmin", "system_id": "7",
    "tables": {"books": {"rows": 2, "checksum": "-12"}, "authors": {"rows": 3, "checksum": "0"}},
    "sequences": {"books_id_seq": {"last_value": 2, "is_called": True}}, "migrations": [["catalog", "0001_tables"]],
    "app": {"file": "backup_20261122T020000Z.app.sql.gz", "size_bytes": 1, "sha256": DIGEST, "key_id": "0" * 16},
    "signature": None,
}  # fmt: skip
CHAIN = {"before": [], "database_oid": 5, "timeline": "00000001", "capture": DIGEST, "changes": {}}
WRONG = [
    {"format": 2}, {"format": "1"}, {"format": True}, {"type": "incremental"}, {"type": "table"}, {"extra": 1},
    {"file": "../backup_20261122T020000Z.sql.gz"}, {"file": "backup_20261122T020000Z.sql"},
    {"created_at": "2026-02-30T00:00:00Z"},
    {"created_at": "yesterday"}, {"size_bytes": -1}, {"size_bytes": 1.0}, {"size_bytes": 10**30},
    {"sha256": DIGEST + "\n"},
    {"sha256": DIGEST.replace("0", "G")}, {"tables": {"books; DROP": {"rows": 1, "checksum": "1"}}},
    {"tables": {"books": {"rows": True, "checksum": "1"}}}, {"tables": []},
    {"members": [{"name": "x", "start": 0, "end": 1}]},
    {"app": {**DOCUMENT["app"], "file": "backup_20261122T020001Z.app.sql.gz"}}, {"app": {}}, {"migrations": [["a"]]},
    {"table": "books"}, {"compressed": False}, {"compressed": 1}, {"position": 7},
    {"signature": {"key_id": "x", "value": DIGEST}}, {"chain": {}}, {"chain": {**CHAIN, "timeline": "1"}},
    {"chain": {**CHAIN, "before": [{"file": DOCUMENT["file"], "sha256": DIGEST}]}},  # of a full one
    {"file": "incremental_20261122T020000Z.sql.gz", "type": "incremental", "app": None, "chain": CHAIN},
]  # fmt: skip


def encoded(**changed) -> bytes:
    return json.dumps(DOCUMENT | changed).encode()


class TestParse:
    def test_reads_what_was_written(self):
        found = manifest.parse(encoded())

        assert manifest.parse(found.encode()) == found
        assert found.created == datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
        assert found.record_count == 5
        assert found.name == names.parse(DOCUMENT["file"])

    def test_one_from_before_there_were_chains_keeps_its_signature(self):
        found = manifest.parse(encoded()).sealed()

        older = {name: value for name, value in DOCUMENT.items() if name != "signature"}
        assert signing.is_signed(older, found.signature.model_dump())
        assert "chain" not in json.loads(found.encode())
        assert manifest.parse(found.encode()).is_signed

    def test_what_a_chain_says_is_signed_too(self):
        found = manifest.parse(encoded(chain=CHAIN)).sealed()
        assert found.is_signed

        document = json.loads(found.encode())
        document["chain"]["timeline"] = "00000002"
        assert not manifest.parse(json.dumps(document).encode()).is_signed

    @pytest.mark.parametrize("changed", WRONG, ids=str)
    def test_refuses_what_is_not_as_we_write_it(self, changed):
        with pytest.raises(BackupInvalid):
            manifest.parse(encoded(**changed))

    @pytest.mark.parametrize("missing", sorted(DOCUMENT.keys() - {"format", "signature"}))
    def test_refuses_what_lacks_something(self, missing):
        with pytest.raises(BackupInvalid):
            manifest.parse(json.dumps({k: v for k, v in DOCUMENT.items() if k != missing}).encode())

    @pytest.mark.parametrize(
        "data",
        [
            b"", b"null", b"[]", b"\xff", b"{", b"[" * 100_000, b'{"a": NaN}', b"9" * 5_000,
            encoded().replace(b'"table": null', b'"table": null, "table": null'), b" " * 2_000_000,
        ],
        ids=lambda data: data[:10],
    )  # fmt: skip
    def test_refuses_what_is_no_json_or_two_things_at_once(self, data):
        with pytest.raises(BackupInvalid):
            manifest.parse(data)

    @given(st.binary())
    def test_nothing_else_ever_happens(self, data):
        with pytest.raises(BackupInvalid):
            manifest.parse(data)


class TestSignature:
    def test_ours_holds_until_a_word_changes(self):
        sealed = manifest.parse(encoded()).sealed()

        assert manifest.parse(sealed.encode()).is_signed
        for field, value in [("size_bytes", 11), ("sha256", "1" * 64), ("position", "0/2"), ("app", None)]:
            assert not sealed.model_copy(update={field: value}).is_signed

    def test_none_and_that_of_a_key_that_is_gone_do_not_hold(self, settings):
        assert not manifest.parse(encoded()).is_signed
        sealed = manifest.parse(encoded()).sealed()
        settings.BACKUP_KEYS = [OLD_KEY]
        assert not sealed.is_signed


class TestRead:
    def put(self, place, data: bytes, name: str = "backup_20261122T020000Z.manifest.json") -> None:
        with place.create() as new:
            new.write(data)
            new.publish(name)

    def test_finds_the_manifest_beside_the_file(self, place):
        self.put(place, encoded())

        assert manifest.read(place, names.parse(DOCUMENT["file"])) == Manifest.model_validate(DOCUMENT)

    def test_without_one_there_is_no_backup(self, place):
        with pytest.raises(NotFound):
            manifest.read(place, names.parse(DOCUMENT["file"]))

    def test_a_file_of_another_ending_is_not_there(self, place):
        self.put(place, encoded())

        with pytest.raises(NotFound):
            manifest.read(place, names.parse("backup_20261122T020000Z.sql"))

    def test_that_of_another_backup_is_refused(self, place):
        self.put(place, encoded(), "backup_20261122T020001Z.manifest.json")

        with pytest.raises(BackupInvalid):
            manifest.read(place, names.parse("backup_20261122T020001Z.sql.gz"))
