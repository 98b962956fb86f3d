"""What an import would do, and everything that is wrong with it: looked for, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from django.db import connection
from psycopg import sql
from pydantic import Field

from accesscontrol import policy
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit import plans
from audit.plans import Proposal
from audit.work import Work
from catalog.exchange import checking, merging
from catalog.exchange.frame import long_transaction
from catalog.exchange.importing import CHECK
from catalog.exchange.order import Order
from catalog.exchange.reading import Content, Source
from catalog.exchange.relation import Relation
from catalog.exchange.unique_checks import existing_rows
from catalog.table import Table
from jobs.progress import SILENT, Progress

MAX_FAULTS: Final = 10_000  # that are listed
SAMPLE: Final = 10  # rows of each kind that are shown
MAX_SHOWN_CHARS: Final = 200  # of a value


@dataclass(frozen=True)
class ImportPreview:
    """What an import would do, and what is wrong with it; numbers are null where more is wrong than is listed."""

    rows: int
    new: int | None
    changed: int | None
    skipped: int | None
    faulty: int
    fault_count: int
    columns: list[str]
    faults: list[dict[str, Any]]
    new_rows: Annotated[list[list[Any]], Field(description="The first few: [row, {column: text}].")]
    changed_rows: Annotated[
        list[list[Any]], Field(description="The first few: [row, key, {column: [old, new]}].")
    ]
    plan_token: Annotated[str | None, Field(description="Agrees to the import, where nothing is wrong.")]
    expires_at: str | None


def preview(*, order: Order, source: Source, progress: Progress = SILENT) -> ImportPreview:
    """This function will say what an import on these terms would do, with all that is wrong with the file.

    It is audited as a dry run of the import. Where nothing is wrong, its token agrees to the import.

    :raises Forbidden: the actor may not do that import
    :raises InvalidInput: the file can't be read at all
    :raises LimitExceeded: the file is larger than IMPORT_MAX_MB
    :raises Cancelled: `progress` says that nobody wants it any more
    """
    order.require_allowed()
    work = Work(order.operation, order.actor, order.table.name)
    work.entry.dry_run = True
    content = Content(source, progress)
    progress.begin(f"Read {order.table.name}", content.expected)
    with long_transaction(progress):
        staged = order.stage(content)
        if not staged.rows:
            raise InvalidInput(f"The file has no rows for {order.table.name}.")
        relation = order.relation(staged)
        progress.begin(CHECK)
        found = _look(order, relation)
        proposal = None
        if not found.fault_count:
            proposal = _propose(order, content, found)
        work.entry.record_count = (found.new or 0) + (found.changed or 0)
        work.finish()
    if proposal is None:
        return found
    return replace(found, plan_token=proposal.token, expires_at=proposal.expires_at.isoformat())


def _look(order: Order, relation: Relation) -> ImportPreview:
    faults = checking.find(relation, order.seen, skips=order.skips, most=MAX_FAULTS)
    faulty = sorted({fault["row"] for fault in faults.listed})
    staged = relation.staged
    found = _sort(order, relation, faulty)
    is_counted = len(faulty) == faults.rows  # else some of what was counted as new is at fault
    may_read = policy.decide(order.actor, Operation.READ, order.table).allowed
    return ImportPreview(
        rows=staged.rows,
        new=found.new if is_counted else None,
        changed=found.changed if is_counted else None,
        skipped=staged.rows - found.new - found.changed - faults.rows if is_counted else None,
        faulty=faults.rows,
        fault_count=faults.total,
        columns=list(staged.columns),
        faults=faults.listed,
        new_rows=_new_rows(order, relation, found.first_new) if order.inserts else [],
        changed_rows=_changed_rows(order, relation, found.first_changed) if may_read else [],
        plan_token=None,
        expires_at=None,
    )


def _propose(order: Order, content: Content, found: ImportPreview) -> Proposal:
    counts = {"imported": found.new, "updated": found.changed, "skipped": found.skipped}
    return plans.propose(order.actor, order.operation, order.arguments(content), counts)


@dataclass(frozen=True)
class _Sorted:
    """How many rows are new, how many change something, and the numbers of the first of each."""

    new: int
    changed: int
    first_new: list[int]
    first_changed: list[int]


def _sort(order: Order, relation: Relation, faulty: list[int]) -> _Sorted:
    """Look at every row that is not at fault, once."""
    first = sql.SQL("coalesce((array_agg(r._row ORDER BY r._row) FILTER (WHERE {}))[:{}], '{{}}')")
    is_new, is_changed = sql.SQL("r.is_new"), sql.SQL("r.is_changed")
    statement = sql.SQL(
        "SELECT count(*) FILTER (WHERE r.is_new), count(*) FILTER (WHERE r.is_changed), {}, {}"
        " FROM (SELECT t._row, {} AS is_new, {} AS is_changed FROM {} WHERE t._row <> ALL ({}::bigint[]) OFFSET 0) r"
    ).format(
        first.format(is_new, sql.Literal(SAMPLE)),
        first.format(is_changed, sql.Literal(SAMPLE)),
        _is_new(order, relation),
        _is_changed(relation),
        _beside(relation),
        sql.Literal(faulty),
    )
    (found,) = _fetch(statement)
    return _Sorted(*found)


def _new_rows(order: Order, relation: Relation, rows: list[int]) -> list[list[Any]]:
    """What new rows say."""
    names = [name for name in relation.staged.columns if name in order.seen.columns]
    shown = sql.SQL(", ").join(
        sql.SQL("{}::text, {}").format(sql.Literal(name), _shown("t", name)) for name in names
    )
    statement = sql.SQL("SELECT t._row, jsonb_build_object({})::text FROM {} WHERE {}").format(
        shown, _beside(relation), _is_among(rows)
    )
    return [[row, json.loads(values)] for row, values in _fetch(statement)]


def _changed_rows(order: Order, relation: Relation, rows: list[int]) -> list[list[Any]]:
    """What rows change, as it is and as it will be."""
    if not rows:
        return []
    pairs = (
        sql.SQL(
            "{}::text, CASE WHEN t.{} IS DISTINCT FROM o.{} THEN jsonb_build_array({}, {}) END"
        ).format(
            sql.Literal(name), sql.Identifier(name), sql.Identifier(name), _shown("o", name), _shown("t", name)
        )
        for name in merging.changed_columns(relation) if name in order.seen.columns
    )  # fmt: skip
    keys = (sql.SQL("o.{}::text").format(sql.Identifier(name)) for name in order.table.key)
    statement = sql.SQL(
        "SELECT t._row, concat_ws(':', {}), jsonb_strip_nulls(jsonb_build_object({}))::text FROM {} WHERE {}"
    ).format(sql.SQL(", ").join(keys), sql.SQL(", ").join(pairs), _beside(relation), _is_among(rows))
    return [[row, key, json.loads(pairs)] for row, key, pairs in _fetch(statement)]


def _beside(relation: Relation) -> sql.Composed:
    """The rows `t`, each beside the record `o` that it means, if any."""
    if relation.match is None:
        return sql.SQL("{} t").format(relation.rows())
    return sql.SQL("{} t LEFT JOIN public.{} o ON {}").format(
        relation.rows(), sql.Identifier(relation.table.name), merging.matched(relation.table)
    )


def _is_new(order: Order, relation: Relation) -> sql.Composable:
    condition = sql.SQL("NOT ({})").format(relation.is_known)
    if order.skips:
        condition += sql.SQL(" AND t._row NOT IN ({})").format(existing_rows(relation))
    return condition


def _is_changed(relation: Relation) -> sql.Composable:
    if relation.match is None or not merging.changed_columns(relation):
        return sql.SQL("false")
    return sql.SQL("{} AND {}").format(relation.is_known, merging.differs(relation))


def _is_among(rows: list[int]) -> sql.Composable:
    return sql.SQL("t._row = ANY ({}::bigint[]) ORDER BY t._row").format(sql.Literal(rows))


def _shown(alias: str, name: str) -> sql.Composable:
    return sql.SQL("left({}.{}::text, {})").format(
        sql.Identifier(alias), sql.Identifier(name), sql.Literal(MAX_SHOWN_CHARS)
    )


def _fetch(statement: sql.Composable) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def visible(found: dict[str, Any], seen: Table) -> dict[str, Any]:
    """This function will return a preview as somebody may see it now, which may be less than it was then."""
    return {
        **found,
        "columns": _known(found["columns"], seen),
        "new_rows": [[row, _only(values, seen)] for row, values in found["new_rows"]],
        "changed_rows": [[row, key, _only(pairs, seen)] for row, key, pairs in found["changed_rows"]],
        "faults": [fault for fault in found["faults"] if fault["column"] in {None, *seen.columns}],
    }


def _known(names: Iterable[str], seen: Table) -> list[str]:
    return [name for name in names if name in seen.columns]


def _only(values: dict[str, Any], seen: Table) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in seen.columns}
