"""Workers killed and told to end in the middle of jobs, again and again; the next ones go on with what they did."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from accesscontrol.actor import Actor, Channel
from catalog import registry
from catalog.exchange import starting, steps, store, uploads
from catalog.exchange.layout import Layout
from jobs import interruption
from jobs.interruption import MAX_ATTEMPTS
from jobs.models import Job, State
from soak.ledger import Ledger
from soak.places import Place

PROCESSES = 2
QUEUED = 6  # jobs that wait, at least
LIFE_S = (0.1, 2.0)  # of a worker once it works
PATIENCE_S = 60
POLL_S = 0.02
HOW = ("all of it", "one process", "asked to end")


def run(place: Place, *, seconds: float, seed: int, rows: int = 5_000) -> Ledger:
    """This function will kill workers for so long, then let one live until every job has ended, and look at them."""
    ledger, random = Ledger(), Random(seed)  # noqa: S311 - for moments, not for secrets
    killed: Counter[str] = Counter()
    with _folders() as environment:
        work = _Work(Actor(User.objects.get(username=place.username), Channel.COMMAND), rows)
        until = monotonic() + seconds
        while monotonic() < until:
            work.fill()
            with _worker(place, environment) as worker:
                _until(lambda: Job.objects.filter(state=State.RUNNING).exists(), ledger, "nothing runs")
                sleep(random.uniform(*LIFE_S))
                how = random.choice(HOW)
                killed[how] += _end(worker, how)
        with _worker(place, environment):
            _until(lambda: all(job.is_finished for job in Job.objects.all()), ledger, "not all jobs end")
        _check(place, ledger, rows)
    ledger.figures["workers ended"] = ", ".join(f"{how} {times}" for how, times in sorted(killed.items()))
    return ledger


class _Work:
    """Jobs that read and write much."""

    def __init__(self, actor: Actor, rows: int) -> None:
        self._actor, self._rows, self._number = actor, rows, 0

    def fill(self) -> None:
        """Put jobs into the queue, where few are left."""
        for _ in range(QUEUED - Job.objects.filter(state=State.QUEUED).count()):
            self._number += 1
            (self._import, self._export)[self._number % 2]()

    def _import(self) -> None:
        table, name = registry.get("locations"), f"{self._number}.csv"
        lines = "".join(f"{self._number} {row},{self._number}\n" for row in range(self._rows))
        upload = uploads.keep(
            actor=self._actor,
            table=table,
            file_name=name,
            source=io.BytesIO(f"name,description\n{lines}".encode()),
            now=timezone.now(),
        )
        steps.choose(actor=self._actor, table=table, upload=upload, terms={})
        steps.look(actor=self._actor, table=table, upload=upload)
        steps.start(actor=self._actor, table=table, upload=upload)

    def _export(self) -> None:
        starting.start_export(actor=self._actor, table=registry.get("locations"), layout=Layout("csv"))


class Nowhere:
    """A broker that is away: a message would wake the workers of this clone; each worker here begins with a sweep."""

    @staticmethod
    def send_task(*_: Any, **__: Any) -> None:
        """This function will send nothing."""
        raise ConnectionError("away")


@contextmanager
def _folders() -> Iterator[dict[str, str]]:
    """Give files and messages a folder of their own meanwhile, and tell its environment."""
    before = settings.EXPORT_DIR, settings.CELERY_APP
    folder = Path(tempfile.mkdtemp(prefix="soak-workers-"))
    settings.EXPORT_DIR, settings.CELERY_APP = folder / "exports", "soak.workers.Nowhere"
    try:
        yield {
            "EXPORT_DIR": str(settings.EXPORT_DIR),
            "CELERY_BROKER_URL": f"spool://{quote(str(folder / 'spool'))}",
        }
    finally:
        settings.EXPORT_DIR, settings.CELERY_APP = before
        shutil.rmtree(folder)


@contextmanager
def _worker(place: Place, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker meanwhile."""
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "manage.py", "worker", f"--processes={PROCESSES}"],
        cwd=settings.BASE_DIR, env=place.environment() | environment, stderr=subprocess.DEVNULL, process_group=0,
    ) as worker:  # fmt: skip
        try:
            yield worker
        finally:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)


def _end(worker: subprocess.Popen[bytes], how: str) -> int:
    """End a worker, or one of its processes, and say whether there was something to end."""
    if how == "one process":
        running = Job.objects.filter(state=State.RUNNING).exclude(worker="").first()
        if running is None:
            return 0
        with suppress(ProcessLookupError):
            os.kill(int(running.worker.partition(":")[2]), signal.SIGKILL)
    elif how == "asked to end":
        worker.terminate()
        worker.wait(PATIENCE_S)
    return 1


def _until(true: Callable[[], bool], ledger: Ledger, otherwise: str) -> None:
    end = monotonic() + PATIENCE_S
    while not true():
        if monotonic() > end:
            ledger.require(False, f"{otherwise} in {PATIENCE_S} s")
            return
        sleep(POLL_S)


def _check(place: Place, ledger: Ledger, rows: int) -> None:
    """Hold what the jobs say against what is there."""
    ended = Counter(f"{job.kind} {job.state}" for job in Job.objects.all())
    ledger.figures["jobs"] = ", ".join(f"{what} {times}" for what, times in sorted(ended.items()))
    ledger.figures["begun"] = sum(job.attempts for job in Job.objects.all())
    done, given_up = Job.objects.filter(state=State.DONE), interruption.GIVEN_UP.format(attempts=MAX_ATTEMPTS)
    for said in Job.objects.filter(state=State.FAILED).values_list("error__message", flat=True):
        ledger.require(said == given_up, f"a job says {said}")
    written: dict[str, int] = dict(
        place.read("SELECT description || '.csv', count(*) FROM public.locations GROUP BY 1")
    )
    told = dict(done.filter(kind="import_csv").values_list("arguments__file_name", "result__imported"))
    ledger.require(
        written == told and set(written.values()) == {rows}, f"{told} was told, and {written} is there"
    )
    exported = set(done.filter(kind="export_csv").values_list("result__export_file", flat=True))
    files = set(store.files().names())
    ledger.require(exported <= files, f"exports without their file: {exported - files}")
    known = {file for (file,) in place.read("SELECT file_name FROM public.exports")}
    ledger.require(exported <= known, f"exports without their row: {exported - known}")
