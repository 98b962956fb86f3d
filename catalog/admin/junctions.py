"""The pages of the junction tables, whose keys have two columns: Django's own would refuse such models.

They are registered like others, so that the navigation, the addresses and the rights are the same for all tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, cast

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.errors import InvalidInput, Refused
from accesscontrol.pages import ADD, CHANGE, FILTERS, VIEW, ServicePages, columns_of, sentence
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog import registry
from catalog.admin import junction_list, refused_list
from catalog.admin.exchange import RowExchange
from catalog.admin.history import History
from catalog.admin.junction_forms import RowForm, columns_beside_key, end_field
from catalog.admin.junction_frame import page
from catalog.admin.junction_list import (
    AFTER,
    BEFORE,
    ORDER,
    TEXT,
    Asked,
    Names,
    Narrowing,
    key_of,
    name_at,
    names_of,
)
from catalog.admin.junction_removal import JunctionRemoval
from catalog.services import live, queries, records, suggestions
from catalog.services.junctions import End
from catalog.table import Table

PREFIX = "row"


class Site(Protocol):
    """What registering needs of the admin site."""

    def register_composite(self, model: Any, pages: type[ServicePages]) -> None: ...


class JunctionPages(JunctionRemoval):
    """Lists, adds, shows, changes and removes the rows of one junction table."""

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses; a row's has both numbers of its key, such as 3:4."""
        return [
            self.at("", self.changelist_view, "changelist"),
            self.at("add/", self.add_view, "add"),
            self.at("delete/", self.delete_chosen_view, "delete_chosen"),
            self.at("<str:object_id>/change/", self.change_view, "change"),
            self.at("<str:object_id>/delete/", self.delete_view, "delete"),
            self.at("<str:object_id>/history/", self.history_view, "history"),
        ]

    # The list ---------------------------------------------------------------------------------------

    @page(VIEW)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show a page of the rows."""
        actor = actor_of(request)
        seen, ends = self.known_ends(request)
        try:
            asked = Asked.of(seen, request.GET)
        except InvalidInput as refusal:
            return self._refused(request, refusal, seen)
        listing = asked.rows(actor, self.table)
        names = names_of(actor, ends, {column: [key] for column, key in asked.ends.items()})
        words = suggestions.of(actor, seen)[seen.name]
        narrowing = Narrowing(seen, ends, self.admin_site, asked, names, words)
        context = {
            "title": self.named(),
            "description": live.describe(self.table.name)["description"],
            "asked": asked,
            "narrowing": narrowing,
            "words": words,
            "words_of": self.table,
            "headings": junction_list.headings(seen, ends, asked),
            "rows": [junction_list.row(seen, ends, record) for record in listing.records],
            "listing": listing,
            "next_page": listing.next_cursor and asked.address(**{AFTER: listing.next_cursor}),
            "previous_page": listing.previous_cursor and asked.address(**{BEFORE: listing.previous_cursor}),
            "add_query": asked.address(**{TEXT: None, ORDER: None, FILTERS: request.GET.urlencode()}),
            "order_name": ORDER,
            "media": narrowing.media,
            **(extra_context or {}),
        }
        return self.shown(request, "list", context)

    def _refused(self, request: HttpRequest, refusal: Refused, seen: Table) -> HttpResponse:
        """The page that says what is wrong with the list's address."""
        self.record_refusal(request, VIEW, refusal)
        context = {
            **self.admin_site.each_context(request),
            "title": self.named(),
            "opts": self.opts,
            **refused_list.context(refusal, request.GET, partial(Asked.of, seen)),
        }
        return TemplateResponse(request, refused_list.TEMPLATE, context, status=refusal.status)

    # One row ----------------------------------------------------------------------------------------

    @page(ADD, ADD)
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show the form of a new row, and insert what was filled in."""
        actor, (seen, ends) = actor_of(request), self.known_ends(request)
        names: dict[tuple[str, int], str | None] = {}
        given = request.POST or request.GET
        chosen = {end.column: key_of(given.get(end.column) or given.get(end.name)) for end in ends}
        names.update(names_of(actor, ends, {column: [key] for column, key in chosen.items() if key}))
        form = RowForm(
            seen,
            self._writable(request, Operation.INSERT, seen),
            data=request.POST or None,
            ends=self._end_fields(ends, names),
            record={column: key for column, key in chosen.items() if key},
            words=(words := suggestions.of(actor, seen)[seen.name]),
        )
        if request.method == "POST" and self._saved(request, ADD, form, partial(self._insert, request, form)):
            key = self.table.format_key(form.cleaned_data)
            messages.success(request, _("Added to %(table)s: %(key)s.") % {"table": self.named(), "key": key})
            if "_addanother" in request.POST:
                first = ends[0].column
                return HttpResponseRedirect(f"{request.path}?{first}={form.cleaned_data[first]}")
            return self.back(request)
        return self.shown(
            request, "form", self._form_context(form, words, title=_("Add to %s") % self.named())
        )

    @page(VIEW, CHANGE)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a row, and save what was changed beside its key."""
        seen, ends = self.known_ends(request)
        record = self.found(request, object_id)
        may_change = self.allows(request, CHANGE)
        writable = self._writable(request, Operation.UPDATE, seen) if may_change else []
        words = suggestions.of(actor_of(request), seen)[seen.name] if writable else {}
        form = RowForm(seen, writable, data=request.POST or None, prefix=PREFIX, record=record, words=words)
        if request.method == "POST" and self._saved(
            request, CHANGE, form, partial(self._update, request, form, record)
        ):
            return self.back(request)
        context = {
            **self._form_context(form, words, title=junction_list.name_of(ends, record)),
            "row": junction_list.row(seen, ends, record),
            "key": self.table.format_key(record),
            "kept": [
                (capfirst(str(seen.columns[name].verbose_name)), junction_list.cell(record[name]))
                for name in columns_beside_key(seen)
                if name not in form.columns
            ],
        }
        return self.shown(request, "form", context)

    def _insert(self, request: HttpRequest, form: RowForm) -> None:
        data = {**{name: form.cleaned_data[name] for name in self.table.key}, **form.changed}
        records.insert_record(actor=actor_of(request), table=self.table, data=data)

    def _update(self, request: HttpRequest, form: RowForm, record: Mapping[str, Any]) -> None:
        if not form.changed:
            messages.info(request, _("Nothing was changed, so nothing was saved."))
            return
        key = {name: record[name] for name in self.table.key}
        change = records.update_records(
            actor=actor_of(request), table=self.table, data=form.changed, where={**key, **form.as_it_was}
        )
        if not change.count:
            raise form.overtaken(self.found(request, self.table.format_key(record)))
        messages.success(request, _("Saved."))

    def _saved(self, request: HttpRequest, doing: str, form: RowForm, save: Callable[[], None]) -> bool:
        """Whether the form is right, and was saved; what is refused stands in the form, and in the trail."""
        form.require_known()
        if not form.is_valid():
            return False
        try:
            save()
        except Refused as refusal:
            self.record_refusal(request, doing, refusal)
            form.tell(sentence(refusal), columns_of(refusal))
            return False
        return True

    def _end_fields(self, ends: list[End], names: Names) -> dict[str, forms.Field]:
        return {
            end.column: end_field(self.table, end, self.admin_site, partial(name_at, end, names=names))
            for end in ends
        }

    def _writable(self, request: HttpRequest, operation: Operation, seen: Table) -> list[str]:
        """The columns beside the key that this person may set."""
        kept = policy.read_only_columns(actor_of(request), operation, self.table.name)
        return [name for name in columns_beside_key(seen) if name not in kept]

    def _form_context(self, form: RowForm, words: suggestions.Words, *, title: str) -> dict[str, Any]:
        return {"title": title, "form": form, "words": words, "words_of": self.table, "media": form.media}


class JunctionAdmin(RowExchange, History, JunctionPages):
    """All pages of one junction table."""

    @classmethod
    def of(cls, table: Table) -> type[JunctionAdmin]:
        """This function will derive the pages of a table."""
        return type(f"{table.model.__name__}Admin", (cls,), {"table": table, "audited_table": table.name})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return one row, without its read being noted: its history is, and says as much."""
        actor = actor_of(request)
        return queries.visible(actor, self.table).filter(**self.table.where_key(object_id)).first()


def register(site: admin.AdminSite) -> None:
    """This function will give every junction table its pages."""
    for table in registry.all_tables():
        if table.junction:
            cast("Site", site).register_composite(table.model, JunctionAdmin.of(table))
