"""Which backup the next changes are since, and whether that can be told at all.

No clock is asked: of two backups of one server that one is later whose place in the log is further.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from psycopg import Connection, Cursor

from accesscontrol.errors import Conflict, NotFound
from backups import capture, fingerprint, manifest, names, preflight
from backups.errors import BackupInvalid, FullBackupNeeded
from backups.manifest import MAX_LINKS, Chain, Link, Manifest
from backups.models import Verification
from backups.snapshot import Snapshot
from backups.storage import Storage
from backups.stored import Backup
from jobs.progress import SILENT

_PLACE: Final = """
SELECT (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database()),
       left(pg_walfile_name(pg_current_wal_lsn()), 8)
"""

_NOW: Final = "SELECT (SELECT system_identifier::text FROM pg_control_system()), pg_current_snapshot()::text"


def here(cursor: Cursor[Any]) -> Chain:
    """This function will return what a backup of this moment says of its place, with nothing before it."""
    database_oid, timeline = cursor.execute(_PLACE).fetchone() or (0, "")
    found = capture.state(cursor)
    mark = None if found.uncaptured else found.mark
    return Chain(before=[], database_oid=database_oid, timeline=timeline, capture=mark, changes={})


def parent(storage: Storage, moment: Snapshot, cursor: Cursor[Any], base_backup: str | None) -> Backup:
    """This function will return the backup that the changes up to the moment, which the cursor sees, are told since.

    That is the one asked for, or the last one of this database.

    :raises NotFound: the one asked for is not there
    :raises FullBackupNeeded: it can't be told; why is said in words, and as `reason`
    """
    place = here(cursor)
    if base_backup is not None:
        found = manifest.read(storage, names.parse(base_backup))
    else:
        found = _last(storage, moment, place)
    _require_same(found, place, moment, cursor)
    backup = Backup(storage, found)
    _require_whole(backup)
    return backup


def links(parent: Backup) -> list[Link]:
    """This function will return what a backup has before it that builds on another."""
    return [Link(file=one.manifest.file, sha256=one.manifest.sha256) for one in parent.chain]


def require_there(storage: Storage, described: Manifest) -> None:
    """This function will do nothing where all is there that a new backup builds on.

    :raises Conflict: somebody has deleted one of them meanwhile
    """
    present = set(storage.names())
    for link in described.chain.before if described.chain else []:
        if names.parse(link.file).manifest_file not in present:
            raise Conflict(f"{link.file} was deleted while a backup was made that builds on it.")


def prune(storage: Storage, connection: Connection[Any]) -> int:
    """This function will take out of the log what is not needed, and return how many entries that were.

    It is needed since the last full backup: whichever of those that build on it is deleted, the next one still can.
    """
    with connection.cursor() as cursor:
        place = here(cursor)
        system_id, now = cursor.execute(_NOW).fetchone() or ("", "")
    full = [one for one in _of_database(storage, system_id, place) if one.type == "full"]
    return capture.prune(connection, (max(full, key=_position).snapshot if full else None) or now)


def _last(storage: Storage, moment: Snapshot, place: Chain) -> Manifest:
    found = max(_of_database(storage, moment.system_id, place), key=_position, default=None)
    if found is None:
        raise _needed("no_full_backup", "There is no backup of this database to build on.")
    return found


def _of_database(storage: Storage, system_id: str, place: Chain) -> Iterator[Manifest]:
    """What another backup of this database may build on."""
    for file in storage.names():
        if names.stem_of_manifest(file) is None:
            continue
        try:
            found = manifest.read_file(storage, file)
        except (BackupInvalid, NotFound):  # NotFound: deleted meanwhile
            continue
        if (
            found.chain is not None
            and (found.system_id, found.chain.database_oid) == (system_id, place.database_oid)
            and found.is_signed
        ):
            yield found


def _position(one: Manifest) -> int:
    high, low = (one.position or "0/0").split("/")
    return (int(high, 16) << 32) + int(low, 16)


def _require_same(found: Manifest, place: Chain, moment: Snapshot, cursor: Cursor[Any]) -> None:
    """Refuse where the log can't tell what changed since."""
    chain, file = found.chain, found.file
    if chain is None or found.snapshot is None or not found.is_signed:
        raise _needed("no_base", f"Nothing can build on {file}.")
    if found.system_id != moment.system_id:
        raise _needed("other_system", f"{file} is of another server.")
    if chain.database_oid != place.database_oid:
        raise _needed("other_database", f"{file} is of another database.")
    if chain.timeline != place.timeline:
        raise _needed("other_timeline", f"The server was recovered, or took another's place, since {file}.")
    if found.schema_fingerprint != fingerprint.of(cursor):
        raise _needed("schema_changed", f"The structure of the tables was changed since {file}.")
    if place.capture is None:
        raise _needed("not_captured", "Changes of some tables are not noted: run manage.py migrate.")
    if chain.capture != place.capture:
        raise _needed("capture_interrupted", f"Not all changes since {file} were noted.")
    if capture.is_pruned(cursor, found.snapshot):
        raise _needed("log_pruned", f"What changed since {file} is not known any more.")


def _require_whole(backup: Backup) -> None:
    """Refuse to build on what can't be restored."""
    file = backup.manifest.file
    try:
        for one in backup.chain:
            preflight.sized(one, SILENT)
    except BackupInvalid as refusal:
        raise _needed("chain_broken", f"Nothing can build on {file}: {refusal.message}") from refusal
    if len(backup.chain) >= MAX_LINKS:
        raise _needed("chain_long", f"{len(backup.chain)} backups build on each other already.")
    if not {"pre-data", "data"} <= {member.name for member in backup.base.claims.members}:
        raise _needed("no_base", f"{backup.base.manifest.file} does not hold everything.")
    sums = [one.manifest.sha256 for one in backup.chain]
    looks = Verification.objects.filter(sha256__in=sums).order_by("id")  # the clock may have been set back
    if not all({look.sha256: look.valid for look in looks}.values()):
        raise _needed("chain_broken", f"{file}, or one that it builds on, was found not valid.")


def _needed(reason: str, message: str) -> FullBackupNeeded:
    return FullBackupNeeded(message, hint="Make a full backup; the next ones build on it.", reason=reason)
