"""Packed files, read without trust: never more than they say, and nothing that is damaged."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from isal import igzip, isal_zlib

from backups.errors import BackupInvalid

BLOCK_BYTES: Final = 1 << 20
_DAMAGED: Final[Any] = (EOFError, OSError, zlib.error, isal_zlib.error)  # as gzip and isal tell it


def bounded(source: Any, limit: int, *, is_exact: bool) -> Iterator[bytes]:
    """This function will yield the bytes of a source, up to a limit: one byte more, and they are refused.

    :raises BackupInvalid: it is damaged, or has more, or where it `is_exact` less
    """
    size = 0
    while True:
        try:
            block = source.read(min(BLOCK_BYTES, limit + 1 - size))
        except _DAMAGED as error:
            raise BackupInvalid("The file can't be unpacked: it is damaged, or no gzip file.") from error
        if not block:
            break
        size += len(block)
        if size > limit:
            raise BackupInvalid("The file unpacks to more than it should: it was stopped there.")
        yield block
    if is_exact and size < limit:
        raise BackupInvalid("The file unpacks to less than it should.")


def unzipped(file: BinaryIO) -> Any:
    """This function will return a gzip file as one that is read unpacked."""
    return igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-untyped-call] # it has no types


def inflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """This function will yield the one gzip member that comes in blocks, each of them ours: our key encrypted it.

    :raises BackupInvalid: it is damaged, or not whole
    """
    unzip = isal_zlib.decompressobj(31)
    try:
        for block in blocks:
            data = unzip.decompress(block, BLOCK_BYTES)
            yield data
            while unzip.unconsumed_tail:
                yield unzip.decompress(unzip.unconsumed_tail, BLOCK_BYTES)
        yield unzip.flush()
    except _DAMAGED as error:
        raise BackupInvalid("The file with the accounts can't be unpacked.") from error
    if not unzip.eof or unzip.unused_data:
        raise BackupInvalid("The file with the accounts is not whole.")
