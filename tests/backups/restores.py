"""What the tests of restores share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import ConfirmationRequired
from backups import restoring, services
from catalog import registry

State = dict[str, Any]


def state(owner: psycopg.Connection) -> State:
    """What every table but the trail holds."""
    tables = [table.name for table in registry.all_tables() if not table.append_only]
    return {
        name: owner.execute(
            f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM public.{name} t"  # noqa: S608 - our own table
        ).fetchone()
        for name in tables
    }


def backup(**arguments: Any) -> str:
    """Make a full backup."""
    return services.create_full(actor=on_this_machine(), **arguments).backup_file


def replace(file: str, **arguments: Any) -> restoring.Restored:
    """Make the catalog what the backup holds."""
    return merge(file, drop_existing=True, **arguments)


def merge(file: str, **arguments: Any) -> restoring.Restored:
    """Merge the backup into what is there."""
    return agreed(restoring.restore_full, backup_file=file, **arguments)


def merge_table(file: str, table: str, **arguments: Any) -> restoring.Restored:
    """Merge one table of the backup into what is there."""
    return agreed(restoring.restore_table, backup_file=file, table=table, **arguments)


def agreed(restore: Callable[..., restoring.Restored], **arguments: Any) -> restoring.Restored:
    """Restore as somebody does who reads the plan and agrees, with a safety backup only where it is asked for."""
    actor, arguments = on_this_machine(), {"safety_backup": False} | arguments
    try:
        return restore(actor=actor, **arguments)
    except ConfirmationRequired as shown:
        return restore(actor=actor, **arguments, plan_token=shown.details["plan_token"])
