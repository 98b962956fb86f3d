"""The form of one row of a junction table: the records that it ties together, and the columns beside its key."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib.admin.utils import display_for_value
from django.db.models import Field
from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol.errors import Conflict, InvalidInput
from catalog import registry
from catalog.admin.forms import field_of
from catalog.admin.typeahead import Typeahead
from catalog.services.junctions import End
from catalog.table import MAX_KEY, Table

WAS = "was"
REMOVE = "remove"

NameOf = Callable[[int], str]  # what to call a record, by its number


class Suggestions(Typeahead):
    """A type-ahead for the number of a record of another table, which shows its name."""

    def __init__(self, column: Field[Any, Any], site: Any, name_of: NameOf) -> None:
        super().__init__(column, site)
        self.name_of = name_of

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        """Return the record that is chosen; others come as somebody types."""
        chosen = [key for key in value if key.isdecimal()]
        options = [("", "", not chosen), *((key, self.name_of(int(key)), True) for key in chosen)]
        return [(None, [self.create_option(name, *option, index) for index, option in enumerate(options)], 0)]


class RowForm(forms.Form):
    """A row: a new one has fields for what it ties together; one that is there knows what it was.

    `words` are the columns for which the page proposes words.
    """

    def __init__(
        self,
        table: Table,
        columns: Iterable[str],
        *,
        data: QueryDict | None,
        prefix: str | None = None,
        ends: Mapping[str, forms.Field] | None = None,
        record: Mapping[str, Any] | None = None,
        words: Collection[str] = (),
        is_removable: bool = False,
    ) -> None:
        is_new = ends is not None
        super().__init__(data, prefix=prefix, label_suffix="", use_required_attribute=False)
        self.table = table
        self.initial = dict(record or {}) if is_new or data is None else self._posted_was()
        self.fields.update(ends or {})
        self.columns = [name for name in columns if name in table.columns]
        self.fields.update({name: column_field(table, name) for name in self.columns})
        for name in set(words).intersection(self.columns):
            self.fields[name].widget.attrs["list"] = words_id(table, name)
        if not is_new and self.columns:
            self.fields[WAS] = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)
            self.initial[WAS] = json.dumps(self.was)
        if is_removable:
            self.fields[REMOVE] = forms.BooleanField(required=False, label=gettext_lazy("Remove"))

    @property
    def was(self) -> dict[str, Any]:
        """What the row was when its form was shown."""
        return {name: self.initial.get(name) for name in self.columns}

    @property
    def as_it_was(self) -> dict[str, Any]:
        """The condition that the row still is what it was; a value that a page sends is no operator."""
        return {name: {"$eq": value} for name, value in self.was.items()}

    @property
    def changed(self) -> dict[str, Any]:
        """The columns that were changed, beside the key, and their new values."""
        return {name: self.cleaned_data[name] for name in self.columns if name in self.changed_data}

    @property
    def is_to_go(self) -> bool:
        """Whether the row is to be removed."""
        return bool(self.cleaned_data.get(REMOVE))

    def require_known(self) -> None:
        """This function will do nothing where this form offered every column that was sent for it.

        :raises InvalidInput: it did not: a forged form
        """
        columns = [*registry.get(self.table.name).columns, REMOVE]
        forged = [n for n in columns if n not in self.fields and self.add_prefix(n) in self.data]
        if forged:
            raise InvalidInput(f"{', '.join(forged)} can't be set here.", columns=forged)

    def overtaken(self, now: Mapping[str, Any]) -> Conflict:
        """This function will take note of what the row is now, and return a refusal that tells it.

        Who saves again has seen that, and overwrites it.
        """
        changed = [name for name in self.columns if now[name] != self.was[name]]
        values = ", ".join(
            f"{self[name].label}: {display_for_value(now[name], _('empty'))}" for name in changed
        )
        self.data = {
            **self.data,
            self.add_prefix(WAS): json.dumps({name: now[name] for name in self.columns}),
        }
        return Conflict(
            _("Somebody else changed this meanwhile. Now it has %(values)s.") % {"values": values},
            hint=_("Save again to overwrite that."),
            columns=changed,
        )

    @property
    def was_field(self) -> forms.BoundField:
        """The hidden field that says what the row was."""
        return self[WAS]

    @property
    def remove_field(self) -> forms.BoundField:
        """The box that removes the row."""
        return self[REMOVE]

    def tell(self, message: str, columns: Iterable[str] = ()) -> None:
        """This function will show what is wrong at the columns that it is about, or with the whole row."""
        named = [name for name in columns if name in self.fields]
        if not named:
            self.add_error(None, message)
        for name in named:
            self.add_error(name, message)

    def _posted_was(self) -> dict[str, Any]:
        """What the row was, as the page said."""
        try:
            was = json.loads(self.data.get(self.add_prefix(WAS), "{}"))
        except (ValueError, RecursionError):
            was = None
        if not isinstance(was, dict):
            raise InvalidInput(f"{WAS} can't be read: the page that was sent is not ours.")
        return was


def words_id(table: Table, column: str) -> str:
    """This function will return what a page calls the words that it proposes for a column."""
    return f"words-{table.name}-{column}"


def columns_beside_key(table: Table) -> list[str]:
    """This function will return the columns of a junction that people fill in, beside its key."""
    return [name for name in table.columns if name not in table.key and name not in table.managed_columns]


def end_field(table: Table, end: End, site: Any, name_of: NameOf, *, required: bool = True) -> forms.Field:
    """This function will return the field for the record at one end: a type-ahead, or a number where it is unread."""
    column = table.columns[end.column]
    widget: Any = (
        Suggestions(column, site, name_of)
        if end.is_readable
        else forms.NumberInput({"class": "vIntegerField"})
    )
    return forms.IntegerField(
        min_value=1,
        max_value=MAX_KEY,
        required=required,
        label=capfirst(str(column.verbose_name)),
        widget=widget,
        error_messages={"required": _("Choose one.")},
    )


def column_field(table: Table, name: str) -> forms.Field:
    """This function will return the form field of a column beside the key."""
    column = table.columns[name]
    field = field_of(column) or column.formfield()
    if field is None:
        raise TypeError(f"{table.name}.{name} can't be typed in")
    return field
