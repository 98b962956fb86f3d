"""One file, encrypted and sent in parts; a way that was broken off is gone on with; and read back to its last byte.

To go on, the same text must become the same bytes, or parts of different ones would be put together. So the salt of
what was begun is kept, and the text is compared with its sha256 before a byte more is sent: no two texts are ever
encrypted with one salt, even where somebody has changed the file meanwhile.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any, BinaryIO, Final, cast

from backups import encryption, keys
from backups.encryption import Encrypted
from backups.errors import BackupInvalid, OffsiteDamaged, OffsiteMissing
from backups.keys import Key
from backups.offsite.bucket import Bucket, is_same
from jobs.progress import Progress

SUFFIX: Final = ".enc"
BLOCK_BYTES: Final = 1 << 20
PART_BYTES: Final = 8 << 20  # S3 takes no less than 5 MB, but for the last
MAX_PARTS: Final = 9_000  # S3 takes 10,000
UNDERWAY: Final = 2  # parts at a time, while the next one is made


@dataclass(frozen=True)
class Source:
    """A file that shall be copied, and what it is known by."""

    name: str
    size_bytes: int
    sha256: str
    open: Callable[[], BinaryIO]

    @property
    def target(self) -> str:
        """The name of its copy."""
        return f"{self.name}{SUFFIX}"

    @property
    def part_bytes(self) -> int:
        """How large parts are: the same each time, and not too many."""
        return max(PART_BYTES, -(-self.size_bytes // MAX_PARTS))


@dataclass(frozen=True)
class Sent:
    """What is known of a copy: how it is encrypted, the upload while there is one, and then what lies there."""

    salt: str
    key_id: str
    upload: str | None = None
    sha256: str | None = None  # of what lies there: known once it does
    version: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether all of it has arrived."""
        return self.sha256 is not None

    def as_dict(self) -> dict[str, Any]:
        """This function will return it as JSON takes it."""
        return asdict(self)


Keep = Callable[[Sent], None]


def sha256(data: bytes) -> str:
    """This function will return the sha256 of what is in memory."""
    return hashlib.sha256(data).hexdigest()


def send(bucket: Bucket, source: Source, begun: Sent | None, keep: Keep, progress: Progress) -> Sent:
    """This function will copy a file, from where `begun` ended, and `keep` what the next one needs to go on.

    :raises BackupInvalid: the file is not what it was
    :raises OffsiteFailed: the bucket can't be used; what has arrived stays there
    :raises Cancelled: it is not wanted any more; what has arrived stays there
    """
    with _Parts(bucket, source, begun, keep, progress) as parts:
        if parts.is_resumed:
            parts.require_unchanged(_digest(source, progress))
        progress.begin(f"Copy {source.name}", source.size_bytes)
        digest = hashlib.sha256()
        encrypted = Encrypted(parts, parts.key, bytes.fromhex(parts.sent.salt))
        with source.open() as file:
            while block := file.read(BLOCK_BYTES):
                progress.check()
                digest.update(block)
                encrypted.write(block)
                progress.advance(len(block))
        encrypted.finish()
        parts.require_unchanged(digest.hexdigest())
        return parts.put_together()


def texts(
    bucket: Bucket, name: str, *, sent: Sent | None = None, version: str | None = None
) -> Iterator[bytes]:
    """This function will yield what a copy says, block by block; `sent` says what must lie there.

    :raises OffsiteMissing: it is not there
    :raises OffsiteDamaged: it was changed or cut, or no key of ours opens it
    """
    source = Blocks(bucket.read(name, sent.version if sent else version))
    try:
        yield from encryption.decrypted(cast("BinaryIO", source))
    except OffsiteMissing as refusal:
        raise OffsiteMissing(f"{name} is not in the bucket.") from refusal
    except BackupInvalid as refusal:
        raise OffsiteDamaged(f"{name}: {refusal.message}", hint=refusal.hint) from refusal
    if sent and source.sha256 != sent.sha256:
        raise OffsiteDamaged(f"{name}: the bucket holds other bytes than were sent.")


def read_back(bucket: Bucket, source: Source, sent: Sent, progress: Progress) -> None:
    """This function will do nothing where the copy says what the file does, to the last byte.

    :raises OffsiteMissing, OffsiteDamaged: it does not
    """
    progress.begin(f"Read back {source.name}", source.size_bytes)
    digest = hashlib.sha256()
    for block in texts(bucket, source.target, sent=sent):
        progress.check()
        progress.advance(len(block))
        digest.update(block)
    if digest.hexdigest() != source.sha256:
        raise OffsiteDamaged(f"{source.target}: it is the copy of another file.")


