"""Words as a search asks for them: whether texts of a record have words that begin so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import reduce
from operator import and_, or_

from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, F, Func, Q, Value

MAX_WORDS = 8
MAX_WORD_CHARS = 100
NOTHING = Q(pk__in=())
_WORD = re.compile(r"[^\W_]+")


class Begins(Func):
    """Whether a text has a word that begins so, as the indexes of catalog/schema/search.sql answer it.

    The planner is not told the word, and so takes it for a rare one and the index for the way to it: what it would make
    of the beginning of a word is a guess, after which it may read a million rows for the first page of a list.
    """

    template = "public.search_vector(%(expressions)s))"
    arg_joiner = ") @@ (SELECT public.search_prefix("
    output_field = BooleanField()


class Vector(Func):
    """The words of some texts together, read from the texts themselves."""

    template = "(public.search_vector(COALESCE(%(expressions)s, '')))"
    arg_joiner = ", '')) || public.search_vector(COALESCE("
    output_field = SearchVectorField()


class _Prefixes(Func):
    template = "(SELECT public.search_prefix(%(expressions)s))"
    arg_joiner = ") && public.search_prefix("


class _Has(Func):
    template = "%(expressions)s"
    arg_joiner = " @@ "
    output_field = BooleanField()


def of(text: str) -> list[str]:
    """This function will return the first words of a text, each once.

    PostgreSQL makes them small and takes their accents away, as in the indexes.
    """
    found = _WORD.findall(unicodedata.normalize("NFKC", text))
    return list(dict.fromkeys(word[:MAX_WORD_CHARS] for word in found[:MAX_WORDS]))


def by_index(names: Sequence[str], words: Sequence[str]) -> Q:
    """This function will return the condition that each word begins a word of one of these columns, for the indexes."""
    if not words or not names:
        return NOTHING
    return reduce(and_, (reduce(or_, (Q(Begins(F(name), Value(word))) for name in names)) for word in words))


def at_hand(names: Sequence[str], words: Sequence[str]) -> Q:
    """This function will return the same condition for rows that are read anyway: no index answers it."""
    if not words or not names:
        return NOTHING
    return Q(_Has(Vector(*map(F, names)), _Prefixes(*map(Value, words))))
