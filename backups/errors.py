"""How backups can be refused, beside the ways that everything can."""

from __future__ import annotations

from accesscontrol.errors import Refused, Unavailable


class BackupInvalid(Refused):
    """The file is not the backup that it should be; nothing was restored from it."""

    code, status = "BACKUP_INVALID", 422


class FullBackupNeeded(Refused):
    """No incremental backup can be made now: make a full one."""

    code, status = "FULL_BACKUP_NEEDED", 409


class DependentBackups(Refused):
    """Other backups build on this one."""

    code, status = "DEPENDENT_BACKUPS", 409


class ProgramFailed(Unavailable):
    """PostgreSQL's program did not do its work; nothing was left behind. The server's log says why."""


class OwnerNeeded(Unavailable):
    """This process does not know the owner of the database, who alone may restore: DATABASE_OWNER_URL is not set."""


class TrailDiffers(Refused):
    """The audit trail does not hold what it held when the backup was made: somebody has changed it."""

    code, status = "BACKUP_INVALID", 422


class OffsiteFailed(Unavailable):
    """The bucket with the copies can't be used at the moment, or did not keep what it was given."""


class OffsiteMissing(OffsiteFailed):
    """What should be in the bucket is not there."""


class OffsiteDamaged(OffsiteFailed):
    """What lies in the bucket is not what was sent there."""
