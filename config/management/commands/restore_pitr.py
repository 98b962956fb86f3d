"""`manage.py restore_pitr`: the whole server as it was at a moment, in a new folder, never over the live one."""

from __future__ import annotations

import shlex
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accesscontrol.errors import Refused
from backups.management import acting
from backups.pitr import recovery
from config import embedded, recovering
from config.cluster import Cluster
from config.folders import private_folder
from config.programs import ClusterError

STEPS_HERE = """\
Nothing of the live server was touched. To work with this one, end every program of this clone, and then:
{moves}
  script/server
Then make a new base: manage.py base_backup"""
STEPS_ELSEWHERE = """\
The server is not ours to configure, so the rest is yours, on its machine:
  1. Copy {data} there, owned by the account that PostgreSQL runs as, mode 0700.
  2. End the live server, or choose another port; then start PostgreSQL {version} with this data directory:
       pg_ctl -D DATA -o "{options}" -l LOG start
     It recovers to the target, and can be written to when its log says "archive recovery complete".
  3. As a superuser, so that nothing of this is left to lead another recovery astray:
{resets}
  4. Look at what is there, and let DATABASE_URL, DATABASE_OWNER_URL and DATABASE_REPLICATION_URL lead to it.
  5. Make a new base: manage.py base_backup"""
OPTIONS = "-p PORT -c archive_mode=off"  # the live server may archive its log, and this one would among it
CONFIGURED_ELSEWHERE = " -c config_file=POSTGRESQL.CONF -c data_directory=DATA"


class Command(BaseCommand):
    help = "Bring back the whole server as it was at a moment, in a new data directory."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the moment, the place, and of which server."""
        parser.add_argument(
            "--to",
            required=True,
            metavar="TIME|NAME",
            help="a time of ISO 8601 with its zone, a restore point, or latest",
        )
        parser.add_argument("--into", type=Path, metavar="FOLDER", help="a folder that is not there yet")
        parser.add_argument(
            "--system", metavar="ID", help="of which server, where several were copied (the last)"
        )

    def handle(
        self, *args: object, to: str, into: Path | None, system: str | None, **options: object
    ) -> None:
        """Bring it back, and tell how to go on."""
        progress = acting.Told(self.stderr)  # type: ignore[arg-type] # Django's, which writes
        home = (into or recovering.place(f"restored-{timezone.now():%Y%m%dT%H%M%SZ}")).absolute()
        try:
            made = recovering.prepare(recovery.parse(to), home, progress, system_id=system)
            if not settings.DATABASE_IS_EMBEDDED:
                self._tell_elsewhere(made)
                return
            reached = recovering.recover(home, made)
        except Refused as refusal:
            raise CommandError(" ".join(filter(None, (refusal.message, refusal.hint)))) from refusal
        except ClusterError as error:
            raise CommandError(f"{error}\nThe data directory is left in {home}.") from error
        self.stdout.write(
            f"{made.data} is the server as it was at {made.target}, from the base {made.base.described.name}."
        )
        if made.asked != made.target:
            self.stdout.write(f"The log ends before {made.asked}: everything in it is there.")
        self.stdout.write(f"Its last transaction is of {reached}.")
        self.stdout.write(STEPS_HERE.format(moves="\n".join(_moves(made.data, embedded.cluster()))))

    def _tell_elsewhere(self, made: recovery.Prepared) -> None:
        resets = "\n".join(f"       ALTER SYSTEM RESET {name};" for name in recovery.SETTINGS)
        version = made.base.described.server_version // 10_000
        self.stdout.write(f"{made.data} is ready to recover to {made.target}.")
        options = OPTIONS
        if not (made.data / "postgresql.conf").exists():  # as distributions have it
            options += CONFIGURED_ELSEWHERE
        self.stdout.write(
            STEPS_ELSEWHERE.format(data=made.data, version=version, resets=resets, options=options)
        )


def _moves(data: Path, live: Cluster) -> list[str]:
    """What puts a data directory in the place of the live one, or where that would be."""
    quoted = shlex.quote(str(live.data))
    if live.data.exists():
        return [f"  mv {quoted} {quoted}.before", f"  mv {shlex.quote(str(data))} {quoted}"]
    private_folder(live.home, gate=live.uid)
    return [f"  mv {shlex.quote(str(data))} {quoted}"]
