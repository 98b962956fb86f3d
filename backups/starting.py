"""Backups, checks and restores as jobs: who may not is told at once, and not when a worker comes to it.

What is asked for `once` is begun once.
"""

from __future__ import annotations

from typing import Any

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit.answers import Once
from backups import access, names
from catalog import registry
from jobs import services
from jobs.models import Job

CONTENTS = ("both", "data", "schema")
KINDS = (
    "backup_full",
    "backup_incremental",
    "backup_table",
    "validate_backup",
    "prove_newest",
    "restore_full",
    "restore_table",
    "expire_backups",
    "copy_backups",
    "expire_copies",
)
"""The kinds of jobs that are about backups, and may be worth a look."""


def back_up_all(
    *, actor: Actor, include_schema: bool = True, compress: bool = True, once: Once | None = None
) -> Job:
    """This function will have a full backup made; without `include_schema`, of the rows alone.

    :raises Forbidden: the actor may not back up every table with every column
    """
    access.require_all(actor, Operation.BACKUP)
    arguments = {**({} if include_schema else {"include_schema": False}), **_packed(compress)}
    return services.enqueue(actor=actor, kind="backup_full", arguments=arguments, once=once)


def back_up_changes(
    *, actor: Actor, base_backup: str | None = None, compress: bool = True, once: Once | None = None
) -> Job:
    """This function will have the changes since another backup backed up, by default the last one.

    :raises Forbidden: the actor may not back up every table with every column
    :raises NotFound: no backup has such a name
    """
    access.require_all(actor, Operation.BACKUP)
    base = {} if base_backup is None else {"base_backup": names.parse(base_backup).file}
    arguments = {**base, **_packed(compress)}
    return services.enqueue(actor=actor, kind="backup_incremental", arguments=arguments, once=once)


def back_up_table(
    *, actor: Actor, table: str, content: str = "both", compress: bool = True, once: Once | None = None
) -> Job:
    """This function will have one table backed up: its data, its schema or both.

    :raises InvalidInput: there is no such table or content
    :raises Forbidden: the actor may not back it up, with every column
    """
    found = registry.get(table)
    access.require_table(actor, Operation.BACKUP, found)
    if content not in CONTENTS:
        raise InvalidInput(f"content must be one of {', '.join(CONTENTS)}.", argument="content")
    only = {} if content == "both" else {f"{content}_only": True}
    arguments = {"table": found.name, **only, **_packed(compress)}
    return services.enqueue(actor=actor, kind="backup_table", arguments=arguments, once=once)


def _packed(compress: bool) -> dict[str, bool]:
    """What a job is told that does not pack its file."""
    return {} if compress else {"compress": False}


def validate(*, actor: Actor, backup_file: str, deep: bool, once: Once | None = None) -> Job:
    """This function will have a backup looked at; `deep`, by restoring it aside.

    :raises Forbidden: the actor may not manage backups
    :raises NotFound: no backup has such a name
    """
    access.require_management(actor)
    arguments = {"backup_file": names.parse(backup_file).file, "deep": deep}
    return services.enqueue(actor=actor, kind="validate_backup", arguments=arguments, once=once)


def restore_all(*, actor: Actor, backup_file: str, once: Once | None = None, **agreed: Any) -> Job:
    """This function will have the whole restored, as the actor agreed: by the plan's arguments, and its token.

    :raises Forbidden: the actor may not restore every table with every column
    :raises NotFound: no backup has such a name
    """
    access.require_all(actor, Operation.RESTORE)
    arguments = {"backup_file": names.parse(backup_file).file, **agreed}
    return services.enqueue(actor=actor, kind="restore_full", arguments=arguments, once=once)


def restore_table(
    *, actor: Actor, backup_file: str, table: str, once: Once | None = None, **agreed: Any
) -> Job:
    """This function will have one table restored, as the actor agreed.

    :raises InvalidInput: there is no such table
    :raises ReadOnlyTable: nobody writes it, but a restore of the whole
    :raises Forbidden: the actor may not restore it, with every column
    :raises NotFound: no backup has such a name
    """
    found = registry.get(table)
    access.require_table(actor, Operation.RESTORE, found)
    arguments = {"backup_file": names.parse(backup_file).file, "table": found.name, **agreed}
    return services.enqueue(actor=actor, kind="restore_table", arguments=arguments, once=once)
