"""The manifest of a backup: what is in it, and how to know that it is. A backup is there when its manifest is.

It comes from a folder that others may have written to, or from an upload: it is read as untrusted until its signature
says that it is ours.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from accesscontrol.errors import NotFound
from backups import names, signing
from backups.errors import BackupInvalid
from backups.names import BackupName, Kind
from backups.storage import Storage

FORMAT: Final = 1
MAX_BYTES: Final = 1_000_000
MAX_LINKS: Final = 100
_LATER: Final = ("chain",)
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"

Count = Annotated[int, Field(ge=0, le=2**62)]
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, Field(max_length=200)]
Identifier = Annotated[str, Field(pattern=r"\A[a-z_][a-z0-9_]{0,62}\z")]
FileName = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_]{1,120}\.[a-z.]{3,20}\z")]
Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
KeyId = Annotated[str, Field(pattern=r"\A[0-9a-f]{16}\z")]
Time = Annotated[str, Field(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\z")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Member(_Part):
    """One gzip member of the file, which can be read for itself: where its bytes begin and end."""

    name: Literal["pre-data", "data", "post-data"]
    start: Count
    end: Count


class TableState(_Part):
    """What a table held."""

    rows: Count
    checksum: Annotated[str, Field(pattern=r"\A-?[0-9]{1,60}\z")]  # whatever the order of the rows


class SequenceState(_Part):
    """Where a sequence was."""

    last_value: Whole
    is_called: bool


class AppFile(_Part):
    """The encrypted file of schema app, from the same snapshot."""

    file: FileName
    size_bytes: Count
    sha256: Sha256
    key_id: KeyId


class Link(_Part):
    """A backup that another one builds on."""

    file: FileName
    sha256: Sha256


class Changes(_Part):
    """What an incremental backup has of a table; `keys` is null where it has all of its rows."""

    keys: Count | None
    rows: Count
    inserted: Count
    updated: Count
    deleted: Count


class Chain(_Part):
    """Where a backup stands among those that build on each other, and by what the next one knows that it may."""

    before: Annotated[
        list[Link], Field(max_length=MAX_LINKS)
    ]  # the full one first, the parent last; of that, none
    database_oid: Count
    timeline: Annotated[str, Field(pattern=r"\A[0-9A-F]{8}\z")]
    capture: Sha256 | None  # the mark of the triggers that note changes; null where one was missing
    changes: Annotated[dict[Identifier, Changes], Field(max_length=1_000)]

    @property
    def parent(self) -> Link | None:
        """The backup that this one is the changes since."""
        return self.before[-1] if self.before else None


class Signature(_Part):
    """Who says so."""

    key_id: KeyId
    value: Sha256


class Manifest(_Part):
    """All that is known of a backup; of a foreign file, its size and sha256 alone."""

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT
    type: Kind
    file: FileName
    table: Identifier | None
    created_at: Time
    size_bytes: Count
    sha256: Sha256
    uncompressed_bytes: Count | None
    compressed: bool
    members: Annotated[list[Member], Field(max_length=3)]
    snapshot: Annotated[str, Field(max_length=100_000)] | None
    position: Text | None
    schema_fingerprint: Sha256 | None
    server_version: Text | None
    tool_version: Text | None
    database: Text | None
    system_id: Text | None
    tables: Annotated[dict[Identifier, TableState], Field(max_length=1_000)]
    sequences: Annotated[dict[Identifier, SequenceState], Field(max_length=1_000)]
    migrations: Annotated[
        list[Annotated[list[Text], Field(min_length=2, max_length=2)]], Field(max_length=5_000)
    ]
    app: AppFile | None
    chain: Chain | None = None  # of a full or an incremental one
    signature: Signature | None = None

    @property
    def name(self) -> BackupName:
        """The names of its files."""
        return names.parse(self.file)

    @property
    def created(self) -> datetime:
        """When its snapshot was taken."""
        return datetime.strptime(self.created_at, _TIME).replace(tzinfo=UTC)

    @property
    def record_count(self) -> int:
        """The rows of all its tables."""
        return sum(table.rows for table in self.tables.values())

    @property
    def is_signed(self) -> bool:
        """Whether one of our keys signed exactly this."""
        signature = self.signature
        return signing.is_signed(self._unsigned(), signature.model_dump() if signature else None)

    def sealed(self) -> Manifest:
        """This function will return the manifest with our signature."""
        return self.model_copy(update={"signature": Signature(**signing.sign(self._unsigned()))})

    def encode(self) -> bytes:
        """This function will return the file's content: JSON for people too."""
        return json.dumps(self.model_dump(exclude=self._absent()), indent=1, sort_keys=True).encode() + b"\n"

    def _unsigned(self) -> dict[str, Any]:
        return self.model_dump(exclude={"signature", *self._absent()})

    def _absent(self) -> set[str]:
        """What came later than the format, and is left out where there is none: so older signatures hold."""
        return {name for name in _LATER if getattr(self, name) is None}


def timestamp(moment: datetime) -> str:
    """This function will write a moment as manifests do."""
    return moment.astimezone(UTC).strftime(_TIME)


def parse(data: bytes) -> Manifest:
    """This function will read a manifest, whoever wrote it. Its signature is another matter: see `is_signed`.

    :raises BackupInvalid: it is none
    """
    if len(data) > MAX_BYTES:
        raise BackupInvalid("The manifest is too large to be one.")
    try:
        document = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_number)
        found = Manifest.model_validate(document)
        found.created  # noqa: B018 - a day that no month has
        name = found.name
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])[:100]
        raise BackupInvalid(f"The manifest is not valid at {place or 'its top'}.") from error
    except (ValueError, RecursionError, NotFound) as error:
        raise BackupInvalid("The manifest is not valid.") from error
    if (name.kind, name.table, name.compressed) != (found.type, found.table, found.compressed):
        raise BackupInvalid("The manifest contradicts the name of its file.")
    if (name.kind == "incremental") != bool(found.chain and found.chain.before):
        raise BackupInvalid("The manifest contradicts itself: only an incremental backup builds on another.")
    if found.app is not None and found.app.file != name.app_file:
        raise BackupInvalid("The manifest names a file that is not its own.")
    return found


def foreign(name: BackupName, size_bytes: int, sha256: str) -> Manifest:
    """This function will describe a file that is not ours, of which nothing else is known."""
    return Manifest(
        type="foreign",
        file=name.file,
        table=None,
        created_at=timestamp(name.at),
        size_bytes=size_bytes,
        sha256=sha256,
        uncompressed_bytes=None,
        compressed=name.compressed,
        members=[],
        snapshot=None,
        position=None,
        schema_fingerprint=None,
        server_version=None,
        tool_version=None,
        database=None,
        system_id=None,
        tables={},
        sequences={},
        migrations=[],
        app=None,
    )


def read(storage: Storage, name: BackupName) -> Manifest:
    """This function will read the manifest of a backup, for which alone its other files may be opened.

    :raises NotFound: there is no such backup
    :raises BackupInvalid: what lies there is no manifest, or that of another backup
    """
    try:
        found = read_file(storage, name.manifest_file)
    except NotFound:
        raise names.no_such_backup() from None
    if found.file != name.file:  # it has another ending
        raise names.no_such_backup()
    return found


def read_file(storage: Storage, file: str) -> Manifest:
    """This function will read a manifest by its own name.

    :raises NotFound: there is none
    :raises BackupInvalid: it is none, or that of another backup
    """
    with storage.open(file) as opened:
        found = parse(opened.read(MAX_BYTES + 1))
    if found.name.manifest_file != file:
        raise BackupInvalid("The manifest is that of another backup.")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what two readers could read differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
