"""The embedded server, shared by lock: a program that needs it calls use(), whoever leaves last stops it.

Two locks under var/: `embedded.lock` is held alone while the server is started or stopped, `embedded.users`
is shared by the programs that use it. The system drops a lock when its holder dies, however it dies.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import signal
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from config.cluster import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster
from config.programs import ClusterError

ROOT: Final = Path(__file__).resolve().parent.parent
VAR: Final = ROOT / "var"
SYSTEM_FOLDER: Final = Path("/var/lib/database-admin-server")
FALLBACK_FOLDER: Final = Path("/var/tmp")  # noqa: S108 - what is made there is checked to be ours and private
# Numbers that neither accounts nor systemd use (it reserves what lies around them).
FIRST_UID: Final = 60_600
LAST_UID: Final = 61_100


@dataclass
class _Use:
    """This process uses the server; a child that was forked shares the lock, and leaves it to its parent."""

    cluster: Cluster
    lock: int
    pid: int


_using: _Use | None = None
_mutex = threading.RLock()


def urls() -> tuple[str, str]:
    """Return the application role's URL and the owner's; the server need not run, nor exist, yet.

    :raises ClusterError: var/ cannot be read or written
    """
    found = cluster()
    return found.url(APP_ROLE), found.url(OWNER_ROLE)


def replication_url() -> str:
    """Return the URL by which the whole server is copied; the server need not run, nor exist, yet.

    :raises ClusterError: var/ cannot be read or written
    """
    return cluster().url(SUPERUSER, "postgres")


def use_if_configured() -> None:
    """Hold the embedded server unless DATABASE_URL names another: what every program calls."""
    if settings.DATABASE_IS_EMBEDDED:
        use()


def use() -> None:
    """Hold the embedded server until this process ends, starting or making it if need be.

    :raises ClusterError: it cannot be started
    """
    global _using  # noqa: PLW0603 - a process uses the server once
    with _mutex:
        if _using is not None:
            return
        found = replace(cluster(), options={"max_slot_wal_keep_size": f"{settings.PITR_KEEP_MB}MB"})
        lock = os.open(VAR / "embedded.users", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with _starting_or_stopping():
                fcntl.flock(lock, fcntl.LOCK_SH)
                _using = _Use(found, lock, os.getpid())
                _refuse_a_copy(found)
                found.start()
                _note_clone(found)
        except BaseException:  # an interrupt too: what was begun is ended
            leave()
            raise
        atexit.register(leave)


def leave() -> None:
    """Stop using the server, and stop it when nobody else uses it."""
    global _using
    with _mutex:
        if _using is None or _using.pid != os.getpid():
            return
        using, _using = _using, None
    with _undisturbed(), _starting_or_stopping():
        try:
            fcntl.flock(using.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # others use it
        else:
            using.cluster.stop()
        finally:
            fcntl.flock(using.lock, fcntl.LOCK_UN)  # for forked children too, who share it
            os.close(using.lock)


def cluster() -> Cluster:
    """Return the cluster of this clone, choosing its place and passwords at the first call.

    :raises ClusterError: var/ cannot be read or written, or belongs to another user
    """
    file = VAR / "embedded.json"
    try:
        VAR.mkdir(exist_ok=True)
        if not file.exists():
            _choose(file)
        state = json.loads(file.read_text(encoding="utf-8"))
        mine = file.stat().st_uid == os.geteuid()
    except OSError as error:
        raise ClusterError(f"{error.filename} cannot be used ({error.strerror}). {_OTHER_USER}") from error
    if not mine:
        raise ClusterError(f"{file} belongs to another user. {_OTHER_USER}")
    if state["uid"] is None:
        return Cluster(VAR / "embedded", state["passwords"])
    return Cluster(Path(state["home"]), state["passwords"], state["uid"])


_OTHER_USER: Final = "If another user ran this clone first, run as that user, or set DATABASE_URL."


def _choose(file: Path) -> None:
    """Write the place and the passwords of a new cluster to `file`; another program may be first."""
    state: dict[str, Any] = {
        "passwords": {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER_ROLE, APP_ROLE)},
        "home": None,
        "uid": None,
    }
    if os.geteuid() == 0:
        state |= _place_for_root()
    new = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, json.dumps(state, indent=1).encode())
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileExistsError):
        os.link(new, file)  # complete, or not at all
    new.unlink()


def _place_for_root() -> dict[str, Any]:
    """Return a folder and a user number for a server that may not run as root, nor pass a private home."""
    name = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8] + secrets.token_hex(4)
    taken = {account.pw_uid for account in pwd.getpwall()}
    free = [uid for uid in range(FIRST_UID, LAST_UID) if uid not in taken]
    home = FALLBACK_FOLDER / f"database-admin-server-{name}"
    with contextlib.suppress(OSError):
        if not SYSTEM_FOLDER.exists():
            SYSTEM_FOLDER.mkdir(mode=0o711)
            SYSTEM_FOLDER.chmod(0o711)
        if all(folder.stat().st_mode & stat.S_IXOTH for folder in (SYSTEM_FOLDER, *SYSTEM_FOLDER.parents)):
            home = SYSTEM_FOLDER / name
    return {"home": str(home), "uid": free[int(name[:8], 16) % len(free)]}


def _refuse_a_copy(found: Cluster) -> None:
    """Refuse to use another clone's cluster, to which a copied var/ leads when the data lie elsewhere.

    A clone that was moved keeps its data.
    """
    with contextlib.suppress(FileNotFoundError):
        other = Path((found.home / "clone").read_text(encoding="utf-8").rstrip("\n"))
        state = json.loads((other / "var" / "embedded.json").read_text(encoding="utf-8"))
        if found.uid is not None and other != ROOT and state["home"] == str(found.home):
            raise ClusterError(
                f"{VAR} was copied from {other}, whose database it would share. "
                f"Delete {VAR} to begin with a new database."
            )


def _note_clone(found: Cluster) -> None:
    """Write down whose cluster it is: the whole of it or nothing, whoever is killed meanwhile."""
    note, text = found.home / "clone", f"{ROOT}\n"
    if not note.exists() or note.read_text(encoding="utf-8") != text:
        new = note.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(note)


@contextlib.contextmanager
def _starting_or_stopping() -> Iterator[None]:
    """Be the only program that starts or stops the server."""
    lock = os.open(VAR / "embedded.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C leave the server behind half stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
