"""`manage.py decrypt`: without a database, with the key alone."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from tests.backups.conftest import OLD_KEY
from tests.backups.test_encryption import encrypt

TEXT = b"a page of a book\n" * 100_000  # two frames


def decrypt(file, out) -> str:
    told = io.StringIO()
    call_command("decrypt", str(file), "--out", str(out), stdout=told)
    return told.getvalue()


def test_works_as_a_program_without_a_database_with_an_older_key(tmp_path):
    (tmp_path / "copy.enc").write_bytes(encrypt(TEXT, key="b" * 40))
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
        "BACKUP_KEY": f"{'a' * 40},{'b' * 40}",
    }

    subprocess.run(
        [sys.executable, "manage.py", "decrypt", tmp_path / "copy.enc", "--out", tmp_path / "copy"],
        env=environment, cwd=django_settings.BASE_DIR, check=True, capture_output=True,
    )  # fmt: skip

    assert (tmp_path / "copy").read_bytes() == TEXT
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (encrypt(TEXT)[:-1], "changed or cut"),
        (encrypt(TEXT, key=OLD_KEY), "not in use. Add the old key to BACKUP_KEY"),
        (b"text", "not one that was encrypted here"),
    ],
    ids=["cut", "with another key", "not encrypted"],
)
def test_leaves_nothing_of_what_it_can_not_open(tmp_path, data, message):
    (tmp_path / "copy.enc").write_bytes(data)

    with pytest.raises(CommandError, match=message):
        decrypt(tmp_path / "copy.enc", tmp_path / "copy")

    assert [path.name for path in tmp_path.iterdir()] == ["copy.enc"]


def test_never_takes_the_place_of_a_file(tmp_path):
    (tmp_path / "copy.enc").write_bytes(encrypt(TEXT))
    (tmp_path / "copy").write_bytes(b"mine")

    with pytest.raises(CommandError, match="is there already"):
        decrypt(tmp_path / "copy.enc", tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == b"mine"


def test_says_which_file_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        decrypt(tmp_path / "copy.enc", tmp_path / "copy")

    assert list(tmp_path.iterdir()) == []