class _Parts:
    """Takes the encrypted bytes, and sends each part that is full, unless it is there; a small file goes at once."""

    def __init__(
        self, bucket: Bucket, source: Source, begun: Sent | None, keep: Keep, progress: Progress
    ) -> None:
        self._bucket, self._source, self._name, self._keep = bucket, source, source.target, keep
        self._progress = progress
        self._waiting = bytearray()
        self._count, self._etags = 0, dict[int, str]()
        self._sender = ThreadPoolExecutor(UNDERWAY)
        self._underway: deque[tuple[int, Future[str]]] = deque()
        self._digest = hashlib.sha256()
        self._arrived, key = _arrived(bucket, self._name, begun), None
        if begun is not None and self._arrived is not None:
            key, self.sent = keys.find(begun.key_id), begun
        if key is None:
            key = keys.newest()
            self.sent = Sent(encryption.new_salt().hex(), key.id)
            self._arrived = None
        self.key: Key = key

    def __enter__(self) -> _Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sender.shutdown()

    @property
    def is_resumed(self) -> bool:
        """Whether parts may be there already."""
        return self._arrived is not None

    def write(self, data: bytes, /) -> None:
        size, rest = self._source.part_bytes, memoryview(data)
        while rest:
            if len(self._waiting) == size:  # a full one waits: it may be the last
                self._part(self._waiting)
                self._waiting = bytearray()
            room = size - len(self._waiting)
            self._waiting += rest[:room]
            rest = rest[room:]

    def finish(self) -> None:
        """Nothing: the last part is sent once all is known to be right."""

    def put_together(self) -> Sent:
        """Send the last part, and have the object made."""
        if self.sent.upload is None:
            self._digest.update(self._waiting)
            version = self._bucket.put(self._name, self._waiting)
        else:
            self._part(self._waiting)
            self._settle()
            version = self._bucket.complete(self._name, self.sent.upload, self._etags)
        self.sent = replace(self.sent, upload=None, sha256=self._digest.hexdigest(), version=version)
        self._keep(self.sent)
        return self.sent

    def require_unchanged(self, sha256: str) -> None:
        """Have thrown away what has arrived, where the file is not what it was."""
        if sha256 == self._source.sha256:
            return
        self._sender.shutdown()  # whatever came of the parts on their way
        if self.sent.upload is not None:
            self._bucket.abort(self._name, self.sent.upload)
        raise BackupInvalid(f"{self._source.name} was changed since it was made: its sha256 is another.")

    def _part(self, data: bytearray) -> None:
        self._progress.check()
        if self.sent.upload is None:
            self.sent = replace(self.sent, upload=self._bucket.begin(self._name))
            self._keep(self.sent)
        self._digest.update(data)
        self._count += 1
        there = (self._arrived or {}).get(self._count)
        if there is not None and there.size == len(data) and is_same(there.etag, data):
            self._etags[self._count] = there.etag
            return
        self._settle(UNDERWAY - 1)
        upload = str(self.sent.upload)
        sending = self._sender.submit(self._bucket.put_part, self._name, upload, self._count, data)
        self._underway.append((self._count, sending))

    def _settle(self, left: int = 0) -> None:
        """Wait until no more than so many parts are on their way; meanwhile the next one was encrypted."""
        while len(self._underway) > left:
            number, sending = self._underway.popleft()
            self._etags[number] = sending.result()


def _arrived(bucket: Bucket, name: str, begun: Sent | None) -> dict[int, Any] | None:
    """The parts of what was begun; None where there is nothing to go on with."""
    if begun is None or begun.upload is None:
        return None
    try:
        return dict(bucket.parts(name, begun.upload))
    except OffsiteMissing:
        return None


class Blocks:
    """Reads blocks as if they were a file, and knows the sha256 of what was read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._waiting = bytearray()
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        while len(self._waiting) < size and (block := next(self._blocks, b"")):
            self._digest.update(block)
            self._waiting += block
        data = bytes(self._waiting[:size])
        del self._waiting[:size]
        return data

    @property
    def sha256(self) -> str:
        """That of all that was read, which is all there is once the last frame was."""
        return self._digest.hexdigest()


def _digest(source: Source, progress: Progress) -> str:
    progress.begin(f"Check {source.name}", source.size_bytes)
    digest = hashlib.sha256()
    with source.open() as file:
        while block := file.read(BLOCK_BYTES):
            progress.check()
            digest.update(block)
            progress.advance(len(block))
    return digest.hexdigest()
