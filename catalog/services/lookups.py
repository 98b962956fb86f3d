"""Conditions that Django's ORM lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.lookups import PostgresOperatorLookup


@models.TextField.register_lookup
class Like(PostgresOperatorLookup):
    """LIKE with PostgreSQL's own wildcards: % for any text, _ for one character."""

    lookup_name = "like"
    postgres_operator = "LIKE"


@models.TextField.register_lookup
class ILike(PostgresOperatorLookup):
    """LIKE without regard to case."""

    lookup_name = "ilike"
    postgres_operator = "ILIKE"


@models.Field.register_lookup
@models.ForeignKey.register_lookup  # which takes over none of a field
class Among(PostgresOperatorLookup):
    """One of a list, which is one parameter: a statement takes no more than 65,535 of them."""

    lookup_name = "among"
    postgres_operator = "= ANY"
    prepare_rhs = False

    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        """This function will return the list as SQL, and its parameters."""
        return "(%s)", [self.rhs]


def among(name: str, values: Iterable[Any]) -> Q:
    """This function will return the condition that a column, by its attribute, has one of the values."""
    return Q(**{f"{name}__among": list(values)})
