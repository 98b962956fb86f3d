"""What a dump flows through on its way into a file: compression, encryption, and the measure of what arrives."""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from isal import isal_zlib

LEVEL: Final = 3  # isal's best: five times faster than gzip -6, for files 8 % larger
_GZIP: Final = 31  # the window of 32 kB, with gzip's head and tail


class Sink(Protocol):
    """Something that bytes are written to, and that is told when there are no more."""

    def write(self, data: bytes, /) -> None: ...
    def finish(self) -> None: ...


class Writes(Protocol):
    """A file, or whatever takes bytes."""

    def write(self, data: bytes, /) -> object: ...


class Measured:
    """Writes to a new file, and knows its size and sha256 without reading it again."""

    def __init__(self, file: Writes) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> None:
        """This function will write to the file."""
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def finish(self) -> None:
        """This function will do nothing: the file is published when all that belongs to it is."""

    @property
    def sha256(self) -> str:
        """That of all that was written."""
        return self._digest.hexdigest()


class Gzip:
    """One gzip member, from its first byte to `finish`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _GZIP)

    def write(self, data: bytes, /) -> None:
        """This function will compress."""
        if compressed := self._compressor.compress(data):
            self._sink.write(compressed)

    def finish(self) -> None:
        """This function will end the member."""
        self._sink.write(self._compressor.flush())
        self._sink.finish()
