"""What must hold after every run, whatever was killed or cut: read by SQL, past the server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from time import monotonic, sleep

from psycopg import sql

from catalog import registry
from catalog.services.rows import Output
from catalog.table import Table
from soak.ledger import Ledger
from soak.places import Place, Read, Row

Finding = tuple[str, list[Row]]  # a rule, and what breaks it

PATIENCE_S, POLL_S = 20, 0.05
SHOWN = 5  # of what breaks one rule

# A write in the trail: no try, no answer given again.
_WRITES = """
WITH w AS (SELECT change_id::text AS change, id, record_count,
       coalesce((SELECT sum(value::int) FROM jsonb_each_text(changes -> 'cascaded')), 0) AS along
  FROM public.audit_logs
 WHERE success AND NOT dry_run AND change_id IS NOT NULL AND NOT client_info ? 'repeats')
"""

RULES = {
    "a change has one audit row": """
        SELECT change FROM w GROUP BY change HAVING count(*) > 1""",
    "a change has versions of as many records as its audit row says": """
        SELECT coalesce(w.change, v.cid), w.record_count, w.along, v.versions
          FROM w
          FULL JOIN (SELECT cid, count(*) AS versions FROM app.auditlog_logentry GROUP BY cid) v ON v.cid = w.change
         WHERE w.change IS NULL OR w.record_count + w.along <> coalesce(v.versions, 0)""",
    "a change that was only tried, or refused, left no version": """
        SELECT change_id FROM public.audit_logs JOIN app.auditlog_logentry ON cid = change_id::text
         WHERE dry_run OR NOT success""",
    "a key is kept for one change that the trail has, and every change is some key's": """
        SELECT w.change, k.key FROM w
          FULL JOIN app.audit_keptanswer k ON k.change_id::text = w.change
         WHERE w.change IS NULL OR k.key IS NULL""",
    "a key stands for one change": """
        SELECT change_id, count(*) FROM app.audit_keptanswer GROUP BY change_id HAVING count(*) > 1""",
    "an answer given again is of a change that the trail has": """
        SELECT id FROM public.audit_logs
         WHERE client_info ? 'repeats' AND client_info ->> 'repeats' NOT IN (SELECT change FROM w)""",
    "nobody is in a transaction": """
        SELECT pid, state, left(query, 200) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
           AND backend_type = 'client backend'""",
    "nobody holds a lock": """
        SELECT l.pid, l.locktype, l.mode, relation::regclass::text
          FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE a.datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'""",
}  # fmt: skip

_KEPT = """
SELECT k.key, w.change, w.record_count FROM app.audit_keptanswer k JOIN w ON w.change = k.change_id::text
 WHERE k.user_id = %s
"""

_REPEATED = """
SELECT DISTINCT client_info ->> 'repeats' FROM public.audit_logs WHERE client_info ? 'repeats' AND user_id = %s
"""

# Each record as its last version leaves it, beside the record as it is.
_STATE = """
WITH last AS (
    SELECT DISTINCT ON (object_pk) object_pk AS key, action, serialized_data, changes
      FROM app.auditlog_logentry
     WHERE content_type_id = (SELECT id FROM app.django_content_type WHERE app_label = {app} AND model = {model})
     ORDER BY object_pk, id DESC
), told AS (
    SELECT key, coalesce(serialized_data, '{{}}') || coalesce(
               (SELECT jsonb_object_agg(name, pair -> 1) FROM jsonb_each(changes) AS c (name, pair)), '{{}}') AS record
      FROM last WHERE action <> 2
), present AS (
    SELECT {key} AS key, to_jsonb(r) AS record FROM (SELECT {columns} FROM public.{table} q) r
)
SELECT key, told.record, present.record FROM told FULL JOIN present USING (key)
 WHERE jsonb_strip_nulls(told.record) IS DISTINCT FROM jsonb_strip_nulls(present.record)
"""


def check(place: Place, ledger: Ledger) -> None:
    """This function will add to the ledger what does not hold in the database, once everybody has left."""
    with place.reading() as read:
        _wait_until_all_have_left(read)
        checks = (_rules(read), _states(read), _sequences(read), _answers(read, place.username, ledger))
        for rule, found in chain(*checks):
            shown = "; ".join(str(row)[:200] for row in found[:SHOWN])
            ledger.require(not found, f"{rule}: not so of {len(found)}: {shown}")


def check_calls(place: Place, ledger: Ledger) -> None:
    """This function will add to the ledger whether the trail has a row for each call; not where any was lost."""
    ((rows,),) = place.read("SELECT count(*) FROM public.audit_logs WHERE user_id = %s", place.username)
    ledger.require(rows == ledger.calls, f"each call has one audit row: {ledger.calls} calls, {rows} rows")


def _wait_until_all_have_left(read: Read) -> None:
    """PostgreSQL sees within a second that a client was killed."""
    deadline = monotonic() + PATIENCE_S
    while read(_WRITES + RULES["nobody is in a transaction"]) and monotonic() < deadline:
        sleep(POLL_S)


def _rules(read: Read) -> Iterator[Finding]:
    for rule, statement in RULES.items():
        yield rule, read(_WRITES + statement)


def _states(read: Read) -> Iterator[Finding]:
    for table in registry.all_tables():
        if not table.read_only:
            yield f"a record of {table.name} is as its last version says", read(_state_of(table))


def _state_of(table: Table) -> str:
    meta = table.model._meta
    return (
        sql.SQL(_STATE)
        .format(
            app=sql.Literal(meta.app_label),
            model=sql.Literal(meta.model_name),
            key=sql.SQL(" || ':' || ").join(
                sql.SQL("r.{}::text").format(sql.Identifier(name)) for name in table.key
            ),
            columns=sql.SQL(", ").join(Output.of(field).sql() for field in table.columns.values()),
            table=sql.Identifier(table.name),
        )
        .as_string()
    )


def _sequences(read: Read) -> Iterator[Finding]:
    for table in registry.all_tables():
        if not table.junction:
            statement = sql.SQL(
                "SELECT max(id), pg_sequence_last_value({sequence}) FROM public.{table}"
                " HAVING max(id) > coalesce(pg_sequence_last_value({sequence}), 0)"
            ).format(sequence=sql.Literal(f"public.{table.name}_id_seq"), table=sql.Identifier(table.name))
            yield f"the sequence of {table.name} is past its records", read(statement.as_string())


def _answers(read: Read, username: str, ledger: Ledger) -> Iterator[Finding]:
    """What callers were told, beside what is kept under their keys."""
    kept = {key: (change, count) for key, change, count in read(_WRITES + _KEPT, username)}
    yield (
        "what was answered as done is done, as often and as much as answered",
        [(key, told, kept.get(key)) for key, told in ledger.done.items() if kept.get(key) != told],
    )
    yield (
        "what was answered as not done is not",
        [(key, kept[key]) for key, outcome in ledger.undone.items() if outcome == "none" and key in kept],
    )
    repeated = {change for (change,) in read(_REPEATED, username)}
    yield (
        "an answer is given again only where the first one may have been lost",
        [
            (key, told)
            for key, told in ledger.done.items()
            if told[0] in repeated and key not in ledger.doubtful
        ],
    )
    asked = ledger.done.keys() | ledger.undone.keys()
    yield "nothing is done that nobody asked for", [(key,) for key in kept.keys() - asked]
