"""Tools that make, list, check, restore and delete backups."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from accesscontrol.actor import Actor
from accesscontrol.policy import Operation, Right
from backups import deletion, restoring, services, validation
from backups.deletion import Deleted
from backups.restoring import Restored
from backups.services import Listing, Made, MadeIncremental
from backups.validation import Validation
from jobs.progress import Progress
from mcp_bridge.arguments import Arguments, Limit, TableArguments, word
from mcp_bridge.tool import ADDS, CHANGES, READS, tool

BackupFile = Annotated[str, Field(description="Name of the backup, as db_list_backups gives it.")]
OnConflict = Annotated[
    Literal["error", "skip", "overwrite"],
    BeforeValidator(word),
    Field(
        description="What becomes of a record that is there with other values: stop, keep it, or overwrite it."
    ),
]
DryRun = Annotated[bool, Field(description="true: answer what it would do, and do nothing. Needs no plan.")]
PlanToken = Annotated[
    str | None,
    Field(
        max_length=200,
        description="Leave it out at first. CONFIRMATION_REQUIRED then gives a plan and a token: look at the plan, and"
        " where it is what is wanted, make the same call again with the token. It is good once, for ten minutes.",
    ),
]


class BackupFull(Arguments):
    compress: bool = Field(True, description="gzip the file.")
    include_schema: bool = Field(
        True, description="false: the rows alone, for a database that has the tables."
    )


@tool(title="Back up everything", operation="BACKUP_FULL", effect=ADDS, right=Operation.BACKUP, on_all=True)
def db_backup_full(actor: Actor, arguments: BackupFull, progress: Progress) -> Made:
    """Back up all tables as of one moment, into a file on the server; nobody is kept from reading or writing.

    It may take minutes, and tells how far it is. Check it with db_validate_backup. CONFLICT: another backup is being
    made; try again later. Example: {"compress": true}
    """
    return services.create_full(actor=actor, progress=progress, **dict(arguments))


class BackupIncremental(Arguments):
    base_backup: str | None = Field(
        None,
        max_length=120,
        description="The backup that the changes are told since, full or incremental. Default: the last one.",
    )
    compress: bool = Field(True, description="gzip the file.")


@tool(
    title="Back up what changed",
    operation="BACKUP_INCREMENTAL",
    effect=ADDS,
    right=Operation.BACKUP,
    on_all=True,
)
def db_backup_incremental(actor: Actor, arguments: BackupIncremental, progress: Progress) -> MadeIncremental:
    """Back up what was inserted, changed and deleted in all tables since another backup: small, and made in seconds.

    `chain` names what must be kept to restore it: the full backup, and each that builds on it. db_restore_full with
    this file brings back the state of its moment. Example: {}
    FULL_BACKUP_NEEDED: what changed can't be told for certain (`details.reason`): make a full one with db_backup_full.
    """
    return services.create_incremental(actor=actor, progress=progress, **dict(arguments))


class BackupTable(TableArguments):
    data_only: bool = Field(False, description="The rows, not the structure.")
    schema_only: bool = Field(False, description="The structure, not the rows.")
    compress: bool = Field(True, description="gzip the file.")


@tool(title="Back up a table", operation="BACKUP_TABLE", effect=ADDS, right=Operation.BACKUP)
def db_backup_table(actor: Actor, arguments: BackupTable, progress: Progress) -> Made:
    """Back up one table, with its indexes, constraints and sequence, into a file on the server.

    Do it before you change much of a table: db_restore_table brings the records back. Example: {"table": "chapters"}
    """
    given = dict(arguments) | {"table": arguments.table.name}
    return services.create_table(actor=actor, progress=progress, **given)


class RestoreFull(Arguments):
    backup_file: BackupFile
    drop_existing: bool = Field(
        False,
        description="true: every table becomes what the backup holds, and what was done since is gone."
        " false: the backup's records are merged into those that are there.",
    )
    on_conflict: OnConflict = "error"
    dry_run: DryRun = False
    plan_token: PlanToken = None


@tool(
    title="Restore everything",
    operation="RESTORE_FULL",
    effect=CHANGES,
    right=Operation.RESTORE,
    on_all=True,
)
def db_restore_full(actor: Actor, arguments: RestoreFull, progress: Progress) -> Restored:
    """Bring all tables back from a full or incremental backup: made what it holds (drop_existing), or merged.

    All of it happens, or nothing. The file is checked first, and a backup of the present state is made before
    (`safety_backup`), so that this too can be taken back. Accounts, roles and the audit trail stay those of now.
    Two calls: the first is refused with CONFIRMATION_REQUIRED, and `details.plan` says what would change. Show it to a
    person if you can. Then make the same call with `details.plan_token` as plan_token. If what the plan counted has
    changed meanwhile, you get a new one.
    Example: {"backup_file": "backup_20261122T020000Z.sql.gz", "drop_existing": true, "dry_run": true}
    BACKUP_INVALID: the file is not what it should be, and nothing was restored: take another.
    """
    return restoring.restore_full(actor=actor, progress=progress, **dict(arguments))


class RestoreTable(TableArguments):
    backup_file: BackupFile
    on_conflict: OnConflict = "error"
    dry_run: DryRun = False
    plan_token: PlanToken = None


@tool(
    title="Restore a table",
    operation="RESTORE_TABLE",
    effect=CHANGES,
    right=Operation.RESTORE,
    suits=lambda table: not table.read_only,
)
def db_restore_table(actor: Actor, arguments: RestoreTable, progress: Progress) -> Restored:
    """Bring the records of one table back from a backup of all, or one of that table; none that is there is deleted.

    Two calls, as for db_restore_full: the first gives a plan and a plan_token, the second, with it, restores.
    `change_id` is for db_undo_change. Example: {"table": "chapters", "backup_file":
    "table_chapters_20261122T020000Z.sql.gz", "on_conflict": "skip"}
    FOREIGN_KEY_VIOLATION: a record refers to one that is gone; restore that table first.
    """
    given = dict(arguments) | {"table": arguments.table.name}
    return restoring.restore_table(actor=actor, progress=progress, **given)


class ListBackups(Arguments):
    type: Annotated[Literal["full", "incremental", "table", "foreign"], BeforeValidator(word)] | None = Field(
        None,
        description="incremental: what changed since another."
        " foreign: files that others brought, without a manifest of ours.",
    )
    sort_by: Annotated[Literal["date", "size"], BeforeValidator(word)] = Field(
        "date", description="Newest or largest first."
    )
    limit: Limit = 100


@tool(title="List backups", operation="LIST_BACKUPS", effect=READS, right=Right.MANAGE_BACKUPS)
def db_list_backups(actor: Actor, arguments: ListBackups) -> Listing:
    """List the backups there are: of what, from when, how large, and whether each was proven by restoring it.

    `total` and `total_bytes` count those beyond the limit too. `is_proven`: db_validate_backup with `deep` found it
    whole. `offsite`: a copy lies in the bucket, and was read back. Example: {"type": "full", "limit": 5}
    """
    return services.list_backups(actor=actor, **dict(arguments))


class DeleteBackup(Arguments):
    backup_file: BackupFile
    chain: bool = Field(
        False, description="true: what builds on it goes too. Without it, it could not be restored any more."
    )
    plan_token: PlanToken = None


@tool(title="Delete a backup", operation="DELETE_BACKUP", effect=CHANGES, right=Right.MANAGE_BACKUPS)
def db_delete_backup(actor: Actor, arguments: DeleteBackup) -> Deleted:
    """Delete a backup with all its files, for good. Old ones go by themselves: there is seldom a need.

    Two calls: the first is refused with CONFIRMATION_REQUIRED, and `details.plan` says what would be lost; the
    second, the same with `details.plan_token` as plan_token, deletes. DEPENDENT_BACKUPS: others build on it.
    Example: {"backup_file": "backup_20261122T020000Z.sql.gz"}
    """
    return deletion.delete_backup(actor=actor, **dict(arguments))


class ValidateBackup(Arguments):
    backup_file: BackupFile
    deep: bool = Field(
        False,
        description="true: restore it into a database of its own, and compare every count and checksum. Takes as long"
        " as a restore, and proves that it can be.",
    )


@tool(title="Validate a backup", operation="VALIDATE_BACKUP", effect=READS, right=Right.MANAGE_BACKUPS)
def db_validate_backup(actor: Actor, arguments: ValidateBackup, progress: Progress) -> Validation:
    """Check a backup: its signature, checksum, compression, format and structure; with `deep`, by restoring it aside.

    A backup that is not whole is an answer too: `valid` is false, and `checks` say what is wrong. The live tables are
    not touched. Example: {"backup_file": "backup_20261122T020000Z.sql.gz", "deep": true}
    """
    return validation.validate_backup(actor=actor, progress=progress, **dict(arguments))


TOOLS = (
    db_list_backups,
    db_backup_full,
    db_backup_incremental,
    db_backup_table,
    db_validate_backup,
    db_restore_full,
    db_restore_table,
    db_delete_backup,
)
