"""Who may do what with backups."""

from __future__ import annotations

from accesscontrol import policy
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Forbidden, ReadOnlyTable
from accesscontrol.policy import Operation, Right
from catalog import registry
from catalog.table import Table


def is_at_the_machine(actor: Actor) -> bool:
    """This function will say whether somebody runs a command as the account that the server runs as.

    They hold its keys and passwords, and may have to work while no account of ours is there yet, or any more.
    """
    return actor.user is None and actor.channel is Channel.COMMAND


def require_all(actor: Actor, operation: Operation) -> None:
    """This function will do nothing where the actor may back up, or restore, every table with all its columns.

    :raises Forbidden: a right is missing, or a column is hidden from them
    """
    if is_at_the_machine(actor):
        return
    for table in registry.all_tables():
        policy.require(actor, operation, table)
    _require_whole(actor, *registry.all_tables())


def require_table(actor: Actor, operation: Operation, table: Table) -> None:
    """This function will do nothing where the actor may back up, or restore, one table with all its columns.

    :raises Forbidden: the right is missing, or a column is hidden from them
    :raises ReadOnlyTable: nobody writes it, but a restore of the whole
    """
    if not is_at_the_machine(actor):
        policy.require(actor, operation, table)
        _require_whole(actor, table)
    if operation is Operation.RESTORE and table.read_only:
        raise ReadOnlyTable(f"{table.name} comes back with a restore of the whole alone.", table=table.name)


def require_management(actor: Actor) -> None:
    """This function will do nothing where the actor may list, validate and delete backups.

    :raises Forbidden: the right is missing
    """
    if not is_at_the_machine(actor):
        policy.require_right(actor, Right.MANAGE_BACKUPS)


def require_files(actor: Actor) -> None:
    """This function will do nothing where the actor may have the files themselves, with all their columns.

    :raises Forbidden: the right is missing, or a column is hidden from them
    """
    policy.require_right(actor, Right.MANAGE_BACKUPS)
    _require_whole(actor, *registry.all_tables())


def _require_whole(actor: Actor, *tables: Table) -> None:
    """Refuse where a backup would show what is kept from the actor, who need not know of what."""
    if any(policy.hidden_columns(actor, table.name) for table in tables):
        raise Forbidden(
            "You may not see every column, and a backup holds them all.",
            hint="Ask somebody who may.",
        )
