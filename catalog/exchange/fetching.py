"""Fetching the file of an export: for who made it, as long as they may see what is in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden, NotFound
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog.exchange import store
from catalog.services import columns as visible_columns
from catalog.table import Table
from jobs import services as jobs
from jobs.models import State


@dataclass(frozen=True)
class Download:
    """An open file, to be sent."""

    file: BinaryIO
    name: str
    size_bytes: int


def open_file(name: str) -> Download:
    """This function will open the file of an export that its caller has just made.

    :raises NotFound: it is gone
    """
    try:
        file = store.files().open(name)
    except NotFound:
        raise NotFound("The file is not there any more.", hint="Export it again.") from None
    return Download(file, name, os.fstat(file.fileno()).st_size)


@audited("QUERY")
def open_made(entry: Entry, *, actor: Actor, table: Table, job_id: int) -> Download:
    """This function will open the file that a job of the actor made.

    :raises Forbidden: the actor may not export, or not read, the table any more, or not all columns of the file
    :raises NotFound: there is no such file, or it is somebody else's
    """
    policy.require(actor, Operation.EXPORT, table)
    policy.require(actor, Operation.READ, table)
    job = jobs.get(actor=actor, job_id=job_id)
    result = job.result or {}
    is_theirs = actor.user is not None and job.user_id == actor.user.pk
    if (
        not is_theirs
        or job.state != State.DONE
        or "export_file" not in result
        or result["table"] != table.name
    ):
        raise NotFound("There is no such export.")
    _require_seen(actor, table, result["columns"])
    entry.record_count = result["record_count"]
    entry.client_info["export_file"] = result["export_file"]
    return open_file(result["export_file"])


def _require_seen(actor: Actor, table: Table, names: Sequence[str]) -> None:
    if not set(names) <= visible_columns.shown(actor, table).columns.keys():
        raise Forbidden(
            "The file has columns that are hidden from your role by now.",
            hint="Export the table again.",
            table=table.name,
        )
