"""What a list shows of a table: derived from its columns, or as somebody has chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, QuerySet, Value
from django.db.models.functions import Cast, Left
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog import registry
from catalog.admin.addresses import Listing, can_order, is_long
from catalog.services import columns as visible_columns
from catalog.services import search
from catalog.services.parents import by_key
from catalog.services.texts import is_short, label
from catalog.table import AnyField, Table

MAX_COLUMNS = 6  # beside the record's name and number
MAX_CELL_CHARS = 80

Kind = Literal["name", "number", "moment", "text"]


@dataclass(frozen=True)
class Column:
    """One column of a list: what it shows of a record, and what the list is ordered by under its heading."""

    name: str
    heading: str
    kind: Kind
    show: Callable[[Any], Any]
    order: str | None


def of(listing: Listing, actor: Actor) -> list[Column]:
    """This function will return the columns of a list: the record's name, then those chosen, or the usual ones."""
    table = listing.table
    return [_name(table), *(_column(table.columns[name], actor) for name in names(listing))]


def names(listing: Listing) -> list[str]:
    """This function will return the columns that a list shows beside the name of each record."""
    if listing.columns:
        return list(listing.columns)
    table = listing.table
    found = [*table.key, *(str(field.column) for field in _worthy(table))]
    return [*(name for name in found if name != "updated_at"), "deleted_at"] if listing.in_trash else found


def choosable(listing: Listing) -> list[tuple[str, str]]:
    """This function will return (column, heading) of all that a list may show beside the record's name."""
    table = listing.table
    left_out = {label(table), *(() if listing.in_trash else ["deleted_at"])}
    return [(name, heading(field)) for name, field in table.columns.items() if name not in left_out]


def heading(field: AnyField) -> str:
    """This function will return a column's name as pages show it."""
    return "ID" if field.primary_key else capfirst(str(field.verbose_name))


def order_path(table: Table, actor: Actor, column: str) -> str:
    """This function will return what a list is ordered by under a column: by name where it refers to a record."""
    field = table.columns[column]
    if isinstance(field, models.ForeignKey) and may_read(actor, field):
        named = label(visible_columns.shown(actor, registry.get(table.foreign_keys[column])))
        return f"{field.name}__{named}" if named else field.attname
    return field.attname


def loaded(rows: QuerySet[Any], listing: Listing, actor: Actor) -> QuerySet[Any]:
    """This function will return a query of what a list shows of its rows, of long columns the beginning."""
    table = listing.table
    fields = [table.columns[name] for name in names(listing)]
    references = [f for f in fields if isinstance(f, models.ForeignKey) and may_read(actor, f)]
    parents = [(f.name, registry.get(f.related_model._meta.db_table)) for f in references]
    beginnings = {_start_of(f): _beginning(f) for f in fields if is_long(f)}
    unneeded = [
        *long_names(table),
        *(f"{name}__{column}" for name, parent in parents for column in long_names(parent)),
    ]
    if references:
        rows = rows.select_related(*(f.name for f in references))
    found: QuerySet[Any] = rows.annotate(**beginnings).defer(*unneeded)
    return found


def searched(table: Table) -> list[str]:
    """This function will return what the search box looks into: names, short texts, the number."""
    return [*search.searched(table), *(f"={name}" for name in table.key)]


def may_read(actor: Actor, field: models.ForeignKey[Any, Any]) -> bool:
    """This function will say whether the actor may read the table that a foreign key points to."""
    parent = registry.get(field.related_model._meta.db_table)
    return policy.decide(actor, Operation.READ, parent).allowed


def names_of(actor: Actor, field: models.ForeignKey[Any, Any], keys: Iterable[int]) -> dict[int, str]:
    """This function will return what a foreign key's records are called, with their numbers, by key."""
    parent = registry.get(field.related_model._meta.db_table)
    return {key: f"{name} (#{key})" for key, name in by_key(actor, parent, keys).items()}


def shown(value: Any) -> Any:
    """This function will return a value of a short column as a list shows it."""
    match value:
        case bool():
            return _("Yes") if value else _("No")
        case datetime():
            return value.isoformat(" ", "minutes").removesuffix("+00:00")
        case Decimal() if value.is_finite():
            return f"{value.normalize():f}"
        case str():
            return Truncator(value).chars(MAX_CELL_CHARS)
        case _:
            return value


def _worthy(table: Table) -> list[AnyField]:
    """The columns worth a place in the list: what the record belongs to, its states and numbers, its last change."""
    fields = [
        f for n, f in table.columns.items() if n not in {*table.key, *table.managed_columns, label(table)}
    ]
    parents = [f for f in fields if isinstance(f, models.ForeignKey)]
    states = [f for f in fields if f.flatchoices or isinstance(f, models.BooleanField)]
    short = [f for f in fields if is_short(f) and f not in states]
    others = [
        f for f in fields if isinstance(f, models.IntegerField | models.DecimalField | models.DateField)
    ]
    chosen = [*parents[:2], *short[:1], *states[:2], *others[:2]][: MAX_COLUMNS - 1]
    changed = table.columns.get("updated_at") or table.columns.get("created_at")
    return [*sorted(chosen, key=fields.index), *([changed] if changed else [])]


def _name(table: Table) -> Column:
    def show(row: models.Model) -> str:
        return Truncator(str(row)).chars(MAX_CELL_CHARS)

    name = label(table)
    title = capfirst(str(table.model._meta.verbose_name))
    return Column(name or "id", title, "name", show, name or "id")


def _column(field: AnyField, actor: Actor) -> Column:
    kind = _kind(field)
    order = str(field.column) if can_order(field) else None
    return Column(str(field.column), heading(field), kind, _cell(field, actor), order)


def _kind(field: AnyField) -> Kind:
    if isinstance(field, models.DateField):
        return "moment"
    is_number = isinstance(field, models.IntegerField | models.DecimalField | models.FloatField)
    return "number" if is_number else "text"


def _cell(field: AnyField, actor: Actor) -> Callable[[Any], Any]:
    """How one column is shown."""
    if isinstance(field, models.ForeignKey) and may_read(actor, field):
        return lambda row: _parent_name(getattr(row, field.name))
    if field.flatchoices:
        labels = dict(field.flatchoices)
        return lambda row: labels.get(getattr(row, field.attname), getattr(row, field.attname))
    if is_long(field):
        return lambda row: shown(getattr(row, _start_of(field), None))
    return lambda row: shown(getattr(row, field.attname))


def _parent_name(found: models.Model | None) -> str | None:
    if found is None:
        return None
    name = Truncator(str(found)).chars(MAX_CELL_CHARS)
    return _("%(name)s (in the trash)") % {"name": name} if getattr(found, "deleted_at", None) else name


def long_names(table: Table) -> list[str]:
    """This function will return the columns that hold much, without the one that names a record."""
    return [f.name for n, f in table.columns.items() if is_long(f) and n != label(table)]


def _start_of(field: AnyField) -> str:
    return f"start_of_{field.attname}"


def _beginning(field: AnyField) -> Any:
    """The first characters of a long column, as text."""
    whole: Any = F(field.attname)
    if isinstance(field, ArrayField):
        whole = Func(whole, Value(", "), function="array_to_string", output_field=models.TextField())
    elif isinstance(field, models.JSONField):
        whole = Cast(whole, models.TextField())
    return Left(whole, MAX_CELL_CHARS + 1)
