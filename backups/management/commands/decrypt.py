"""`manage.py decrypt FILE --out FILE`: opens what was encrypted here; needs BACKUP_KEY, and no database."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.errors import Refused
from backups import encryption


class Command(BaseCommand):
    help = (
        "Decrypt a file: a copy from the bucket, or the accounts of a backup. Needs BACKUP_KEY with the key that"
        " encrypted it, and no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which file, and where to."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--out", type=Path, required=True, help="a file that is not there yet")

    def handle(self, *args: object, file: Path, out: Path, **options: object) -> None:
        """Write all of it, or nothing."""
        if os.path.lexists(out):
            raise CommandError(f"{out} is there already.")
        new = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
        try:
            size = _decrypt(file, new)
            os.link(new, out)  # unlike a rename it never takes the place of another file
        except Refused as refusal:
            raise CommandError(" ".join(filter(None, (refusal.message, refusal.hint)))) from refusal
        except OSError as error:
            raise CommandError(f"{error.filename or out}: {error.strerror}.") from error
        finally:
            with contextlib.suppress(OSError):
                new.unlink()
        self.stdout.write(f"{out}: {size} bytes")


def _decrypt(file: Path, new: Path) -> int:
    """Write the text into a file for our eyes only."""
    size = 0
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target, file.open("rb") as source:
        for block in encryption.decrypted(source):
            size += target.write(block)
        target.flush()
        os.fsync(target.fileno())
    return size
