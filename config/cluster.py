"""One PostgreSQL cluster: made, started, stopped. Who uses it, and when, is not known here."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from config import programs
from config.folders import hand_over, private_folder
from config.programs import ClusterError

DATABASE: Final = "dbadmin"
SUPERUSER: Final = "postgres"
OWNER_ROLE: Final = "dbadmin_owner"
APP_ROLE: Final = "dbadmin_app"
SQL_FOLDER: Final = Path(__file__).resolve().parent.parent / "deploy" / "postgresql"

SOCKET_NAME: Final = ".s.PGSQL.5432"
SOCKET_PATH_MAX_BYTES: Final = 100  # a socket's address holds 108 bytes on Linux, 104 on macOS
LIST_CHARACTERS: Final = frozenset(',"\\')  # libpq takes a comma for the end of a host, whatever the quoting
SHORT_FOLDER: Final = Path("/tmp")  # noqa: S108 - what is made there is checked to be ours and private
LOG_MAX_BYTES: Final = 10_000_000
STOP_PATIENCE_S: Final = 30
TELL_AFTER_S: Final = 5
POLL_S: Final = 0.01
OPTIONS: Final = {
    "listen_addresses": "",  # the socket alone: no port to guard, and clones cannot collide
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    # The locks of a program that was killed are free within a second; elsewhere the system cannot tell.
    **({"client_connection_check_interval": "1s"} if sys.platform == "linux" else {}),
}


@dataclass(frozen=True)
class Cluster:
    """A data directory with its log, lock and (path permitting) socket, all in `home`.

    `uid` is what the server runs as when it may not run as ourselves: PostgreSQL refuses to run as root.
    It is a number without an account, user and group alike; `home` belongs to us, and only that group may
    pass through it.
    """

    home: Path
    passwords: Mapping[str, str]  # by role
    uid: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # beside OPTIONS

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def complete(self) -> Path:
        """A file that exists once the cluster has its roles, database and schemas."""
        return self.data / "database-admin-server"

    @property
    def log(self) -> Path:
        """Where the server writes its messages."""
        return self.home / "postgresql.log"

    @property
    def socket_folder(self) -> Path:
        """Where the server listens: below `home`, or in /tmp where that path will not do for a socket."""
        folder = self.home / "socket"
        too_long = len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_MAX_BYTES
        if not too_long and not LIST_CHARACTERS & set(str(folder)):
            return folder
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return SHORT_FOLDER / f"database-admin-server-{digest}"

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the URL by which `role` connects to `database`."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{role}:{self.passwords[role]}@/{database}?host={host}&port=5432"

    def running(self) -> bool:
        """Tell whether the server, or a last process of it, is alive."""
        try:
            with self._alone():
                return False
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False

    def start(self) -> None:
        """Start the server, making the cluster first if need be, and return when it takes connections.

        Harmless when it runs already. Only one program at a time may call this.

        :raises ClusterError: the server cannot be made or does not start
        """
        private_folder(self.home, gate=self.uid)
        if not self.complete.exists():
            self._create()
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != str(programs.MAJOR_VERSION):
            raise ClusterError(
                f"{self.data} was made by PostgreSQL {version}, and this release brings "
                f"{programs.MAJOR_VERSION}. Dump it with the old release, move the folder away, load the dump."
            )
        self._run()

    def stop(self) -> None:
        """End every session, stop the server and wait until it is gone; harmless if it does not run."""
        started = time.monotonic()
        asked: signal.Signals | None = None
        while self.running():
            patient = time.monotonic() - started < STOP_PATIENCE_S
            wanted = (
                signal.SIGINT if patient else signal.SIGQUIT
            )  # PostgreSQL's fast, then immediate shutdown
            if asked is not wanted and (pid := self._postmaster()) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, wanted)
                asked = wanted
            time.sleep(POLL_S)

    def _create(self) -> None:
        """Make the cluster anew: roles, database and schemas by the SQL files an external server gets too."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted set-up has left
        self._initdb()
        self._run()
        passwords = {"owner_password": self.passwords[OWNER_ROLE], "app_password": self.passwords[APP_ROLE]}
        programs.run_sql(self.url(SUPERUSER, "postgres"), SQL_FOLDER / "cluster.sql", passwords)
        programs.run_sql(self.url(OWNER_ROLE), SQL_FOLDER / "database.sql")
        self.complete.touch()

    def _initdb(self) -> None:
        """Run initdb, which insists on an account: as root it borrows one, then the files go to `uid`."""
        maker = None if self.uid is None else programs.some_account()
        self.data.mkdir(mode=0o700)
        password_file = self.home / "password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords[SUPERUSER] + "\n", encoding="ascii")
        if maker is not None:
            for path in (self.data, password_file):
                os.chown(path, maker, self.uid or 0)
        options = {
            "pgdata": self.data,
            "username": SUPERUSER,
            "pwfile": password_file,
            "auth": "scram-sha-256",
            "encoding": "UTF8",
            "locale": "C",
            "locale-provider": "builtin",
            "builtin-locale": "C.UTF-8",
        }
        try:
            done = subprocess.run(  # noqa: S603 - our own list, no shell
                [self._program("initdb"), *(f"--{name}={value}" for name, value in options.items())],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                cwd=self.home,
                env=programs.clean_environment(),
                start_new_session=True,
                **programs.run_as(maker, self.uid),
            )
        except OSError as error:
            raise programs.cannot_run("initdb", error) from error
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode:
            raise ClusterError(f"initdb failed in {self.home}:\n{done.stderr.strip()}")
        if self.uid is not None:
            hand_over(self.data, self.uid)

    def _run(self) -> None:
        """Start the postmaster, or find it alive, and wait until it is ready: for as long as it lives."""
        child: subprocess.Popen[str] | None = None
        tell_at = time.monotonic() + TELL_AFTER_S
        while not self._ready():
            if child is None:
                child = self._spawn()  # None again while an earlier server is alive, be it starting or dying
            elif child.poll() is not None:
                raise ClusterError(f"PostgreSQL did not start. The end of {self.log}:\n{self._log_end()}")
            if time.monotonic() > tell_at:
                tell_at = float("inf")
                print("Waiting for PostgreSQL to recover …", file=sys.stderr)
            time.sleep(POLL_S)
        if child is not None:
            child.returncode = 0  # it may outlive this program: nobody waits for it, nor is warned of it

    def _spawn(self) -> subprocess.Popen[str] | None:
        """Run the postmaster in a session of its own; return None when a server is alive already."""
        with contextlib.suppress(BlockingIOError), self._alone() as lock:
            private_folder(self.socket_folder, owner=self.uid)
            socket = self.socket_folder / SOCKET_NAME
            for stale in (self.data / "postmaster.pid", socket, socket.with_name(f"{SOCKET_NAME}.lock")):
                stale.unlink(missing_ok=True)  # nothing holds the lock, whatever process has its number now
            with contextlib.suppress(FileNotFoundError):
                if self.log.stat().st_size > LOG_MAX_BYTES:
                    self.log.replace(self.log.with_suffix(".log.1"))
            options = {**OPTIONS, **self.options, "unix_socket_directories": f'"{self.socket_folder}"'}
            command = [str(self._program("postgres")), "-D", str(self.data)]
            command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                child = subprocess.Popen(  # noqa: S603 - our own list, no shell
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    text=True,
                    cwd=self.home,
                    env=programs.clean_environment(),
                    pass_fds=(lock,),
                    start_new_session=True,
                    **programs.run_as(self.uid, self.uid),
                )
            except OSError as error:
                raise programs.cannot_run("postgres", error) from error
            finally:
                os.close(log)
            return child
        return None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """Hold the lock that a living server holds. Each process of it inherits the lock: never is it stale.

        :raises BlockingIOError: the server is alive
        """
        lock = os.open(self.home / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield lock
        finally:
            os.close(lock)

    def _program(self, name: str) -> Path:
        folder = programs.binaries() if self.uid is None else programs.binaries_for_others(self.home)
        return folder / name

    def _pid_file(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return []

    def _postmaster(self) -> int | None:
        """Return the process id of the living server, or None."""
        with contextlib.suppress(ValueError, IndexError, ProcessLookupError):
            pid = int(self._pid_file()[0])
            os.kill(pid, 0)
            return pid
        return None

    def _ready(self) -> bool:
        """Tell whether the server is alive and says in its pid file that it takes connections."""
        says_ready = [line.strip() for line in self._pid_file()[7:8]] == ["ready"]
        return says_ready and self._postmaster() is not None and self.running()

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
        return "(no log)"
