"""The names of backups: a name from outside is exactly one of these, or of nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from accesscontrol.errors import NotFound

Kind: TypeAlias = Literal["full", "incremental", "table", "foreign"]

_FILE: Final = re.compile(
    r"(?P<prefix>backup|incremental|foreign|table_(?P<table>[a-z_][a-z0-9_]{0,62}))_(?P<at>[0-9]{8}T[0-9]{6}Z)"
    r"\.sql(?P<compressed>\.gz)?",
    re.ASCII,
)
_APP_FILE: Final = re.compile(r"backup_[0-9]{8}T[0-9]{6}Z\.app\.sql\.gz", re.ASCII)
_MANIFEST: Final = re.compile(r"(?P<stem>[a-z0-9_]+_[0-9]{8}T[0-9]{6}Z)\.manifest\.json", re.ASCII)
_KINDS: Final[dict[str, Kind]] = {"backup": "full", "incremental": "incremental", "foreign": "foreign"}
_PREFIXES: Final[dict[Kind, str]] = {"full": "backup", "incremental": "incremental", "foreign": "foreign"}
_STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class BackupName:
    """What the name of a backup's file says of it; the files beside it have names that follow."""

    kind: Kind
    at: datetime  # UTC, whole seconds
    table: str | None = None
    compressed: bool = True

    @property
    def stem(self) -> str:
        """What the names of its files begin with; two backups never share it."""
        return f"{_PREFIXES.get(self.kind) or f'table_{self.table}'}_{self.at.strftime(_STAMP)}"

    @property
    def file(self) -> str:
        """The file that `gunzip | psql` restores."""
        return f"{self.stem}.sql{'.gz' if self.compressed else ''}"

    @property
    def app_file(self) -> str:
        """The encrypted file of schema app, from the same snapshot."""
        return f"{self.stem}.app.sql.gz"

    @property
    def manifest_file(self) -> str:
        """The file that says that the backup is there."""
        return f"{self.stem}.manifest.json"

    def later(self) -> BackupName:
        """This function will return the name that a second later would give."""
        return replace(self, at=self.at + timedelta(seconds=1))


def new(kind: Kind, at: datetime, *, table: str | None = None, compressed: bool = True) -> BackupName:
    """This function will return the name of a backup made at a moment."""
    return BackupName(kind, at.astimezone(UTC).replace(microsecond=0), table, compressed)


def parse(name: object) -> BackupName:
    """This function will read the name of a backup's file, as a caller wrote it.

    :raises NotFound: no backup has such a name: the same as for one that is not there
    """
    found = _FILE.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise no_such_backup()
    try:
        at = datetime.strptime(found["at"], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise no_such_backup() from None
    return BackupName(_KINDS.get(found["prefix"], "table"), at, found["table"], bool(found["compressed"]))


def stem_of_manifest(name: str) -> str | None:
    """This function will return what a manifest's name begins with, or None for another file."""
    found = _MANIFEST.fullmatch(name)
    return found["stem"] if found else None


def stem_of_file(name: str) -> str | None:
    """This function will return what the name of a backup's file begins with, or None for any other file."""
    return name.split(".", 1)[0] if _FILE.fullmatch(name) or _APP_FILE.fullmatch(name) else None


def no_such_backup() -> NotFound:
    """This function will return the refusal of a name that is no backup's."""
    return NotFound("There is no backup of that name.", hint="List the backups to see which there are.")
