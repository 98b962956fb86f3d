"""Whether a base is what the server sent: each of its files, and its part of the log, by the server's own manifest.

This reads the manifest of `pg_basebackup` (https://www.postgresql.org/docs/18/backup-manifest-format.html) itself:
`pg_verifybackup` of the packaged PostgreSQL can't be run.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from backups import programs
from backups.errors import BackupInvalid
from backups.pitr import segments
from jobs.progress import Progress

MANIFEST: Final = "backup_manifest"
_CHECKSUM: Final = b'"Manifest-Checksum"'
_ALGORITHM: Final = "SHA256"
_LOG: Final = "pg_wal"


def read(folder: Path) -> dict[str, Any]:
    """This function will return a base's manifest, once it is known to be whole.

    :raises BackupInvalid: it is not
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        end = content.rindex(_CHECKSUM)
        document: dict[str, Any] = json.loads(content)
        stated = document["Manifest-Checksum"]
    except (OSError, ValueError, KeyError) as error:
        raise BackupInvalid("The base has no manifest that can be read.") from error
    if hashlib.sha256(content[:end]).hexdigest() != stated:
        raise BackupInvalid("The manifest of the base was changed or cut.")
    return document


def check(folder: Path, progress: Progress) -> None:
    """This function will do nothing where a base is whole: every file as it was sent, no other, and its log readable.

    :raises BackupInvalid: it is not; the message says what is wrong with it
    :raises Cancelled: it is not wanted any more
    """
    manifest = read(folder)
    progress.begin("Check of the base", sum(file["Size"] for file in manifest["Files"]))
    stated = {_path(file): file for file in manifest["Files"]}
    present = set(_files(folder))
    for path in sorted(present - set(stated) - {MANIFEST}):
        if not path.startswith(f"{_LOG}/"):
            raise BackupInvalid(f"The base has a file that does not belong to it: {path}.")
    for path, file in stated.items():
        progress.check()
        if path not in present:
            raise BackupInvalid(f"The base lacks the file {path}.")
        _check_file(folder / path, file, path)
        progress.advance(file["Size"])
    for part in manifest["WAL-Ranges"]:
        check_log(folder / _LOG, part)


def check_log(folder: Path, part: dict[str, Any]) -> None:
    """This function will do nothing where a folder has the part of the log without which a base is no use.

    :raises BackupInvalid: it is not there, or can't be read
    """
    segments.position(part["Start-LSN"]), segments.position(part["End-LSN"])
    place = ("-t", str(int(part["Timeline"])), "-s", part["Start-LSN"], "-e", part["End-LSN"])
    done = subprocess.run(  # noqa: S603 - our own list, no shell
        [programs.path_of("pg_waldump"), "--quiet", "-p", folder, *place],
        capture_output=True,
        check=False,
        env={"LC_ALL": "C"},
        cwd="/",
    )
    if done.returncode:
        raise BackupInvalid("The base's part of the write-ahead log is not whole.")


def _check_file(place: Path, file: dict[str, Any], path: str) -> None:
    if place.stat().st_size != file["Size"]:
        raise BackupInvalid(f"The file {path} of the base has another size.")
    if file.get("Checksum-Algorithm") != _ALGORITHM:
        raise BackupInvalid(f"The manifest of the base has no checksum of {path}.")
    with place.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() != file["Checksum"]:
            raise BackupInvalid(f"The file {path} of the base was changed.")


def _path(file: dict[str, Any]) -> str:
    """The path of a file within the base; one that isn't UTF-8 is written as hexadecimal digits."""
    if "Encoded-Path" in file:
        return os.fsdecode(bytes.fromhex(file["Encoded-Path"]))
    return str(file["Path"])


def _files(folder: Path) -> Iterator[str]:
    """The regular files in a folder, by their paths within it; a link is none."""
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(folder))
