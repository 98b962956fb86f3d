"""What the tests of copies have: a bucket of their own, in a server for all of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.retries.standard import ExponentialBackoff

from backups import manifest, names
from backups.manifest import Manifest
from backups.offsite import bucket as buckets
from backups.offsite import place, transfer
from backups.offsite.bucket import Bucket
from tests.backups.offsite import s3
from tests.backups.offsite.s3 import Server
from tests.backups.test_manifest import CHAIN, DOCUMENT

PREFIX = "library/"
PART = 1_000


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server."""
    started = Server()
    yield started
    started.close()


@pytest.fixture
def remote(server, settings, monkeypatch) -> Any:
    """The bucket that the settings name, as its owner sees it; nobody waits to try again."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(place.OffsiteStorage, "_create_session", lambda _: server.session)
    monkeypatch.setattr(place, "ATTEMPTS", 2)
    monkeypatch.setattr(place, "SILENT_S", 1)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    made = server.bucket()
    server.requests.clear()
    settings.STORAGES = settings.STORAGES | {
        "offsite": {
            "BACKEND": "backups.offsite.place.OffsiteStorage",
            "OPTIONS": {
                "bucket_name": made.name,
                "location": PREFIX,
                "endpoint_url": server.url,
                "region_name": "us-east-1",
                "access_key": s3.ACCESS_KEY,
                "secret_key": s3.SECRET_KEY,
            },
        }
    }
    return made


@pytest.fixture
def small_parts(monkeypatch) -> None:
    """What is sent is sent in parts."""
    monkeypatch.setattr(transfer, "PART_BYTES", PART)


@pytest.fixture
def bucket(remote) -> Bucket:
    """The same, as we use it."""
    return buckets.configured()


Plant = Callable[..., Manifest]


@pytest.fixture
def planted(place) -> Plant:
    """Return a function that puts a backup into the folder without making it."""

    def plant(stem: str, *, signed: bool = True, size: int = 3_500, base: Manifest | None = None) -> Manifest:
        name, text = names.parse(f"{stem}.sql.gz"), secrets.token_bytes(size)
        about = {
            "type": name.kind, "file": name.file, "table": name.table, "app": None,
            "created_at": manifest.timestamp(name.at), "size_bytes": size, "sha256": transfer.sha256(text),
        }  # fmt: skip
        if base is not None:
            about["chain"] = CHAIN | {"before": [{"file": base.file, "sha256": base.sha256}]}
        told = Manifest.model_validate(DOCUMENT | about)
        told = told.sealed() if signed else told
        for file, content in ((name.file, text), (name.manifest_file, told.encode())):
            with place.create() as new:
                new.write(content)
                new.publish(file)
        return told

    return plant
