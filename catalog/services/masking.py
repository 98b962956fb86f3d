"""Records as Django's models have them, for pages: what is hidden from the actor reads as None."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

from accesscontrol import policy
from accesscontrol.actor import Actor
from catalog import registry
from catalog.services import queries
from catalog.table import Table

Hidden = Mapping[str, tuple[str, ...]]  # the attributes to leave out, by table


def rows(actor: Actor, table: Table, *, include_deleted: bool = False) -> QuerySet[Model]:
    """This function will return the rows of `queries.visible`, as records without what is hidden from the actor.

    That goes for the records that come along with `select_related` too. Hidden columns are not loaded.
    """
    found = queries.visible(actor, table, include_deleted=include_deleted)
    hidden = _hidden(actor)
    if not hidden:
        return found
    found = found.defer(*hidden.get(table.name, ()))
    found._iterable_class = _iterable(hidden)  # noqa: SLF001 - Django has no public way in
    return found


def _hidden(actor: Actor) -> Hidden:
    tables = [registry.get(name) for name in policy.tables_with_rules(actor)]
    found = {
        table.name: tuple(
            field.attname
            for column, field in table.columns.items()
            if column in policy.hidden_columns(actor, table.name)
        )
        for table in tables
    }
    return {name: attributes for name, attributes in found.items() if attributes}


def _iterable(hidden: Hidden) -> type[ModelIterable]:  # type: ignore[type-arg] # no generics at run time
    class Masked(ModelIterable):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            for record in super().__iter__():
                _mask(record, hidden)
                yield record

    return Masked


def _mask(record: Model, hidden: Hidden) -> None:
    """Empty what is hidden of a record, and of those that were loaded with it."""
    for name in hidden.get(record._meta.db_table, ()):
        record.__dict__[name] = None
    for parent in record._state.fields_cache.values():  # noqa: SLF001 - what select_related loaded
        if isinstance(parent, Model):
            _mask(parent, hidden)
