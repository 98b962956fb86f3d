"""Reading the audit trail: search and summary, each caller as far as their rights go."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from accesscontrol.policy import Operation, Right
from audit import changes, cursors, moments, repeats, trail
from audit.models import OPERATIONS, AuditLog
from audit.operation import audited
from audit.rows import Output, Rows, fetch
from audit.trail import Entry

MAX_LIMIT = 1_000
MAX_OFFSET = 2**63 - 1
LOG_COLUMNS = tuple(str(field.column) for field in AuditLog._meta.concrete_fields)
_SHOWN = tuple(Output.of(field) for field in AuditLog._meta.concrete_fields)


# Read once, in small groups, which are then summed up; one index has all that is read. The percentile lies between the
# two least of `slow`, the times from its place on: the newest entries suggest a time that few are above, which
# spares sorting the rest. Where it turns out too high, all are read once more and sorted.
_SUMMARY = """
WITH guess AS MATERIALIZED (
    SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY execution_time) AS least
      FROM (SELECT execution_time FROM ({rows}) r ORDER BY timestamp DESC LIMIT 1000) newest
), groups AS MATERIALIZED (
    SELECT operation, table_name, user_id, count(*) AS number, count(*) FILTER (WHERE success) AS done,
           count(execution_time) AS timed, sum(execution_time) AS took,
           array_agg(execution_time) FILTER (WHERE execution_time >= (SELECT least FROM guess)) AS slow
      FROM ({rows}) r GROUP BY operation, table_name, user_id
), counts AS (
    SELECT sum(timed) AS timed, sum(cardinality(slow)) AS slow, 0.95 * (sum(timed) - 1) AS place FROM groups
), places AS MATERIALIZED (
    SELECT place - floor(place) AS part, timed - floor(place) AS above, slow >= timed - floor(place) AS suffices
      FROM counts
), slow AS MATERIALIZED (
    SELECT took FROM (SELECT unnest(slow) AS took FROM groups WHERE (SELECT suffices FROM places)
                       UNION ALL
                      SELECT execution_time FROM ({rows}) r
                       WHERE (SELECT suffices FROM places) IS NOT TRUE AND execution_time IS NOT NULL) times
     ORDER BY took DESC LIMIT (SELECT above FROM places)
), every AS (
    SELECT (SELECT max(took) FROM slow) AS slowest,
           (SELECT percentile_cont((SELECT coalesce(part / nullif(above - 1, 0), 0) FROM places))
                   WITHIN GROUP (ORDER BY took) FROM slow) AS percentile_95,
           (SELECT min(timestamp) FROM ({rows}) r) AS first, (SELECT max(timestamp) FROM ({rows}) r) AS last
), sums AS (
    SELECT grouping(operation, table_name, user_id) AS what, coalesce(operation, table_name, user_id) AS value,
           coalesce(sum(number), 0)::bigint AS number, coalesce(sum(done), 0)::bigint AS done,
           sum(took) / nullif(sum(timed), 0)::float8 AS average
      FROM groups GROUP BY GROUPING SETS ((), (operation), (table_name), (user_id))
)
SELECT * FROM sums LEFT JOIN every ON what = 7 ORDER BY number DESC, value
"""
_ALL, _BY_OPERATION, _BY_TABLE, _BY_USER = 7, 3, 5, 6  # a bit for each column that is not grouped by
_SUMMED = ("operation", "table_name", "user_id", "success", "execution_time", "timestamp")


def visible_to(actor: Actor) -> Q:
    """This function will return the condition for the rows of the trail that an actor may see.

    All of them with the right view_audit; else one's own, and those about tables that one may read. A key's or
    token's own are what was done with it: its user's others may tell of what is beyond its scope. Who
    sees all finds repeated refusals told up to the minute: they are written first.
    """
    if policy.holds(actor, Right.VIEW_AUDIT).allowed:
        repeats.flush()
        return Q()
    return own(actor) | Q(table_name__in=policy.granted_tables(actor, Operation.READ))


def own(actor: Actor) -> Q:
    """This function will return the condition for the rows of the trail that tell what the actor did."""
    theirs = Q(user_id=actor.username)
    if actor.scope is None:
        return theirs
    return theirs & Q(client_info__contains=actor.credential) if actor.credential else Q(pk__in=())


@audited("AUDIT_QUERY")
def search(
    entry: Entry,
    *,
    actor: Actor,
    start_date: object = None,
    end_date: object = None,
    table: str | None = None,
    operation: str | None = None,
    user_id: str | None = None,
    success: bool | None = None,
    limit: int = 100,
    offset: int = 0,
    cursor: str | None = None,
) -> dict[str, Any]:
    """This function will return audit rows, newest first: {count, limit, offset, next_cursor, logs}.

    `start_date` is included, `end_date` is not; both are times or dates (midnight), UTC. `cursor`, from
    a page's `next_cursor`, goes on where that page ended, whatever was added to the trail since.

    Every call adds a row of its own: who pages by `offset` gives an `end_date`.

    :raises AuthenticationRequired: nobody is logged in
    :raises InvalidInput: a date that is none, a name that can be none, an unknown operation, a limit
        outside 1 to 1000, or a cursor that is not this query's
    """
    policy.require_account(actor)
    _check_page(limit, offset, cursor)
    _check_names(operation, user_id)
    rows = _select(actor, start_date, end_date, table).order_by("-timestamp", "-id")
    for column, value in (("operation", operation), ("user_id", user_id), ("success", success)):
        if value is not None:
            rows = rows.filter(**{column: value})
    asked = ("audit_logs", start_date, end_date, table, operation, user_id, success)
    if cursor is not None:
        rows = rows.filter(_older_than(*cursors.unseal(actor, asked, cursor)))
    found = fetch(rows[offset : offset + limit + 1], _SHOWN)
    logs, next_cursor = found, None
    if len(found) > limit:
        logs = Rows(found.texts[:limit])
        last = json.loads(logs.texts[-1])
        next_cursor = cursors.seal(actor, asked, [last["timestamp"], last["id"]])
    entry.record_count = len(logs)
    return {
        "count": len(logs),
        "limit": limit,
        "offset": offset,
        "next_cursor": next_cursor,
        "logs": _all_masked(actor, logs),
    }


@audited("AUDIT_SUMMARY")
def summary(
    entry: Entry,
    *,
    actor: Actor,
    start_date: object = None,
    end_date: object = None,
    table: str | None = None,
) -> dict[str, Any]:
    """This function will return {summary, by_operation, by_table, by_user} over the rows an actor may see.

    Times are milliseconds; `success_rate` is a share from 0 to 1, null where there are no rows.

    :raises AuthenticationRequired: nobody is logged in
    :raises InvalidInput: a date that is none, or a table's name that can be none
    """
    policy.require_account(actor)
    rows = _select(actor, start_date, end_date, table)
    groups = _groups(rows)
    (every,) = groups[_ALL]
    tables = [group for group in groups[_BY_TABLE] if group["value"] is not None]
    users = [group for group in groups[_BY_USER] if group["value"] is not None]
    total, successful = every["number"], every["done"]
    entry.record_count = total
    return {
        "summary": {
            "total_operations": total,
            "successful_operations": successful,
            "tables_accessed": len(tables),
            "unique_users": len(users),
            "avg_execution_time_ms": every["average"],
            "p95_execution_time_ms": every["percentile_95"],
            "max_execution_time_ms": every["slowest"],
            "failed_operations": total - successful,
            "success_rate": round(successful / total, 4) if total else None,
            "time_range": {"start": every["first"], "end": every["last"]},
        },
        "by_operation": _by("operation", groups[_BY_OPERATION]),
        "by_table": _by("table", tables),
        "by_user": _by("user_id", users),
    }


def masked(actor: Actor, log: dict[str, Any]) -> dict[str, Any]:
    """This function will return an audit row without what it tells of columns that the actor may not know of."""
    if not policy.has_hidden_columns(actor):
        return log
    table = log["table_name"]
    hidden = {name: policy.hidden_columns(actor, name) for name in policy.tables_with_rules(actor)}
    # A refusal without a table may be about any; an undo may have changed several, and names each.
    names = hidden.get(table, frozenset()) if table else frozenset[str]().union(*hidden.values())
    message = log["error_message"] or ""
    told = any(name in message for name in names)
    return {
        **log,
        "changes": changes.without(log["changes"], hidden, table=table or ""),
        "error_message": f"({log['error_code']})" if told else log["error_message"],
    }


def _all_masked(actor: Actor, logs: Rows) -> Rows:
    if not policy.has_hidden_columns(actor):
        return logs
    return Rows(json.dumps(masked(actor, log), ensure_ascii=False) for log in logs)


def _older_than(timestamp: str, key: int) -> Q:
    """The rows after one, newest first; the first condition is what an index looks for."""
    moment = moments.parse(timestamp)
    return Q(timestamp__lte=moment) & (Q(timestamp__lt=moment) | Q(id__lt=key))


def _select(actor: Actor, start: object, end: object, table: str | None) -> QuerySet[AuditLog]:
    if table is not None and not trail.is_table_name(table):
        raise InvalidInput(
            "A table's name has small letters, digits and underscores only, at most 63.", argument="table"
        )
    rows = AuditLog.objects.filter(visible_to(actor))
    if start is not None:
        rows = rows.filter(timestamp__gte=_moment("start_date", start))
    if end is not None:
        rows = rows.filter(timestamp__lt=_moment("end_date", end))
    return rows if table is None else rows.filter(table_name=table)


def _groups(rows: QuerySet[AuditLog]) -> dict[int, list[dict[str, Any]]]:
    """The rows summed up, all together and by each of the three columns, most frequent first."""
    inner, params = (
        rows.values(*_SUMMED).query.get_compiler(connection=connection, elide_empty=False).as_sql()
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY.format(rows=inner), params * _SUMMARY.count("{rows}"))
        names = [column.name for column in cursor.description or ()]
        for row in cursor.fetchall():
            group = dict(zip(names, row, strict=True))
            found[group["what"]].append(group)
    return found


def _by(name: str, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Counts and mean time per value, under the name that callers know."""
    return [
        {
            name: group["value"],
            "count": group["number"],
            "failed": group["number"] - group["done"],
            "avg_execution_time_ms": group["average"],
        }
        for group in groups
    ]


def _moment(name: str, value: object) -> datetime:
    try:
        return moments.parse(value)
    except ValueError as error:
        raise InvalidInput(f"{name} {error}.", argument=name) from error


def _check_page(limit: int, offset: int, cursor: str | None) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit must lie between 1 and {MAX_LIMIT}.", argument="limit", maximum=MAX_LIMIT)
    if not 0 <= offset <= MAX_OFFSET:
        raise InvalidInput("offset must be 0 or more.", argument="offset")
    if cursor is not None and offset:
        raise InvalidInput("A cursor says where to go on: leave offset out.", argument="offset")


def _check_names(operation: str | None, user_id: str | None) -> None:
    if operation is not None and operation not in OPERATIONS:
        raise InvalidInput(
            f"There is no operation {quoted(operation)!r}.{did_you_mean(operation, OPERATIONS)}",
            argument="operation",
            allowed=list(OPERATIONS),
        )
    if user_id is not None and trail.storable(user_id) != user_id:
        raise InvalidInput("user_id has a character that no name can have.", argument="user_id")
