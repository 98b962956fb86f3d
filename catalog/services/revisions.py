"""What a record was when somebody read it, as one short text, to tell later whether it still is so.

Made of what the reader may see: of columns that are hidden from them it tells nothing, not even that they changed.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

from accesscontrol.actor import Actor
from accesscontrol.errors import PreconditionFailed
from catalog.services import columns
from catalog.services.rows import Rows
from catalog.table import Table


def revision_of(text: str) -> str:
    """This function will return the revision of a record, from its JSON text with all columns that one may see."""
    return blake2b(text.encode(), digest_size=12).hexdigest()


def require_one_of(actor: Actor, table: Table, before: Rows, revisions: Collection[str] | None) -> None:
    """This function will do nothing where each record is of one of the revisions, or none are given.

    :raises PreconditionFailed: one was changed since
    """
    if revisions is None:
        return
    for text in columns.project(actor, table, before).texts:
        if revision_of(text) not in revisions:
            raise PreconditionFailed(
                "Somebody changed this record since it was read.",
                hint="Read it again, and send what you want with its new ETag.",
                table=table.name,
            )
