"""Search by words: the names and short texts of records, by the beginnings of their words.

The indexes of catalog/schema/search.sql hold the words of every column that is searched, each column apart, so that a
search never tells of a column that is hidden from whoever searches.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import BooleanField, F, Func, Q, QuerySet, TextField, Value
from django.db.models.expressions import Combinable

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import columns as visible_columns
from catalog.services import fingerprint, queries
from catalog.services.counting import CAP
from catalog.services.lookups import among
from catalog.services.texts import is_short, label
from catalog.table import MAX_KEY, Table

MAX_WORDS = 8
MAX_WORD_CHARS = 100
CANDIDATES = 40  # of one table, of which the best are shown
MAX_HITS = 6  # of one table
_WORD = re.compile(r"[^\W_]+")
_NOTHING = Q(pk__in=())


class Begins(Func):
    """Whether a text has a word that begins so.

    The planner is not told the word, and so takes it for a rare one and the index for the way to it: what it would make
    of the beginning of a word is a guess, after which it may read a million rows for the first page of a list.
    """

    template = "public.search_vector(%(expressions)s))"
    arg_joiner = ") @@ (SELECT public.search_prefix("
    output_field = BooleanField()


@dataclass(frozen=True)
class Hit:
    """A record that was found, by its name; `within` is the name of what it belongs to, where the actor may know."""

    table: Table
    key: int
    name: str
    within: str | None = None


def searched(table: Table) -> list[str]:
    """This function will return the columns that a search of a table looks into: its name and its short texts.

    Of a table that was `shown` to somebody these are the ones that they may know of.
    """
    whole = registry.get(table.name)
    short = [name for name, field in whole.columns.items() if is_short(field) and not field.flatchoices]
    names = dict.fromkeys([*filter(None, [label(whole)]), *short])
    return [name for name in names if name in table.columns]


def matching(table: Table, text: str) -> Q:
    """This function will return the condition that a record has every word of `text` in some text, or has its number.

    Words count from their beginning, without regard to case and accents: "pri" finds "Pride". Nothing but spaces
    matches everything. Give the table as it is `shown` to whoever searches. The words are looked up here and now,
    with one statement, and up to 10,000 records are named by their numbers: whatever else a query asks for, and in
    whatever order, is then a matter of those alone.
    """
    if not text.strip():
        return Q()
    condition = _has_words(searched(table), text)
    if condition != _NOTHING and not table.junction:
        found = table.model._default_manager.filter(condition).order_by().values_list("pk", flat=True)
        keys = list(found[: CAP + 1])
        condition = among("pk", keys) if len(keys) <= CAP else condition
    return condition | _has_number(table, text)


@audited("QUERY")
def find(entry: Entry, *, actor: Actor, text: str) -> list[Hit]:
    """This function will return the records that `text` names, the best first: in all tables that the actor may read.

    It looks at titles and names alone; the trash is left out, and so are names that are hidden from the actor.
    """
    policy.require_account(actor)
    found = _candidates([_named(actor, table, text) for table in _named_tables(actor)])
    hits = _best(found, text)
    entry.record_count = len(hits)
    entry.query_hash = fingerprint.of(None, "search")
    return hits


def _has_words(names: Iterable[str], text: str) -> Q:
    """The condition that each word begins a word of one of these columns."""
    words = _words(text)
    names = list(names)
    if not words or not names:
        return _NOTHING
    return reduce(and_, (reduce(or_, (Q(Begins(F(name), Value(word))) for name in names)) for word in words))


def _has_number(table: Table, text: str) -> Q:
    """The condition that a part of the key is the number that the text is."""
    digits = text.strip().removeprefix("#")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > len(str(MAX_KEY)):
        return _NOTHING
    number = int(digits)
    return reduce(or_, (Q(**{name: number}) for name in table.key)) if number <= MAX_KEY else _NOTHING


def _words(text: str) -> list[str]:
    """The first words of a text. PostgreSQL makes them small and takes their accents away, as in the index."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text))
    return [word[:MAX_WORD_CHARS] for word in found[:MAX_WORDS]]


def _named_tables(actor: Actor) -> list[Table]:
    """The tables whose records have names, as far as the actor may know both."""
    readable = [
        visible_columns.shown(actor, table)
        for table in registry.all_tables()
        if not (table.junction or table.append_only) and policy.decide(actor, Operation.READ, table).allowed
    ]
    return [table for table in readable if table.title_column is not None]


def _named(actor: Actor, table: Table, text: str) -> QuerySet[Any, Any]:
    """Some records of a table that have the words in their name, as (table, key, name, within)."""
    name = str(table.title_column)
    some = queries.visible(actor, table).filter(_has_words([name], text)).order_by().values("pk")[:CANDIDATES]
    rows = table.model._default_manager.filter(pk__in=some).order_by()
    found = rows.annotate(source_=Value(table.name), name_=F(name), within_=_within(actor, table))
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


def _candidates(searches: list[QuerySet[Any, Any]]) -> list[Hit]:
    """What all searches find, with one statement."""
    rows = searches[0].union(*searches[1:], all=True) if searches else ()
    return [Hit(registry.get(source), key, name, within) for source, key, name, within in rows]


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
