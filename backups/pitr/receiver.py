"""The receiver: takes the log as the server writes it, so that all but the last moment is here when that is lost."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from psycopg import sql

from accesscontrol.errors import Conflict
from backups import programs
from backups.pitr import segments, server
from backups.pitr.server import RECEIVER, Server
from jobs.files import FileStore

LOG_PREFIX: Final = "log_"
_LOCK: Final = ".receiver"
_DROP_LOST: Final = """
SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots
WHERE slot_name = {slot} AND wal_status = 'lost'
"""
_CREATE: Final = """
SELECT pg_catalog.pg_create_physical_replication_slot({slot}, immediately_reserve => true)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = {slot})
"""
_KEPT: Final = """
SELECT restart_lsn::text FROM pg_catalog.pg_replication_slots WHERE slot_name = {slot}
"""
_DROP: Final = """
SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = {slot}
"""
_STATE: Final = """
SELECT coalesce(slot.active, false), coalesce(slot.wal_status = 'lost', false),
       pg_catalog.pg_wal_lsn_diff(
           pg_catalog.pg_current_wal_flush_lsn(), coalesce(stat.flush_lsn, slot.restart_lsn)
       )::bigint
FROM (SELECT) one
LEFT JOIN pg_catalog.pg_replication_slots slot ON slot.slot_name = {slot}
LEFT JOIN pg_catalog.pg_stat_replication stat ON stat.pid = slot.active_pid
"""


@dataclass(frozen=True)
class State:
    """How the receiver is doing."""

    is_running: bool
    behind_bytes: int | None  # None: the server keeps nothing for it
    has_lost: bool = False  # it was away for longer than the server keeps the log


def folders(system_folder: Path) -> list[Path]:
    """This function will return where the log of one server lies: a folder for each timeline, and after each gap."""
    return sorted(path for path in system_folder.glob(f"{LOG_PREFIX}*") if path.is_dir())


def become() -> NoReturn:
    """This function will turn this process into `pg_receivewal`, which ends when the connection does.

    The slot makes the server keep what was not taken yet. Where it had to give that up, a new one begins, and a new
    base must be taken.

    :raises ReplicationNeeded, Unavailable: the server can't be reached, or does not let us
    :raises Conflict: another one is at work here
    """
    found = server.identify()
    FileStore(found.folder).names()  # makes it, private
    _stay_alone(found.folder)
    _run(_DROP_LOST)
    _run(_CREATE)
    folder = _folder(found, segments.position(_run(_KEPT)[0]) // found.segment_bytes)
    FileStore(found.folder).below(folder.name).names()
    _drop_unbegun(folder, found.segment_bytes)
    program = programs.path_of("pg_receivewal")
    options = ("--synchronous", "--no-loop", "--no-password")
    command = [str(program), "--directory", str(folder), "--slot", RECEIVER, *options]
    os.chdir("/")
    os.execve(program, command, server.environment(RECEIVER))  # noqa: S606 - our own list


def forget() -> None:
    """This function will let the server keep nothing for a receiver any more.

    :raises ReplicationNeeded, Unavailable: the server can't be reached, or a receiver is at work
    """
    _run(_DROP)


def state() -> State:
    """This function will return how the receiver is doing.

    :raises ReplicationNeeded, Unavailable: the server can't be asked
    """
    is_running, has_lost, behind = _run(_STATE)
    return State(bool(is_running), behind, bool(has_lost))


def _stay_alone(folder: Path) -> None:
    """Hold a lock for as long as this process lives, whichever program it becomes."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Conflict("A receiver is at work already.") from None
    os.set_inheritable(lock, True)


def _drop_unbegun(folder: Path, segment_bytes: int) -> None:
    """Delete a segment whose file has not got its whole size yet, as on a full disk: nothing was written to it.

    The program goes on with no such file.
    """
    for path in folder.glob(f"*{segments.PARTIAL}"):
        if path.stat().st_size != segment_bytes:
            path.unlink()


def _folder(found: Server, kept: int) -> Path:
    """Where the log is received: behind what is there, or in a new folder where the server has less than that.

    The program would ask for what follows the last segment of its folder, and never get it.
    """
    name = f"{LOG_PREFIX}{found.timeline:08x}"
    mine = [folder for folder in folders(found.folder) if folder.name.startswith(name)]
    if not mine:
        return found.folder / name
    received = segments.find(mine[-1:], found.segment_bytes)
    follows = received[-1].number + (not received[-1].is_partial) if received else kept
    return mine[-1] if follows >= kept else found.folder / f"{name}_{kept:016x}"


def _run(statement: str) -> tuple[Any, ...]:
    """Run a statement on a connection that replicates, which takes no parameters: ours are written into it."""
    with server.connect() as connection:
        row = connection.execute(sql.SQL(statement).format(slot=sql.Literal(RECEIVER))).fetchone()
    return row or ()
