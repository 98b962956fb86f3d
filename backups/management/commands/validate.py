"""`manage.py validate FILE`: is a backup what it should be; `--deep`: can it be restored?"""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import on_this_machine
from backups import catalogue, storage, validation
from backups.management import acting


class Command(BaseCommand):
    help = "Look at a backup: signature, size, sha256, content. With --deep, restore it into a database of its own."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which backup, and how deep."""
        parser.add_argument("file", nargs="?", help="the backup's name")
        parser.add_argument("--newest", action="store_true", help="the newest full backup")
        parser.add_argument("--deep", action="store_true", help="restore it into a database of its own")

    def handle(self, *args: object, file: str | None, newest: bool, deep: bool, **options: object) -> None:
        """Look, and tell what was found; fail where it is not valid."""
        if (file is None) != newest:
            raise CommandError("Give a backup's name, or --newest.")
        actor = on_this_machine()
        with acting.refused(actor, "VALIDATE_BACKUP"):
            found = validation.validate_backup(
                actor=actor,
                backup_file=file or _newest(),
                deep=deep,
                progress=acting.Told(self.stderr),  # type: ignore[arg-type] # it writes
            )
        for check in found.checks:
            self.stdout.write(f"{'ok    ' if check.ok else 'FAILED'}  {check.name}: {check.detail}")
        if not found.valid:
            raise CommandError(f"{found.backup_file} is not valid.")
        self.stdout.write(
            f"{found.backup_file} is valid: {found.tables} tables, {found.record_count} records."
        )


def _newest() -> str:
    backups, _ = catalogue.read(storage.configured())
    full = next((backup for backup in backups if backup.type == "full"), None)
    if full is None:
        raise CommandError("There is no full backup.")
    return full.file
