"""The global search: records of all tables by their names, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.expressions import Combinable

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import columns as visible_columns
from catalog.services import fingerprint, queries, sampling, search, words
from catalog.services.lookups import among
from catalog.services.sampling import Sample
from catalog.table import Table

CANDIDATES = sampling.MAX_KEYS  # of one table, of which the best are shown
MAX_HITS = 6  # of one table


@dataclass(frozen=True)
class Hit:
    """A record that was found, by its name; `within` is the name of what it belongs to, where the actor may know."""

    table: Table
    key: int
    name: str
    within: str | None = None


@audited("QUERY")
def find(entry: Entry, *, actor: Actor, text: str) -> list[Hit]:
    """This function will return the records that `text` names, the best first: in all tables that the actor may read.

    It looks at titles and names alone; the trash is left out, and so are names that are hidden from the actor.
    """
    policy.require_account(actor)
    hits = _best(_candidates(actor, words.of(text)), text)
    entry.record_count = len(hits)
    entry.query_hash = fingerprint.of(None, "search")
    return hits


def _candidates(actor: Actor, asked: Sequence[str]) -> list[Hit]:
    """Some records of each table that have the words in their names."""
    tables = [(table, [str(table.title_column)]) for table in _named_tables(actor)] if asked else []
    samples = sampling.look(tables, asked)
    searches = [
        _named(actor, table, _some(actor, table, names, asked, sample))
        for (table, names), sample in zip(tables, samples, strict=True)
    ]
    rows = searches[0].union(*searches[1:], all=True) if searches else ()
    return [Hit(registry.get(source), key, name, within) for source, key, name, within in rows]


def _some(actor: Actor, table: Table, names: Sequence[str], asked: Sequence[str], sample: Sample) -> Q:
    """The condition that a record is a candidate: where many would be, those that the sample has."""
    rows = queries.visible(actor, table)
    if sample.is_of_many:
        return Q(pk__in=rows.filter(among("pk", sample.keys)).values("pk"))
    found = rows.filter(search.has_words(names, asked, sample)).order_by()
    return Q(pk__in=found.values("pk")[:CANDIDATES])


def _named_tables(actor: Actor) -> list[Table]:
    """The tables whose records have names, as far as the actor may know both."""
    readable = [
        visible_columns.shown(actor, table)
        for table in registry.all_tables()
        if not (table.junction or table.append_only) and policy.decide(actor, Operation.READ, table).allowed
    ]
    return [table for table in readable if table.title_column is not None]


def _named(actor: Actor, table: Table, some: Q) -> QuerySet[Any, Any]:
    """Records of a table as (table, key, name, within)."""
    rows = table.model._default_manager.filter(some).order_by()
    found = rows.annotate(
        source_=Value(table.name), name_=F(str(table.title_column)), within_=_within(actor, table)
    )
    named: QuerySet[Any, Any] = found.values_list("source_", "pk", "name_", "within_")
    return named


def _within(actor: Actor, table: Table) -> Combinable:
    """The name of the record that one of the table belongs to: by its first reference, if the actor may know of it."""
    column = next(iter(table.foreign_keys), None)
    if column is None:
        return Value(None, output_field=TextField())
    parent = visible_columns.shown(actor, registry.get(table.foreign_keys[column]))
    if parent.title_column is None or not policy.decide(actor, Operation.READ, parent).allowed:
        return Value(None, output_field=TextField())
    return F(f"{table.columns[column].name}__{parent.title_column}")


def _best(found: list[Hit], text: str) -> list[Hit]:
    """The best few of each table, tables in the order of their best: whole names first, then beginnings."""
    wanted = _folded(text)
    ranked = sorted(found, key=lambda hit: _rank(hit, wanted))
    groups: dict[str, list[Hit]] = {}
    for hit in ranked:
        groups.setdefault(hit.table.name, []).append(hit)
    return [hit for hits in groups.values() for hit in hits[:MAX_HITS]]


def _rank(hit: Hit, wanted: str) -> tuple[int, int, int]:
    name = _folded(hit.name)
    kind = 0 if name == wanted else 1 if name.startswith(wanted) else 2
    return kind, len(name), hit.key


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
