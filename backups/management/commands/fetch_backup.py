"""`manage.py fetch_backup FILE`: brings a backup home from the bucket; on a machine where nothing is yet, too."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import Actor, on_this_machine
from backups.management import acting
from backups.offsite import fetching
from backups.offsite.fetching import Copy


class Command(BaseCommand):
    help = (
        "Bring a backup from the bucket into the folder of backups, with those that it needs, and check each byte."
        " Needs BACKUP_KEY and the OFFSITE_ settings; then restore it as any other."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which backup."""
        parser.add_argument("file", nargs="?", help="the backup's name")
        parser.add_argument("--newest", action="store_true", help="the newest that restores everything")
        parser.add_argument("--list", action="store_true", help="tell which there are, and fetch none")
        parser.add_argument(
            "--deleted",
            action="store_true",
            help="with --list: also those deleted, of which there are versions",
        )

    def handle(
        self,
        *args: object,
        file: str | None,
        newest: bool,
        list: bool,  # noqa: A002 - the option's name
        deleted: bool,
        **options: object,
    ) -> None:
        """List, or fetch."""
        if [file is not None, newest, list].count(True) != 1:
            raise CommandError("Give a backup's name, or --newest, or --list.")
        actor = on_this_machine()
        with acting.refused(actor, fetching.OPERATION):
            if list:
                self._list(fetching.list_copies(actor=actor, deleted=deleted))
            else:
                self._fetch(actor, file or _newest(fetching.list_copies(actor=actor)))

    def _list(self, copies: list[Copy]) -> None:
        for copy in copies:
            self.stdout.write(f"{copy.name.file:<48}{copy.size_bytes:>14}")
        self.stdout.write(f"{len(copies)} backups in the bucket")

    def _fetch(self, actor: Actor, file: str) -> None:
        told = acting.Told(self.stderr)  # type: ignore[arg-type] # it writes
        fetched = fetching.fetch(actor=actor, backup_file=file, progress=told)
        for each in fetched:
            self.stdout.write(each)
        self.stdout.write(f"{len(fetched)} backups fetched; manage.py restore {file} brings it back.")


def _newest(copies: list[Copy]) -> str:
    found = next((copy.name.file for copy in copies if copy.name.kind != "table"), None)
    if found is None:
        raise CommandError("There is no full backup in the bucket.")
    return found
