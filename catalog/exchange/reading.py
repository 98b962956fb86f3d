"""A file as it comes in: in blocks, within its limit, UTF-8 without a mark at its start, never all of it at once."""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from django.conf import settings

from accesscontrol.errors import InvalidInput, LimitExceeded
from jobs.progress import Progress

BLOCK_BYTES: Final = 1024 * 1024

_OTHER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP: Final = b"PK\x03\x04"
_HINT: Final = "Save the file as UTF-8, and import it again."

Source = bytes | BinaryIO


class Content:
    """What is in a source, from its start; `digest` and `size` are those of what has been read."""

    def __init__(self, source: Source, progress: Progress, max_mb: int | None = None) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self._file = io.BytesIO(source) if isinstance(source, bytes) else source
        self.progress = progress
        self._max_mb = settings.IMPORT_MAX_MB if max_mb is None else max_mb

    @property
    def expected(self) -> int:
        """How many bytes there are, as far as the source can tell; 0 where it can't."""
        if not self._file.seekable():
            return 0
        end = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        return end

    def blocks(self) -> Iterator[bytes]:
        """This function will return the content in blocks, none of them empty.

        :raises InvalidInput: it is not UTF-8, packed, or empty
        :raises LimitExceeded: it is larger than IMPORT_MAX_MB
        """
        decoder = codecs.getincrementaldecoder("utf-8")()
        lines = 1
        for block in self._read():
            if self.size == len(block) and block.startswith(_ZIP):
                raise InvalidInput(
                    "The file is packed: a workbook, or a ZIP archive.", hint="Is its name to end with .xlsx?"
                )
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line = lines + error.object.count(b"\n", 0, error.start)
                raise _not_utf8(f"byte 0x{error.object[error.start]:02X} in line {line}", line) from None
            lines += block.count(b"\n")
            if self.size == len(block):
                block = block.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901 - the same block, without its mark
            if block:
                yield block
        if not self.size:
            raise InvalidInput("The file is empty.")
        if decoder.getstate()[0]:
            raise _not_utf8("it ends within a character", lines)

    def whole(self) -> BinaryIO:
        """This function will return the file at its start, once all of it was read and measured.

        :raises InvalidInput: it is empty
        :raises LimitExceeded: it is larger than IMPORT_MAX_MB
        """
        for _ in self.raw():
            pass
        self._file.seek(0)
        return self._file

    def raw(self) -> Iterator[bytes]:
        """This function will return the content in blocks, whatever it is.

        :raises InvalidInput: it is empty
        :raises LimitExceeded: it is larger than IMPORT_MAX_MB
        """
        yield from self._read()
        if not self.size:
            raise InvalidInput("The file is empty.")

    def _read(self) -> Iterator[bytes]:
        maximum = self._max_mb * 1_000_000
        while block := self._file.read(BLOCK_BYTES):
            self.progress.check()
            if not self.size and block.startswith(_OTHER_MARKS):
                raise InvalidInput("The file is UTF-16, not UTF-8.", hint=_HINT)
            self.size += len(block)
            self.digest.update(block)
            if self.size > maximum:
                raise LimitExceeded(
                    f"The file is larger than {self._max_mb} MB.",
                    hint="Import it in parts.",
                    maximum=maximum,
                )
            self.progress.advance(len(block))
            yield block


def _not_utf8(what: str, line: int) -> InvalidInput:
    return InvalidInput(f"The file is not UTF-8: {what}.", hint=_HINT, line=line)
