"""`manage.py restore FILE`: brings a backup back; when the web is down, too, and on a new machine."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import Actor, on_this_machine
from accesscontrol.management.asking import ask
from backups import restoring, whole
from backups.management import acting
from backups.merging import ON_CONFLICT
from jobs.progress import Progress


class Command(BaseCommand):
    help = (
        "Restore a backup. With --drop-existing the catalog becomes what the backup holds; without, its records are"
        " merged into those that are there. Needs DATABASE_OWNER_URL, unless the server is the embedded one."
    )
    requires_system_checks: list[str] = []  # what is broken may be what is to be mended

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the backup, and how it shall come back."""
        parser.add_argument("file", help="the backup's name: list_backups shows which there are")
        parser.add_argument("--drop-existing", action="store_true", help="replace the whole catalog")
        parser.add_argument("--on-conflict", choices=ON_CONFLICT, default=ON_CONFLICT[0])
        parser.add_argument("--table", metavar="TABLE", help="merge this table alone")
        parser.add_argument(
            "--with-app",
            action="store_true",
            help="accounts, roles, keys and schedules too: into an empty database",
        )
        parser.add_argument("--dry-run", action="store_true", help="tell what it would do, and do nothing")
        parser.add_argument(
            "--no-safety-backup", action="store_true", help="do not back up what is there first"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, restore, and tell what was done."""
        if options["with_app"] and (options["table"] or options["drop_existing"] or options["dry_run"]):
            raise CommandError("--with-app restores everything, into an empty database: give it alone.")
        if options["table"] and options["drop_existing"]:
            raise CommandError("--drop-existing replaces the whole catalog: give it without --table.")
        if not (options["yes"] or options["dry_run"]):
            self._ask(options)
        actor = on_this_machine()
        operation = "RESTORE_TABLE" if options["table"] else "RESTORE_FULL"
        with acting.refused(actor, operation, options["table"]):
            told = self._restore(actor, options, acting.Told(self.stderr))  # type: ignore[arg-type] # it writes
        self.stdout.write(told)

    def _restore(self, actor: Actor, options: dict[str, Any], progress: Progress) -> str:
        file = options["file"]
        if options["with_app"]:
            count = whole.restore(actor=actor, backup_file=file, progress=progress)
            return f"Everything is back: {count} records, and all accounts. Now run manage.py migrate."
        common: dict[str, Any] = {
            "actor": actor,
            "backup_file": file,
            "on_conflict": options["on_conflict"],
            "dry_run": options["dry_run"],
            "safety_backup": not options["no_safety_backup"],
            "progress": progress,
        }
        if options["table"]:
            restored = restoring.restore_table(table=options["table"], **common)
        else:
            restored = restoring.restore_full(drop_existing=options["drop_existing"], **common)
        return "\n".join(_lines(restored))

    def _ask(self, options: dict[str, Any]) -> None:
        """Let somebody type the backup's name who means it."""
        what = f"table {options['table']}" if options["table"] else "the whole catalog"
        how = "is replaced by" if options["drop_existing"] else "is restored from"
        self.stderr.write(f"{what} {how} {options['file']}.")
        if ask("Type the backup's name to go on: ").strip() != options["file"]:
            raise CommandError("That was something else; nothing was changed.")


def _lines(restored: restoring.Restored) -> list[str]:
    """What a restore did, for a person."""
    head = "Would restore" if restored.dry_run else "Restored"
    counts = (
        f"{restored.skipped} skipped, {restored.overwritten} overwritten, {restored.duration_ms / 1000:.1f} s"
    )
    what = f"{restored.record_count} records of {restored.restored_tables} tables from {restored.backup_file}"
    lines = [f"{head} {what} ({counts})."]
    if restored.dry_run:
        lines += [", ".join(f"{name} {value}" for name, value in table.items()) for table in restored.tables]
    if restored.safety_backup:
        lines.append(f"What was there before is in {restored.safety_backup}.")
    return lines + restored.warnings
