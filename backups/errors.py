"""How backups can be refused, beside the ways that everything can."""

from __future__ import annotations

from accesscontrol.errors import Refused, Unavailable


class BackupInvalid(Refused):
    """The file is not the backup that it should be; nothing was restored from it."""

    code, status = "BACKUP_INVALID", 422


class ProgramFailed(Unavailable):
    """PostgreSQL's program did not do its work; nothing was left behind. The server's log says why."""
