"""`manage.py restore FILE`: brings a backup back; when the web is down, too, and on a new machine."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import Actor, on_this_machine
from backups import restoring, whole
from backups.management import acting, asking
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
        asking.add_yes(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, restore, and tell what was done."""
        if options["with_app"] and (options["table"] or options["drop_existing"] or options["dry_run"]):
            raise CommandError("--with-app restores everything, into an empty database: give it alone.")
        if options["table"] and options["drop_existing"]:
            raise CommandError("--drop-existing replaces the whole catalog: give it without --table.")
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
        call = partial(
            restoring.restore_full,
            actor=actor,
            backup_file=file,
            on_conflict=options["on_conflict"],
            dry_run=options["dry_run"],
            safety_backup=not options["no_safety_backup"],
            progress=progress,
        )
        if options["table"]:
            call = partial(restoring.restore_table, table=options["table"], **call.keywords)
        else:
            call = partial(call, drop_existing=options["drop_existing"])
        restored = asking.agreed(
            lambda token: call(plan_token=token),
            self.stderr,  # type: ignore[arg-type] # it writes
            word=file,
            yes=options["yes"],
        )
        return "\n".join(_lines(restored))


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
