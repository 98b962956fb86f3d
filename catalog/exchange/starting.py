"""Exports as jobs: who may not, or asks for what is not there, is told at once, and not when a worker comes to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.answers import Once
from catalog.exchange.layout import Layout
from catalog.exchange.selection import Selection
from catalog.services.ordering import OrderTerms
from catalog.table import Table
from jobs import services as jobs
from jobs.models import Job


def start_export(
    *,
    actor: Actor,
    table: Table,
    layout: Layout,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    order_by: OrderTerms | None = None,
    limit: int | None = None,
    include_deleted: bool = False,
    once: Once | None = None,
) -> Job:
    """This function will have records exported into a file; begun once, where it is asked for `once`.

    :raises Forbidden: the actor may not export, or not read, the table
    :raises InvalidInput: an unknown column, operator, format or delimiter, a bad value
    """
    policy.require(actor, Operation.EXPORT, table)
    policy.require(actor, Operation.READ, table)
    layout.require_known()
    selection = Selection(
        actor, table, columns, where, limit, order_by=order_by, include_deleted=include_deleted
    )
    arguments = {
        "table": table.name,
        "format": layout.kind,
        "columns": [str(field.column) for field in selection.fields],
        "where": where,
        "order_by": order_by,
        "limit": limit,
        "include_deleted": include_deleted,
        "delimiter": layout.delimiter,
        "include_headers": layout.include_headers,
        "pretty": layout.pretty,
        "escape_formulas": layout.escape_formulas,
    }
    return jobs.enqueue(actor=actor, kind=f"export_{layout.kind}", arguments=arguments, once=once)
