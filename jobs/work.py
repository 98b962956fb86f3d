"""A worker process: Celery's, made to end at once, with its parent, and without words of its own."""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from threading import Thread
from types import FrameType
from typing import Any, Final

from celery import platforms, signals
from celery.apps.worker import Worker as CeleryWorker
from celery.exceptions import SecurityWarning, WorkerTerminate
from celery.utils.log import get_multiprocessing_logger
from celery.worker import state
from django.conf import settings
from django.utils.module_loading import import_string

from jobs import schedule, waking

ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
WATCH_S: Final = 1
GRACE_S = 10.0  # for jobs to hand themselves back


class Worker(CeleryWorker):  # type: ignore[misc] # Celery has no types
    """Takes messages, and works on jobs in processes that it forks; with beat, in one more process."""

    def install_platform_tweaks(self, worker: Any) -> None:
        """Let any signal end the jobs that run, which are then handed back, and the worker.

        Celery would wait for jobs of hours at the first, and begin anew when the terminal is closed.
        """
        super().install_platform_tweaks(worker)
        for number in ENDING:
            signal.signal(number, _end)


def run(*, processes: int, with_beat: bool) -> None:
    """This function will work until a signal comes, or the parent process ends; it ends by SystemExit."""
    warnings.simplefilter(
        "ignore", SecurityWarning
    )  # as root; messages are JSON, so nobody's code comes in them
    os.environ["CELERY_SKIP_CHECKS"] = "1"  # they are for those who develop
    signals.setup_logging.connect(_keep_our_logs)
    signals.worker_ready.connect(_begin_with_a_sweep)
    signals.beat_embedded_init.connect(_end_with_parent)
    if with_beat:
        schedule.install()
    worker = Worker(
        app=import_string(settings.CELERY_APP),
        concurrency=processes,
        beat=with_beat,
        quiet=True,
        task_events=False,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    parent = int(os.environ.get("PARENT_PID") or os.getppid())
    Thread(target=_watch, args=(worker, parent), name="watch", daemon=True).start()
    worker.start()
    raise SystemExit(worker.exitcode)


def _keep_our_logs(**_: Any) -> None:
    """Leave the logs as they are; the pool would tell of each process that ends with us."""
    get_multiprocessing_logger().setLevel(logging.CRITICAL)


def _begin_with_a_sweep(**_: Any) -> None:
    waking.send(waking.SWEEP)


def _end(_number: int, _frame: FrameType | None) -> None:
    """End at once: the worker would look only every other second whether it shall."""
    if state.should_terminate is None:
        logging.getLogger("celery").setLevel(logging.CRITICAL)  # what ends with us is no fault
        state.should_terminate = 0  # the exit code
        raise WorkerTerminate(0)


def _end_with_parent(**_: Any) -> None:
    """Have the system end this process with the worker, however that ends."""
    platforms.set_pdeathsig("SIGKILL")


def _watch(worker: Worker, parent: int) -> None:
    """End when the parent process has, or beat: whoever started us starts us again; and soon, once somebody asks.

    Python drops an exception that comes in a destructor, and so a job that is told to end may not hear it; Celery would
    wait for it without end. It dies with us, and goes on as after any death.
    """
    while os.getppid() == parent and (worker.beat is None or worker.beat.exitcode is None):
        if state.should_terminate is not None:
            break
        time.sleep(WATCH_S)
    else:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(0)
