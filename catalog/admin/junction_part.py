"""The rows of one junction table that belong to one record, as a part of that record's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.http import QueryDict
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, LimitExceeded, Refused
from accesscontrol.pages import columns_of, sentence
from accesscontrol.policy import Operation
from catalog.admin import junction_list
from catalog.admin.junction_forms import RowForm, columns_beside_key, end_field
from catalog.admin.junction_list import key_of
from catalog.services import columns, junctions
from catalog.services.junctions import Listing
from catalog.services.suggestions import Words
from catalog.table import Table

MAX_ROWS = 50
BLANK = "__prefix__"  # in the name of a row that scripts copy; Django's own leave it alone


@dataclass(frozen=True)
class Fault:
    """Why the rows of a part were not saved, to be told when the form is shown again."""

    part: str
    table: Table
    operation: str
    refusal: Refused
    messages: Mapping[str, Sequence[tuple[str, list[str]]]] = field(default_factory=dict)  # by a row's prefix
    overtaken: frozenset[str] = frozenset()

    @property
    def told(self) -> str:
        """What stands above the form: where the rows say what is wrong, no more than that."""
        return (
            _("Nothing was saved: rows below can't be as they are.")
            if self.messages
            else sentence(self.refusal)
        )


@dataclass(frozen=True)
class Row:
    """A row as the template shows it: the record at its other end, unless it is new, and its cells."""

    form: RowForm
    cells: Sequence[tuple[str, forms.BoundField | None, str]]  # heading, and a field or a text
    end: Mapping[str, Any] | None = None

    @property
    def number(self) -> str:
        """What a new row is called in the names of its fields."""
        return str(self.form.prefix).rpartition("-new")[2]


class JunctionPart:
    """Rows that are there and rows to be added; to Django it is a formset."""

    new_objects = changed_objects = deleted_objects = ()  # for Django's log, which is not kept

    def __init__(
        self,
        actor: Actor,
        site: AdminSite,
        table: Table,
        column: str,
        *,
        key: int | None,
        data: QueryDict | None,
        may_edit: bool,
        propose: Callable[[Table], Words],
        fault: Fault | None = None,
    ) -> None:
        self.actor, self.table, self.column, self.key, self.data = actor, table, column, key, data
        self.prefix = f"{table.name}-{column}"
        self.seen = columns.shown(actor, table)
        self.fault = fault if fault and fault.part == self.prefix else None
        self._site, self._propose = site, propose
        (self.end,) = (end for end in junctions.ends(actor, table) if end.column != column)
        may = {o for o in Operation if policy.decide(actor, o, table).allowed}
        self.may_add = may_edit and Operation.INSERT in may
        self.may_remove = may_edit and Operation.DELETE in may
        self.may_add_elsewhere = Operation.INSERT in may and not may_edit
        self._settable = self._writable(Operation.UPDATE) if may_edit and Operation.UPDATE in may else []
        self._names: dict[tuple[str, int], str | None] = {}

    # What Django asks of a formset ------------------------------------------------------------------

    @property
    def errors(self) -> list[Any]:
        """What is wrong with each row."""
        return [form.errors for form in self.row_forms.values()]

    def non_form_errors(self) -> list[str]:
        """Return nothing: what is wrong with the whole stands above the form."""
        return []

    def is_valid(self) -> bool:
        """Say whether the rows can be saved, as far as that is known."""
        is_valid = not any(self.errors)
        if self.fault is not None:
            self._tell(self.fault)
        return is_valid

    def require_known(self) -> None:
        """This function will do nothing where the page offered all that was sent for this part.

        :raises Refused: it did not: a forged form
        """
        for form in self.row_forms.values():
            form.require_known()

    # What was sent ----------------------------------------------------------------------------------

    @cached_property
    def row_forms(self) -> dict[str, RowForm]:
        """The forms of the rows that were sent, by prefix; empty new ones are left out."""
        return {**self.sent, **self.added}

    @cached_property
    def sent(self) -> dict[str, RowForm]:
        """The forms of rows that were there when the page was shown."""
        return {prefix: self._form(prefix) for prefix in map(self._prefix, self._sent_keys)}

    @cached_property
    def added(self) -> dict[str, RowForm]:
        """The forms of rows to be added."""
        if self.data is None:
            return {}
        names = self.data.getlist(f"{self.prefix}-new")
        if len(names) > MAX_ROWS:
            raise LimitExceeded(f"At most {MAX_ROWS} rows can be added at a time.", maximum=MAX_ROWS)
        prefixes = [f"{self.prefix}-new{name}" for name in dict.fromkeys(names) if name.isalnum()]
        all_forms = {prefix: self._new_form(prefix, self.data) for prefix in prefixes}
        return {prefix: form for prefix, form in all_forms.items() if form.has_changed()}

    @cached_property
    def _sent_keys(self) -> list[int]:
        texts = [] if self.data is None else list(dict.fromkeys(self.data.getlist(f"{self.prefix}-row")))
        keys = [key_of(text) for text in texts]
        if len(keys) > MAX_ROWS or None in keys:
            raise InvalidInput(f"{self.prefix}-row can't be read: the page that was sent is not ours.")
        return [key for key in keys if key is not None]

    # What is shown ----------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What the part is called: what it ties the record to."""
        return capfirst(str(self.end.parent.model._meta.verbose_name_plural))

    @property
    def kind(self) -> str:
        """What is at the other end of a row."""
        return str(self.end.parent.model._meta.verbose_name)

    @property
    def headings(self) -> list[str]:
        """The headings of the columns beside the key."""
        return [self._heading(name) for name in columns_beside_key(self.seen)]

    @property
    def url(self) -> str:
        """The list of these rows on the junction's own pages."""
        return self._page("changelist")

    @property
    def add_url(self) -> str:
        """The page that adds such a row."""
        return self._page("add")

    def _page(self, name: str) -> str:
        meta = self.table.model._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}")
        return f"{address}?{self.column}={self.key}"

    @property
    def has_more(self) -> bool:
        """Whether there are more rows than are shown."""
        return self.data is None and self.key is not None and self.listing.next_cursor is not None

    @property
    def media(self) -> forms.Media:
        """The scripts of the type-ahead."""
        return self.blank.form.media if self.may_add else forms.Media()

    @cached_property
    def words(self) -> Words:
        """The words that the page proposes for columns."""
        return self._propose(self.seen) if self.may_add or self._settable else {}

    @cached_property
    def listing(self) -> Listing:
        """The rows that are there; of a form that was sent, those that it has."""
        where: dict[str, Any] = {self.column: self.key}
        if self.data is not None:
            where[self.end.column] = {"$in": self._sent_keys}
        return junctions.list_rows(actor=self.actor, table=self.table, where=where, limit=MAX_ROWS)

    @cached_property
    def rows(self) -> list[Row]:
        """The rows that are there."""
        if self.key is None or (self.data is not None and not self._sent_keys):
            return []
        return [self._row(record) for record in self.listing.records]

    @cached_property
    def new_rows(self) -> list[Row]:
        """The rows to be added that were filled in, when the form is shown again."""
        chosen = [form.data.get(form.add_prefix(self.end.column)) for form in self.added.values()]
        keys = [key for key in map(key_of, chosen) if key is not None]
        self._names.update(junction_list.names_of(self.actor, [self.end], {self.end.column: keys}))
        return [self._new_row(form) for form in self.added.values()]

    @cached_property
    def blank(self) -> Row:
        """A row to be added, for the script to copy."""
        return self._new_row(self._new_form(f"{self.prefix}-new{BLANK}", None))

    def _row(self, record: Mapping[str, Any]) -> Row:
        prefix = self._prefix(record[self.end.column])
        form = self.sent.get(prefix) or self._form(prefix, record)
        cells = [
            (
                self._heading(name),
                form[name] if name in form.columns else None,
                junction_list.cell(record[name]),
            )
            for name in columns_beside_key(self.seen)
        ]
        return Row(form, cells, junction_list.end_of(self.end, record))

    def _new_row(self, form: RowForm) -> Row:
        cells = [
            (self._heading(name), form[name] if name in form.columns else None, "")
            for name in columns_beside_key(self.seen)
        ]
        return Row(form, [(self.kind, form[self.end.column], ""), *cells])

    # Forms ------------------------------------------------------------------------------------------

    def _prefix(self, key: int) -> str:
        return f"{self.prefix}-{key}"

    def _form(self, prefix: str, record: Mapping[str, Any] | None = None) -> RowForm:
        """The form of a row that is there."""
        data = self.data if record is None else None
        return RowForm(
            self.seen,
            self._settable,
            data=data,
            prefix=prefix,
            record=record,
            words=self.words,
            is_removable=self.may_remove,
        )

    def _new_form(self, prefix: str, data: QueryDict | None) -> RowForm:
        name_of = partial(junction_list.name_at, self.end, names=self._names)
        ends = {self.end.column: end_field(self.table, self.end, self._site, name_of)}
        columns_ = self._writable(Operation.INSERT)
        return RowForm(self.seen, columns_, data=data, prefix=prefix, ends=ends, words=self.words)

    def _writable(self, operation: Operation) -> list[str]:
        kept = policy.read_only_columns(self.actor, operation, self.table.name)
        return [name for name in columns_beside_key(self.seen) if name not in kept]

    def _heading(self, name: str) -> str:
        return capfirst(str(self.seen.columns[name].verbose_name))

    # Faults -----------------------------------------------------------------------------------------

    def _tell(self, fault: Fault) -> None:
        """Show at each row why it was not saved; of one that others changed, what it is now."""
        for prefix, messages in fault.messages.items():
            for message, names in messages:
                self.row_forms[prefix].tell(message, names)
        if not fault.overtaken:
            return
        now = {self._prefix(record[self.end.column]): record for record in self.listing.records}
        for prefix in fault.overtaken & now.keys():
            conflict = self.sent[prefix].overtaken(now[prefix])
            self.sent[prefix].tell(sentence(conflict), columns_of(conflict))

    def fault_of(self, operation: str, prefixes: Sequence[str], refusal: Refused) -> Fault:
        """This function will say which of the rows, given by prefix, a refusal of a batch is about."""
        messages: dict[str, list[tuple[str, list[str]]]] = {}
        for error in refusal.details.get("errors", ()):
            names = error.get("columns") or ([error["column"]] if error.get("column") else [])
            messages.setdefault(prefixes[error["index"]], []).append((error["message"], names))
        overtaken = frozenset(prefixes[index] for index in refusal.details.get("overtaken", ()))
        return Fault(self.prefix, self.table, operation, refusal, messages, overtaken)
