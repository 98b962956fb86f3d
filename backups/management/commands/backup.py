"""`manage.py backup`: a full backup, what changed since, or one table; for cron, and for when the web is down."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import Actor
from backups import services
from backups.management import acting
from jobs.progress import Progress


class Command(BaseCommand):
    help = "Make a full backup; with --incremental one of what changed since the last; with --table one of a table."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what shall be backed up, how, and who does it."""
        parser.add_argument("--table", metavar="TABLE", help="back up this table alone")
        parser.add_argument("--incremental", action="store_true", help="what changed since another backup")
        parser.add_argument("--base", metavar="FILE", help="that backup, for --incremental (the last one)")
        parser.add_argument("--data-only", action="store_true", help="the table's rows, not its structure")
        parser.add_argument("--schema-only", action="store_true", help="the table's structure, not its rows")
        parser.add_argument("--no-schema", action="store_true", help="all tables' rows, not their structure")
        parser.add_argument("--no-compress", action="store_true", help="plain SQL instead of gzip")
        acting.add_user(parser)

    def handle(
        self,
        *args: object,
        table: str | None,
        incremental: bool,
        base: str | None,
        data_only: bool,
        schema_only: bool,
        no_schema: bool,
        no_compress: bool,
        user: str | None,
        **options: object,
    ) -> None:
        """Make it, and tell what it is."""
        who, progress = acting.actor(user), acting.Told(self.stderr)  # type: ignore[arg-type] # Django's, which writes
        if incremental:
            if table or data_only or schema_only or no_schema:
                raise CommandError("--incremental backs up what changed of all tables: give it alone.")
            self._incremental(who, progress, base, compress=not no_compress)
            return
        with acting.refused(who, "BACKUP_FULL" if table is None else "BACKUP_TABLE", table):
            if table is None:
                made = services.create_full(
                    actor=who, compress=not no_compress, include_schema=not no_schema, progress=progress
                )
            else:
                made = services.create_table(
                    actor=who,
                    table=table,
                    data_only=data_only,
                    schema_only=schema_only,
                    compress=not no_compress,
                    progress=progress,
                )
        self.stdout.write(
            f"{made.backup_file}: {made.tables} tables, {made.record_count} rows, {made.size_bytes} bytes,"
            f" {made.duration_ms / 1000:.1f} s"
        )

    def _incremental(self, who: Actor, progress: Progress, base: str | None, *, compress: bool) -> None:
        with acting.refused(who, "BACKUP_INCREMENTAL"):
            made = services.create_incremental(
                actor=who, base_backup=base, compress=compress, progress=progress
            )
        self.stdout.write(
            f"{made.backup_file}: {made.inserted} rows came, {made.updated} changed, {made.deleted} went since"
            f" {made.base_backup}, {made.size_bytes} bytes, {made.duration_ms / 1000:.1f} s"
        )
