"""Gunicorn, as a part of our own process."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]


class Web(BaseApplication):  # type: ignore[misc]
    """Serves a WSGI application on a socket that listens already, until it is told to end."""

    def __init__(self, application: Callable[..., Any], listening: socket.socket, workers: int, threads: int):
        self._application = application
        self._options = {
            "bind": f"fd://{listening.fileno()}",
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",
            "logger_class": PlainLogger,
            "graceful_timeout": 10,
            "timeout": 60,
            "control_socket_disable": True,  # it would lie outside the clone
            "proc_name": "database-admin-server",
            "post_fork": end_at_once,
        }
        super().__init__()

    def load_config(self) -> None:
        """Set what the constructor was given; gunicorn's own files and variables have no say."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Return the application."""
        return self._application

    def run(self) -> None:
        """Serve; ends by SystemExit."""
        Master(self).run()


def end_at_once(_master: Arbiter, _worker: object) -> None:
    """Let a worker that is told to end before it has begun do so; the master's handlers would not."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Master(Arbiter):  # type: ignore[misc]
    """Gunicorn's master process."""

    def handle_hup(self) -> None:
        """End when the terminal is closed, where gunicorn would load the application again."""
        self.handle_term()


class PlainLogger(Logger):  # type: ignore[misc]
    """Hands gunicorn's lines to our own logs; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        """Set no handler: the root logger has one."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
