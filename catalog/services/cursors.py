"""Keyset pages: where one ended, as a signed text, and what comes after it.

A cursor belongs to its caller and its query, and expires after a day. What comes after a row is asked
for in disjoint conditions, nearest first, each one range of an index, which is as fast at the end of a
table as at its start.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core import signing
from django.db import models
from django.db.models import Q

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from catalog.services import values
from catalog.services.ordering import Term
from catalog.table import Table

GOOD_FOR = timedelta(hours=24)
MAX_CHARS = 20_000
_SALT = "catalog.services.cursors"


def seal(actor: Actor, query: Sequence[object], last: Sequence[Any]) -> str:
    """This function will return the cursor of a page that ended with a row whose order columns are `last`."""
    return signing.dumps([actor.username, _digest(query), list(last)], salt=_SALT, compress=True)


def unseal(actor: Actor, query: Sequence[object], cursor: object) -> list[Any]:
    """This function will return what `seal` was given as `last`.

    :raises InvalidInput: no cursor of ours, too old, another caller's, or of another query
    """
    if not isinstance(cursor, str) or len(cursor) > MAX_CHARS:
        raise _invalid("is not one that a page has given")
    try:
        username, digest, last = signing.loads(cursor, salt=_SALT, max_age=GOOD_FOR)
    except signing.SignatureExpired as error:
        raise _invalid("has expired") from error
    except (signing.BadSignature, ValueError) as error:
        raise _invalid("is not one that a page has given") from error
    if username != actor.username or digest != _digest(query):
        raise _invalid(
            "belongs to another query: keep table, where, order_by, columns and include_deleted as they were"
        )
    return list(last)


def is_possible(table: Table, order: Sequence[Term]) -> bool:
    """This function will say whether pages in this order can be continued by a cursor: by scalar columns alone."""
    return not any(isinstance(table.columns[term.name], ArrayField | models.JSONField) for term in order)


def segments(table: Table, order: Sequence[Term], last: Sequence[Any]) -> list[Q]:
    """This function will return the conditions of the rows after `last` (JSON values), nearest first.

    NULL is the greatest value, as in PostgreSQL's own order.
    """
    equal = Q()
    found: list[Q] = []
    for term, given in zip(order, last, strict=True):
        value = values.clean(table, term.name, given, validate=False)
        found[:0] = [equal & here for here in _beyond(table, term, value)]
        equal &= Q(**{f"{term.name}__isnull": True}) if value is None else Q(**{term.name: value})
    return found


def _beyond(table: Table, term: Term, value: Any) -> list[Q]:
    """The conditions that a column's value comes after another in the order, nearest first."""
    is_null = Q(**{f"{term.name}__isnull": True})
    if value is None:
        return [Q(**{f"{term.name}__isnull": False})] if term.is_descending else []
    comparison = "lt" if term.is_descending else "gt"
    beyond = [Q(**{f"{term.name}__{comparison}": value})]
    may_be_null = table.columns[term.name].null and not term.is_descending
    return [*beyond, is_null] if may_be_null else beyond


def _digest(query: Sequence[object]) -> str:
    text = json.dumps(query, sort_keys=True, default=str)
    return blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _invalid(problem: str) -> InvalidInput:
    return InvalidInput(f"The cursor {problem}.", hint="Start again without a cursor.", argument="cursor")
