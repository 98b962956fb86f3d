"""What is measured of copies offsite: encrypted, sent to a bucket on loopback, read back; beside the backup alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import boto3
from django.conf import settings
from django.test import override_settings

from accesscontrol.actor import on_this_machine
from backups import manifest, names, services, storage
from backups.offsite import bucket as buckets
from backups.offsite import copying, transfer
from bench import backups
from bench.backups import ROUNDS, Backups, databases
from bench.measure import Case, Limit
from jobs.progress import SILENT

NAME, KEY, SECRET, REGION = "copies", "whoever", "measures", "us-east-1"
POLL_S, PATIENCE = 0.1, 300
MOTO, RCLONE = "moto", "rclone"
SERVERS = (MOTO, RCLONE)  # that others wrote: the one that tests have, and one that keeps files in a folder
MAX_MEMORY_MB = 200  # however large the backup is
# In a process that has done nothing else.
_PEAK = """
import sys, django
django.setup()
from accesscontrol.actor import on_this_machine
from backups.offsite import copying
assert copying.copy_all(actor=on_this_machine())
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@dataclass(frozen=True)
class Remote:
    """A bucket in a server of its own, as its owner sees it."""

    server: str
    url: str
    bucket: Any

    def clear(self) -> None:
        """This function will delete all that is in it."""
        self.bucket.objects.delete()


@contextmanager
def bucket(server: str) -> Iterator[Remote]:
    """This function will start a server that speaks S3, make a bucket in it, and turn the settings to that."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    os.environ["NO_PROXY"] = "127.0.0.1"
    options = {
        "bucket_name": NAME, "location": "", "endpoint_url": url, "region_name": REGION,
        "access_key": KEY, "secret_key": SECRET,
    }  # fmt: skip
    backend = {"BACKEND": "backups.offsite.place.OffsiteStorage", "OPTIONS": options}
    session = boto3.Session(KEY, SECRET, region_name=REGION)
    with TemporaryDirectory() as folder:
        serving = subprocess.Popen(  # noqa: S603 - our own words
            _command(server, port, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(port)
            made = session.resource("s3", endpoint_url=url).create_bucket(Bucket=NAME)
            with override_settings(STORAGES=settings.STORAGES | {"offsite": backend}):
                yield Remote(server, url, made)
        finally:
            serving.terminate()
            serving.wait()


def _command(server: str, port: int, folder: str) -> list[str]:
    if server == MOTO:
        return [sys.executable, "-m", "moto.server", "-p", str(port)]
    program = str(Path(sys.executable).with_name("rclone"))
    return [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}", folder]


def cases(found: Backups, remote: Remote) -> Iterator[Case]:
    """This function will return the cases of a database, whose backups go into the bucket."""
    size, actor = f"{found.megabytes:,} MB", on_this_machine()

    def make() -> str:
        return services.create_full(actor=actor).backup_file

    def send(file: str) -> None:
        place = storage.configured()
        for source in copying.sources(place, manifest.read(place, names.parse(file))):
            transfer.send(buckets.configured(), source, None, lambda _: None, SILENT)

    def forget() -> None:
        backups.forget(found)
        remote.clear()

    rounds: dict[str, Any] = {"seconds": 0, "max_rounds": ROUNDS, "warm_up": 1}
    yield Case(
        f"backup and encrypted copy offsite of {size}, to {remote.server}",
        lambda: send(make()),
        make,
        Limit(ratio=1.3),
        "the backup alone",
        before=forget,
        **rounds,
    )


def peak_memory_mb(found: Backups, remote: Remote) -> float:
    """This function will return how much memory a process takes at most that copies a backup and reads it back."""
    environment = databases.environment_for(found.database) | {
        "DJANGO_SETTINGS_MODULE": "config.settings", "BACKUP_DIR": str(found.folder), "BACKUP_KEY": found.key,
        "OFFSITE_BUCKET": NAME, "OFFSITE_ENDPOINT": remote.url, "OFFSITE_REGION": REGION,
        "OFFSITE_ACCESS_KEY": KEY, "OFFSITE_SECRET_KEY": SECRET, "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _PEAK],
        cwd=settings.BASE_DIR, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return int(done.stdout.splitlines()[-1]) / 1024


def _wait(port: int) -> None:
    for _ in range(PATIENCE):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            sleep(POLL_S)
        else:
            return
    raise RuntimeError("The server that speaks S3 did not start.")
