"""Copies in a bucket that fails in every way, by copiers that are killed: what is said to be there is, to the byte."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from multiprocessing.process import BaseProcess
from random import Random
from time import monotonic, sleep
from typing import Any

import psycopg

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import Refused
from backups import names
from backups.models import OffsiteCopy, OffsiteState
from backups.offsite import bucket as buckets
from backups.offsite import fetching, transfer
from soak import archiving
from soak.archiving import DONE, REFUSED, Archive
from soak.ledger import Ledger
from soak.places import Place

s3: Any = import_module("tests.backups.offsite.s3")

FILL = (
    "INSERT INTO public.authors (name, bio) SELECT n, repeat(md5(n::text), 9) FROM generate_series(1, 4000) n"
)
MORE = "UPDATE public.authors SET bio = md5(bio || random()::text) WHERE random() < 0.1"


def run(place: Place, *, seconds: float, seed: int) -> Ledger:
    """This function will copy backups for so long while the bucket and the copiers fail."""
    ledger = Ledger()
    server = s3.Server()
    try:
        with (
            archiving.archive(place) as archive,
            psycopg.connect(place.owner_url, autocommit=True) as owner,
            _bucket(server) as remote,
        ):
            owner.execute(FILL)
            failing = _Failing(archive, server, remote, ledger, Random(seed))  # noqa: S311 - for moments
            until = monotonic() + seconds
            while not failing.seen or monotonic() < until:
                owner.execute(MORE)
                failing.round()
            failing.tell()
    finally:
        server.close()
    return ledger


class _Failing:
    def __init__(self, archive: Archive, server: Any, remote: Any, ledger: Ledger, random: Random) -> None:
        self.seen: Counter[str] = Counter()
        self._archive, self._server, self._remote = archive, server, remote
        self._ledger, self._random = ledger, random
        self._ended: Counter[str] = Counter()
        self._fetched = 0
        self._lost: set[str] = set()  # copies that somebody deleted, of backups that are gone from here
        self._faults: dict[str, tuple[str, Callable[..., object]]] = {
            "refusing": ("PUT", s3.refusing()),
            "refusing to begin": ("POST", s3.refusing("403 Forbidden", "AccessDenied")),
            "refusing to read": ("GET", s3.refusing("500 Oh", "InternalError")),
            "silent": ("PUT", s3.silent(server)),
            "dying half-way": ("PUT", s3.dying),
            "dying while reading": ("GET", s3.breaking_off),
            "wrong etag": ("PUT", s3.with_etag("0" * 32)),
            "other bytes": ("GET", _spoiling),
        }

    def round(self) -> None:
        """Make a backup, copy it under faults until it is copied, and bring it home from the bucket alone."""
        file = archiving.make()
        for _ in range(self._random.randrange(1, 4)):
            self._random.choice((self._fault, self._kill, self._two))()
            self._true()
        self._require_done(self._start())
        failed = set(OffsiteCopy.objects.exclude(state=OffsiteState.VERIFIED).values_list("file", flat=True))
        self._ledger.require(failed == self._lost, f"without a fault, not verified: {failed ^ self._lost}")
        self._true()
        self._harm(names.parse(file).file)
        self._home(file)

    def tell(self) -> None:
        self._ledger.figures["faults"] = ", ".join(f"{what} {n}" for what, n in sorted(self.seen.items()))
        self._ledger.figures["copiers"] = ", ".join(f"{how} {n}" for how, n in sorted(self._ended.items()))
        self._ledger.figures["fetched and the same"] = self._fetched

    def _start(self) -> BaseProcess:
        return self._archive.start(
            archiving.copy, self._server.url, self._remote.name, s3.ACCESS_KEY, s3.SECRET_KEY
        )

    def _fault(self) -> None:
        name = self._random.choice(sorted(self._faults))
        method, fault = self._faults[name]
        after = self._random.randrange(12)
        times = self._random.choice((1, 3, 1_000))
        self.seen[name] += 1
        with self._server.failing(fault, method=method, after=after, times=times):
            self._require_done(self._start())

    def _kill(self) -> None:
        process = self._start()
        sleep(self._random.uniform(0.2, 2))
        process.kill()
        process.join()
        self.seen["killed"] += 1

    def _two(self) -> None:
        both = [self._start() for _ in range(2)]
        for process in both:
            self._require_done(process)
        self.seen["two at once"] += 1

    def _require_done(self, process: BaseProcess) -> None:
        status = archiving.ended(process)
        self._ended["done" if status == DONE else "refused"] += 1
        self._ledger.require(
            status in {DONE, REFUSED}, f"a copier ended with {status}: {self._archive.fault()}"
        )

    def _true(self) -> None:
        """What is said to be there is there, as the backup says; and no reason tells a secret."""
        bucket = buckets.configured()
        for row in OffsiteCopy.objects.all():
            self._ledger.require(
                not any(secret in row.reason for secret in (s3.ACCESS_KEY, s3.SECRET_KEY)), "a secret is told"
            )
            if row.state == OffsiteState.VERIFIED and (self._archive.folder / row.file).exists():
                digest = sha256()
                for block in transfer.texts(bucket, f"{row.file}{transfer.SUFFIX}"):
                    digest.update(block)
                self._ledger.require(digest.hexdigest() == row.sha256, f"{row.file} is not what it should be")

    def _harm(self, file: str) -> None:
        """Delete or write over what has just been copied: its versions stay."""
        harmed = self._remote.Object(f"{file}{transfer.SUFFIX}")
        how = self._random.choice(("nothing", "deleted", "written over"))
        if how == "deleted":
            harmed.delete()
            self._lost.add(file)
        elif how == "written over":
            harmed.put(Body=os.urandom(1_000))
        self.seen[f"{how} in the bucket"] += 1

    def _home(self, file: str) -> None:
        """All of it comes home to an empty folder."""
        folder = self._archive.folder
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        shutil.rmtree(folder)
        try:
            fetching.fetch(actor=on_this_machine(), backup_file=file)
        except Refused as refusal:
            self._ledger.require(False, f"{file} can't be fetched: {refusal.message}")
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        self._ledger.require(before == after, f"{file} came home otherwise: {before.keys() ^ after.keys()}")
        self._fetched += 1
        shutil.rmtree(folder)


def _spoiling(app: Any, environ: Any, start: Any) -> list[bytes]:
    answer = b"".join(app(environ, start))
    return [answer[:-1] + bytes([answer[-1] ^ 1])] if answer else []


@contextmanager
def _bucket(server: Any) -> Iterator[Any]:
    os.environ["NO_PROXY"] = "127.0.0.1"
    remote = server.bucket()
    with archiving.bucket(server.url, remote.name, s3.ACCESS_KEY, s3.SECRET_KEY):
        yield remote
