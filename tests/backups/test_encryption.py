"""Encrypted files: opened by our keys, and noticed whatever is done to them."""

from __future__ import annotations

import io
import secrets

import pytest

from backups import encryption, keys
from backups.encryption import Encrypted, decrypted
from backups.errors import BackupInvalid
from tests.backups.conftest import KEY, OLD_KEY

FRAME = 100
HEAD = len(b"DBADMIN-ENC-1\n") + 16 + 32
OVERHEAD = 4 + 16  # of a frame


@pytest.fixture(autouse=True)
def _small_frames(monkeypatch):
    monkeypatch.setattr(encryption, "FRAME_BYTES", FRAME)


class Buffer(io.BytesIO):
    def finish(self) -> None:
        pass


def encrypt(text: bytes, step: int = 1_000, key: str = KEY) -> bytes:
    buffer = Buffer()
    sink = Encrypted(buffer, keys.Key(key))
    for start in range(0, len(text), step):
        sink.write(text[start : start + step])
    sink.finish()
    return buffer.getvalue()


def decrypt(data: bytes) -> bytes:
    return b"".join(decrypted(io.BytesIO(data)))


def frames(data: bytes) -> list[bytes]:
    """Cut an encrypted file of three full frames into head and frames."""
    size = FRAME + OVERHEAD
    return [data[:HEAD], *(data[HEAD + i * size : HEAD + (i + 1) * size] for i in range(3))]


class TestRoundTrip:
    @pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, 1_234])
    @pytest.mark.parametrize("step", [1, 7, FRAME, 1_000])
    def test_gives_back_what_was_written_however_it_came(self, size, step):
        text = secrets.token_bytes(size)

        assert decrypt(encrypt(text, step)) == text

    def test_shows_nothing_of_it_and_never_looks_the_same(self):
        text = b"pbkdf2_sha256$secret" * 50

        assert b"secret" not in encrypt(text)
        assert encrypt(text) != encrypt(text)

    def test_an_old_key_opens_as_long_as_it_is_there(self, settings):
        data = encrypt(b"text", key=OLD_KEY)

        with pytest.raises(BackupInvalid, match="a key that is not in use"):
            decrypt(data)
        settings.BACKUP_KEYS = [KEY, OLD_KEY]
        assert decrypt(data) == b"text"


class TestTampering:
    data = property(lambda self: encrypt(b"a" * FRAME + b"b" * FRAME + b"c" * FRAME))

    def test_a_cut_is_noticed_wherever_it_is(self):
        data = self.data

        for end in range(len(data)):
            with pytest.raises(BackupInvalid):
                decrypt(data[:end])

    def test_a_flipped_bit_is_noticed_wherever_it_is(self):
        data = self.data

        for place in range(len(data)):
            with pytest.raises(BackupInvalid):
                decrypt(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])

    @pytest.mark.parametrize("order", [(2, 1, 3), (1, 1, 2, 3), (1, 3), (2, 3), (3,), (1, 2), (1, 2, 3, 3)])
    def test_frames_in_another_order_are_noticed(self, order):
        head, *found = frames(self.data)

        with pytest.raises(BackupInvalid):
            decrypt(head + b"".join(found[number - 1] for number in order))

    def test_a_frame_of_another_file_is_noticed(self):
        one, other = frames(self.data), frames(self.data)

        with pytest.raises(BackupInvalid):
            decrypt(one[0] + one[1] + other[2] + one[3])

    @pytest.mark.parametrize("data", [b"", b"\x1f\x8b", b"DBADMIN-ENC-1\n", secrets.token_bytes(500)])
    def test_anything_else_is_no_such_file(self, data):
        with pytest.raises(BackupInvalid):
            decrypt(data)

    def test_nothing_after_the_end_is_taken(self):
        with pytest.raises(BackupInvalid):
            decrypt(self.data + b"x")
