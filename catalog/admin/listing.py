"""Django's list of records, told by our addresses what to show, and paged without counting a large table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import localize
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput
from accesscontrol.web import actor_of
from audit import timeouts
from catalog.admin import columns, windows
from catalog.admin.addresses import AFTER, BEFORE, COLUMNS, ORDER, PAGE, SIZE, SIZES, Listing
from catalog.admin.windows import END, Window, Windows
from catalog.services import conditions, counting
from catalog.services.ordering import Term
from catalog.services.search import Search


@dataclass(frozen=True)
class Heading:
    """The heading of a column, and where a click on it leads."""

    column: columns.Column
    address: str | None
    direction: str  # as aria-sort says it, or nothing


@dataclass(frozen=True)
class Line:
    """One record in a list."""

    key: str
    choose: str  # what the box before it says
    cells: str  # as HTML: made here, since a template takes three times as long for some hundred cells


class TableList(ChangeList):
    """A list of the records of one table."""

    listing: Listing
    actor: Actor
    rows: QuerySet[Any]  # that are searched
    searched: QuerySet[Any]  # what the words find, whatever else the list is narrowed to
    search: Search
    window: Window | None = None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Return the rows that the address asks for, in its order."""
        self.actor = actor_of(request)
        self.listing = self.model_admin.listing(request)  # type: ignore[attr-defined] # a table's pages have it
        self.filter_specs, self.has_filters, self.has_active_filters = [], False, self.listing.is_narrowed
        self.query = self.listing.search
        table = self.listing.table
        every: QuerySet[Any] = self.root_queryset
        if self.listing.in_trash:
            every = every.filter(deleted_at__isnull=False)
        self.search = Search(table, self.listing.search)
        self.searched = every.filter(self.search.condition)
        rows = every.filter(conditions.parse(table, self.listing.where))
        self.rows = rows.order_by(*(term.sql() for term in self.order))
        return self.rows.filter(self.search.condition)

    @property
    def order(self) -> list[Term]:
        """The whole order, ending with the key."""
        table = self.listing.table
        terms = {
            columns.order_path(table, self.actor, column): is_descending
            for column, is_descending in self.listing.order
        }
        for name in table.key:
            terms.setdefault(name, False)
        return [Term(name, is_descending) for name, is_descending in terms.items()]

    def get_results(self, request: HttpRequest) -> None:
        """Fetch a page, in no more time than the database gives a statement."""
        with transaction.atomic():
            timeouts.begin(self.actor, flushes=False)
            self._fetch(request)

    def _fetch(self, request: HttpRequest) -> None:
        """Fetch a page: by its number where all rows were counted, else by a cursor."""
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.listing.size)
        self.paginator.counted = self.search.count(self.rows)
        self.result_count = self.paginator.count
        self.full_result_count, self.show_full_result_count = None, False
        self.show_admin_actions, self.can_show_all = True, False
        self.multi_page = self.result_count > self.listing.size
        if self.paginator.is_estimate and windows.is_possible(self.listing.table, self.order):
            self.window = self._window(request)
            self.result_list = self.window.rows
        else:
            self._numbered = Paginator(range(min(self.result_count, counting.CAP)), self.listing.size)
            self.page_num = max(1, min(self.page_num, self._numbered.num_pages))
            start = (self.page_num - 1) * self.listing.size
            self.result_list = self._load(self.search.first(self.rows, self.listing.size, start=start))

    def _load(self, keys: Iterable[int]) -> list[Any]:
        """Return records by their keys, in that order: a long list is sorted without what it shows of each."""
        wanted = list(keys)
        rows = columns.loaded(self.root_queryset.filter(pk__in=wanted), self.listing, self.actor)
        found = {row.pk: row for row in rows}
        return [found[key] for key in wanted if key in found]

    def _window(self, request: HttpRequest) -> Window:
        pages = Windows(
            self.actor,
            self.listing.table,
            self.rows,
            self.search.first,
            self._load,
            self.order,
            self.listing.size,
            (self.listing.table.name, self.listing.query),
        )
        try:
            return pages.page(after=request.GET.get(AFTER), before=request.GET.get(BEFORE))
        except (InvalidInput, Conflict):
            messages.warning(
                request, _("That place in the list is not known any more. Here is its beginning.")
            )
            return pages.page(after=None, before=None)

    # For the template -------------------------------------------------------------------------------

    @property
    def headings(self) -> list[Heading]:
        """The headings of the columns after the first, which ticks rows."""
        return [self._heading(column) for column in self.shown_columns]

    @property
    def lines(self) -> Iterator[Line]:
        """The records of this page."""
        before, after = self._around_key()
        choose = _("Choose %s")
        nothing = format_html('<span class="nothing" role="img" aria-label="{}">&ndash;</span>', _("Empty"))
        for row in self.result_list:
            cells = [self._cell(column, row, nothing) for column in self.shown_columns[1:]]
            name = self.shown_columns[0]
            head = format_html(
                '<th scope="row" class="field-{}"><a href="{}">{}</a></th>',
                name.name,
                f"{before}{row.pk}{after}",
                text := name.show(row),
            )
            yield Line(str(row.pk), choose % text, head + SafeString("".join(cells)))

    def _cell(self, column: columns.Column, row: Any, nothing: str) -> str:
        value = column.show(row)
        shown = nothing if value is None or value == "" else localize(value)
        return format_html('<td class="field-{} {}">{}</td>', column.name, column.kind, shown)

    @cached_property
    def shown_columns(self) -> list[columns.Column]:
        """What is shown of each record."""
        return columns.of(self.listing, self.actor)

    @property
    def pages(self) -> list[tuple[str, str | None]]:
        """(number, address) of the pages to choose from; the page one is on, and a gap, have no address."""
        if self.window is not None or not self.multi_page:
            return []
        numbers = self._numbered.get_elided_page_range(self.page_num, on_each_side=2, on_ends=1)
        return [(str(n), self._page(n) if isinstance(n, int) else None) for n in numbers]

    @property
    def steps(self) -> dict[str, str | None]:
        """The addresses of the pages around this one, where pages have no numbers."""
        if self.window is None:
            return {}
        previous, following = self.window.previous, self.window.next
        return {
            "first": self.address({}) if previous else None,
            "previous": self.address(previous) if previous else None,
            "next": self.address(following) if following else None,
            "last": self.address({BEFORE: END}) if following else None,
        }

    @property
    def first_shown(self) -> int:
        """The number of the first row on a page that has a number."""
        return (self.page_num - 1) * self.listing.size + 1

    @property
    def last_shown(self) -> int:
        """The number of the last row on a page that has a number."""
        return self.first_shown + len(self.result_list) - 1

    @property
    def is_cut(self) -> bool:
        """Whether rows beyond the last page can't be reached: a large table in an order that no cursor follows."""
        return self.window is None and self.result_count > counting.CAP

    @property
    def sizes(self) -> list[tuple[int, str | None]]:
        """(rows on a page, address); that of now has no address."""
        return [
            (size, None if size == self.listing.size else self.address({SIZE: str(size)})) for size in SIZES
        ]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """(parameter, value) of what the search box leaves as it is."""
        return [(name, value) for name, value in self._parameters() if name != "q"]

    @property
    def kept_beside_filters(self) -> list[tuple[str, str]]:
        """(parameter, value) of what the filters leave as it is."""
        ours = {"q", ORDER, COLUMNS, SIZE, "trash", "_popup", "_to_field"}
        return [(name, value) for name, value in self._parameters() if name in ours]

    @property
    def kept_beside_columns(self) -> list[tuple[str, str]]:
        """(parameter, value) of what a choice of columns leaves as it is."""
        return [(name, value) for name, value in self._parameters() if name != COLUMNS]

    def address(self, changes: Mapping[str, str | None], *, without: Sequence[str] = ()) -> str:
        """This function will return the address of this list with some parameters set or, by None, left out.

        It leads to the first page.
        """
        dropped = {*changes, *without}
        kept = {
            n: vs for n, vs in self.filter_params.items() if n not in dropped and n not in (AFTER, BEFORE)
        }
        set_ = {name: value for name, value in changes.items() if value is not None}
        return "?" + urlencode({**kept, **set_}, doseq=True)

    def _around_key(self) -> tuple[str, str]:
        """What stands before and after the key in the address of a record's page, which leads back to this list."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        before, _, after = reverse(name, args=[0]).rpartition("0")
        return before, f"{after}?{self.preserved_filters}" if self.preserved_filters else after

    def _page(self, number: int) -> str | None:
        return None if number == self.page_num else self.address({PAGE: str(number)})

    def _parameters(self) -> Iterator[tuple[str, str]]:
        for name, values in self.filter_params.items():
            if name not in (AFTER, BEFORE):
                yield from ((name, value) for value in values if value)

    def _heading(self, column: columns.Column) -> Heading:
        if column.order is None:
            return Heading(column, None, "")
        first = next(iter(self.listing.order or ((self.listing.table.key[0], False),)))
        is_sorted = first[0] == column.order
        turned = f"-{column.order}" if is_sorted and not first[1] else column.order
        direction = ("descending" if first[1] else "ascending") if is_sorted else ""
        return Heading(column, self.address({ORDER: turned}), direction)
