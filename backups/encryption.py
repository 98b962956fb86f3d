"""Files that only our keys open: AES-256-GCM in frames, so that a file of any size takes a megabyte of memory.

    head   MAGIC, the key's id (16 hexadecimal digits), 32 random bytes
    frame  4 bytes: how many bytes of text; the highest bit is set in the last frame, and in no other
           the text, encrypted, and its tag of 16 bytes

Each file has a key of its own, derived from ours and its random bytes. A frame's nonce is its number, and the head and
the frame's first 4 bytes are authenticated with it: frames can't be changed, swapped, repeated, left out, or come from
another file, and an end that is missing is noticed.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backups import keys
from backups.errors import BackupInvalid
from backups.keys import Key
from backups.streams import Sink

FRAME_BYTES: Final = 1 << 20
_MAGIC: Final = b"DBADMIN-ENC-1\n"
_ID_BYTES: Final = 16
_SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_LAST: Final = 1 << 31
_PURPOSE: Final = "encryption"


class Encrypted:
    """Encrypts what is written to it, and passes it on."""

    def __init__(self, sink: Sink, key: Key, salt: bytes | None = None) -> None:
        """With the `salt` of an earlier time: exactly the same text gets exactly the same bytes, and no other may."""
        salt = salt or new_salt()
        self._head = _MAGIC + key.id.encode() + salt
        self._cipher = AESGCM(key.derive(_PURPOSE, salt))
        self._sink = sink
        self._waiting = bytearray()
        self._number = 0
        sink.write(self._head)

    def write(self, data: bytes, /) -> None:
        """This function will encrypt each frame that is full."""
        self._waiting += data
        while len(self._waiting) > FRAME_BYTES:  # a full one waits: it may be the last
            with memoryview(self._waiting) as waiting:
                self._frame(waiting[:FRAME_BYTES], 0)
            del self._waiting[:FRAME_BYTES]

    def finish(self) -> None:
        """This function will write the last frame."""
        self._frame(self._waiting, _LAST)
        self._sink.finish()

    def _frame(self, text: memoryview | bytearray, last: int) -> None:
        length = struct.pack(">I", len(text) | last)
        self._sink.write(length)
        self._sink.write(self._cipher.encrypt(_nonce(self._number), text, self._head + length))
        self._number += 1


def new_salt() -> bytes:
    """This function will return the random bytes of a file."""
    return secrets.token_bytes(_SALT_BYTES)


def decrypted(file: BinaryIO) -> Iterator[bytes]:
    """This function will yield what was encrypted, a frame at a time, each once it is known to be genuine.

    That the file is complete is known only when the last was yielded.

    :raises BackupInvalid: it was changed, or cut, or no key of ours opens it
    """
    head = file.read(len(_MAGIC) + _ID_BYTES + _SALT_BYTES)
    key_id = head[len(_MAGIC) : len(_MAGIC) + _ID_BYTES]
    if not head.startswith(_MAGIC) or len(head) < len(_MAGIC) + _ID_BYTES + _SALT_BYTES:
        raise BackupInvalid("The file is not one that was encrypted here.")
    key = keys.find(key_id.decode("ascii", "replace"))
    if key is None:
        raise BackupInvalid(
            "The file was encrypted with a key that is not in use.", hint="Add the old key to BACKUP_KEY."
        )
    cipher = AESGCM(key.derive(_PURPOSE, head[-_SALT_BYTES:]))
    number, is_last = 0, False
    while not is_last:
        length = file.read(4)
        stated = struct.unpack(">I", length)[0] if len(length) == 4 else FRAME_BYTES + 1
        is_last, size = bool(stated & _LAST), stated & ~_LAST
        if size > FRAME_BYTES:
            raise _changed()
        try:
            yield cipher.decrypt(_nonce(number), file.read(size + _TAG_BYTES), head + length)
        except (InvalidTag, ValueError) as error:
            raise _changed() from error
        number += 1
    if file.read(1):
        raise _changed()


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _changed() -> BackupInvalid:
    return BackupInvalid("The encrypted file was changed or cut.")
