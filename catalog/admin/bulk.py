"""Editing many records at once: some columns, one value each; what will change is shown before it is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput, Refused
from accesscontrol.pages import CHANGE, columns_of, sentence
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from audit.operation import Terms
from catalog.admin import done
from catalog.admin.columns import heading, names_of
from catalog.admin.picked import keys_of
from catalog.admin.trash import Trash
from catalog.services import columns, queries, records
from catalog.services.texts import label

PREFIX = "new"  # of the fields, beside what the list's own form sends
CHOSEN = "change"  # the columns that somebody has ticked
SHOWN = 50  # records of a preview
SHOWN_CHARS = 300
EDIT, AGAIN, APPLY = "edit", "again", "apply"  # any other step shows what will change

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """What one record will have in other columns than now: (heading, before, after)."""

    key: int
    name: str
    cells: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Preview:
    """What an edit will do: to which records, as of when, and what of it is shown."""

    keys: list[int]  # of those that will change
    unchanged: int
    as_of: str  # when the last of them was changed
    shown: list[Difference]

    @property
    def more(self) -> int:
        """How many of those that will change are not shown."""
        return len(self.keys) - len(self.shown)


class BulkEdit(Trash):
    """The part of a table's pages that edits many records."""

    @admin.action(description=gettext_lazy("Edit"), permissions=["change"])
    def edit_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask what to change, show what will change, and do it."""
        try:
            self.require(request, CHANGE)
            return self._edit(request, keys_of(queryset))
        except Refused as refusal:
            self.record_refusal(request, CHANGE, refusal)
            messages.error(request, sentence(refusal))
            return None

    def _edit(self, request: HttpRequest, keys: list[int]) -> HttpResponse | None:
        """One step of an edit; nothing is left to show where it is done."""
        step = request.POST.get("step", EDIT)
        form = self._form(request, is_filled=step != EDIT)
        if step in {EDIT, AGAIN} or not form.is_valid():
            return self._page(request, keys, form)
        try:
            data = self._data(request, form)
            if step == APPLY:
                self._apply(request, keys, data)
                return None
            preview = self._preview(request, keys, data)
        except Refused as refusal:
            self.record_refusal(request, CHANGE, refusal)
            return self._page(request, keys, form, refusal=refusal)
        return self._page(request, keys, form, preview=preview)

    def _form(self, request: HttpRequest, *, is_filled: bool) -> forms.Form:
        """A form with a field for each column that the person may set; the ticked ones are read."""
        form = forms.Form(request.POST if is_filled else None, prefix=PREFIX, label_suffix="")
        ticked = request.POST.getlist(CHOSEN)
        editable = self._editable(request)
        for name, column in editable.items():
            field = self.formfield_for_dbfield(column, request)
            if field is None:
                continue
            if isinstance(field.widget, RelatedFieldWidgetWrapper):  # no pages open beside this one
                field.widget = field.widget.widget
            field.required, field.disabled = False, is_filled and name not in ticked
            field.label, field.help_text = heading(column), ""
            form.fields[name] = field
        if is_filled and (unknown := sorted(set(ticked) - set(form.fields))):
            raise InvalidInput(f"{', '.join(unknown)} can't be set here.", columns=unknown)
        return form

    def _editable(self, request: HttpRequest) -> dict[str, models.Field[Any, Any]]:
        """The columns that the person may set in records that are there."""
        actor = actor_of(request)
        kept = {*self.table.key, *self.table.managed_columns}
        kept |= policy.read_only_columns(actor, Operation.UPDATE, self.table.name)
        seen = columns.shown(actor, self.table)
        return {name: column for name, column in seen.columns.items() if name not in kept}

    def _data(self, request: HttpRequest, form: forms.Form) -> dict[str, Any]:
        """What the ticked columns shall hold.

        :raises InvalidInput: none is ticked
        """
        record = self.model()
        data = {}
        for name in request.POST.getlist(CHOSEN):
            column = self.table.columns[name]
            value = form.cleaned_data.get(name)
            column.save_form_data(record, None if value == "" and column.null else value)
            data[name] = getattr(record, column.attname)
        if not data:
            raise InvalidInput(_("Tick at least one column to change."))
        return data

    def _preview(self, request: HttpRequest, keys: list[int], data: Mapping[str, Any]) -> Preview:
        """What an edit will do, found out by doing it and taking it back.

        :raises Refused: it can't be done
        """
        actor = actor_of(request)
        where = {"id": {"$in": keys}}
        seen = columns.shown(actor, self.table)
        named = label(seen)
        wanted = [n for n in dict.fromkeys(["id", named, *data, "updated_at"]) if n and n in seen.columns]
        terms = Terms(dry_run=True)
        with transaction.atomic():
            after = records.update_records(actor=actor, table=self.table, data=data, where=where, terms=terms)
            before = queries.query_records(
                actor=actor, table=self.table, columns=wanted, where=where, limit=len(keys), count="none"
            )
        old, new = ({row["id"]: row for row in rows} for rows in (before.records, after.records))
        changed = [key for key in old if any(old[key][name] != new[key][name] for name in data)]
        return Preview(
            changed,
            len(old) - len(changed),
            max((old[key].get("updated_at", "") for key in changed), default=""),
            list(self._differences([(old[key], new[key]) for key in changed[:SHOWN]], data, actor, named)),
        )

    def _differences(
        self, pairs: Sequence[tuple[Row, Row]], names: Iterable[str], actor: Actor, named: str | None
    ) -> Iterator[Difference]:
        """What changes in each record, in words; the records that it refers to are read all at once."""
        fields = {name: self.table.columns[name] for name in names}
        called = {
            name: names_of(actor, field, [row[name] for pair in pairs for row in pair if row[name]])
            for name, field in fields.items()
            if isinstance(field, models.ForeignKey)
        }

        def words(name: str, field: models.Field[Any, Any], row: Row) -> str:
            return _in_words(field, row[name], called.get(name, {}))

        for old, new in pairs:
            cells = [
                (heading(field), words(name, field, old), words(name, field, new))
                for name, field in fields.items()
                if old[name] != new[name]
            ]
            yield Difference(old["id"], _short(old.get(named or "") or f"#{old['id']}"), cells)

    def _apply(self, request: HttpRequest, keys: list[int], data: Mapping[str, Any]) -> None:
        """Change the records that the preview has named, all or none of them.

        :raises Conflict: one of them was changed since
        """
        wanted = request.POST.get("apply_to", "").split(",")
        changing = [key for key in keys if str(key) in wanted]
        where: dict[str, Any] = {"id": {"$in": changing}}
        if as_of := request.POST.get("as_of"):
            where["updated_at"] = {"$lte": as_of}
        with transaction.atomic():
            change = records.update_records(actor=actor_of(request), table=self.table, data=data, where=where)
            if change.count != len(wanted):
                raise Conflict(
                    _("Some of these records were changed or deleted since you saw what would change."),
                    hint=_("Look at what will change now, and decide again."),
                    table=self.table.name,
                )
        told = _("Changed %(records)s.") % {"records": self.counted(change.count)}
        messages.success(request, done.told(request, self.table, told, change.change_id, Operation.UPDATE))

    def _page(
        self,
        request: HttpRequest,
        keys: Sequence[int],
        form: forms.Form,
        *,
        preview: Preview | None = None,
        refusal: Refused | None = None,
    ) -> HttpResponse:
        ticked = request.POST.getlist(CHOSEN)
        for field in form.fields.values():
            field.disabled = False
        at_fault = {n for c in columns_of(refusal) for n in (c, c.removesuffix("_id"))} if refusal else set()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Edit %(records)s") % {"records": self.counted(len(keys))},
            "opts": self.opts,
            "media": self.media + form.media,
            "fields": [(form[name], name in ticked, name in at_fault) for name in form.fields],
            "form": form,
            "preview": preview,
            "refusal": sentence(refusal) if refusal else "",
            "keys": [str(key) for key in keys],  # numbers would be written as people read them
            "apply_to": ",".join(map(str, preview.keys)) if preview else "",
            "checkbox": ACTION_CHECKBOX_NAME,
            "sent": _sent(request) if preview else [],
            "list_address": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/catalog/bulk_edit.html", context)


def _sent(request: HttpRequest) -> list[tuple[str, str]]:
    """What was filled in, to be sent again."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name == CHOSEN or name.startswith(f"{PREFIX}-")
        for value in values
    ]


def _in_words(field: models.Field[Any, Any], value: Any, called: Mapping[int, str]) -> str:
    """A value as JSON has it, as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return _("Yes") if value else _("No")
        case int() if isinstance(field, models.ForeignKey):
            return called.get(value, f"#{value}")
        case list() | dict():
            return _short(json.dumps(value, ensure_ascii=False))
        case _:
            return _short(dict(field.flatchoices).get(value, value))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
