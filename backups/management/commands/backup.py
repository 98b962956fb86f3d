"""`manage.py backup`: a full backup, or one of a table; for cron, and for when the web is down."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from backups import services
from backups.management import acting


class Command(BaseCommand):
    help = "Make a full backup, or with --table a backup of one table."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what shall be backed up, how, and who does it."""
        parser.add_argument("--table", metavar="TABLE", help="back up this table alone")
        parser.add_argument("--data-only", action="store_true", help="the table's rows, not its structure")
        parser.add_argument("--schema-only", action="store_true", help="the table's structure, not its rows")
        parser.add_argument("--no-schema", action="store_true", help="all tables' rows, not their structure")
        parser.add_argument("--no-compress", action="store_true", help="plain SQL instead of gzip")
        acting.add_user(parser)

    def handle(
        self,
        *args: object,
        table: str | None,
        data_only: bool,
        schema_only: bool,
        no_schema: bool,
        no_compress: bool,
        user: str | None,
        **options: object,
    ) -> None:
        """Make it, and tell what it is."""
        who, progress = acting.actor(user), acting.Told(self.stderr)  # type: ignore[arg-type] # Django's, which writes
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
