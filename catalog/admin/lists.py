"""The list of a table's records: filters, words, order, columns and pages, all of them in its address."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.paginator import Paginator
from django.db import Error
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accesscontrol.errors import Refused
from accesscontrol.pages import VIEW
from accesscontrol.web import actor_of
from audit import faults
from catalog.admin import addresses, columns, facets, refused_list
from catalog.admin.addresses import COLUMNS, SEARCH, TRASH, Listing
from catalog.admin.listing import TableList
from catalog.admin.seen import SeenColumns
from catalog.admin.trash import Trash
from catalog.admin.views import SavedViews
from catalog.services import counting, live
from catalog.services.lookups import among
from catalog.services.search import Search

SUGGESTIONS = (AutocompleteJsonView.paginate_by or 0) + 1  # one more says that there are more


class CappedPaginator(Paginator):  # type: ignore[type-arg] # no generics at run time
    """Pages whose total is exact up to 10,000 and an estimate above."""

    @cached_property
    def counted(self) -> tuple[int, bool]:
        """How many rows there are, and whether that is an estimate."""
        return counting.count(cast("QuerySet[Any]", self.object_list), exact=False)

    @cached_property
    def count(self) -> int:
        """How many rows there are."""
        return self.counted[0]

    @property
    def is_estimate(self) -> bool:
        """Whether the count is one."""
        return self.counted[1]


class Lists(SavedViews, Trash, SeenColumns):
    """The part of a table's pages that lists its records."""

    change_list_template = "admin/catalog/change_list.html"
    list_max_show_all = 0
    paginator = CappedPaginator

    def listing(self, request: HttpRequest) -> Listing:
        """This function will return what the address of the list asks for.

        :raises InvalidInput: an unknown column or lookup, or a value that the column can't have
        """
        return addresses.read(self.seen(request), request.GET)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TableList]:
        """Return what makes the list."""
        return TableList

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return what Django asks for; our list knows its columns from its address."""
        return ["__str__"]

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Return what the search looks into, as far as the person may know of it."""
        return columns.searched(self.seen(request))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Suggest the first few records that a search by words finds, for references to them."""
        found = Search(self.seen(request), search_term).first(queryset, SUGGESTIONS)
        return queryset.filter(among("pk", found)), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list under the table's name, or why its address can't be followed and what to do."""
        title = capfirst(str(self.opts.verbose_name_plural))
        if self.shows_trash(request):
            title = _("%(records)s in the trash") % {"records": title}
        extra = {
            "title": title,
            "description": live.describe(self.table.name)["description"],
            **(extra_context or {}),
        }
        try:
            response = super().changelist_view(request, extra)
        except Refused as refusal:
            return self._refused(request, refusal, extra)
        except Error as error:
            refusal_ = faults.translate(error)
            if refusal_ is None:
                raise
            return self._refused(request, refusal_, extra)
        if isinstance(response, TemplateResponse) and "cl" in (response.context_data or {}):
            changes: TableList = response.context_data["cl"]  # type: ignore[index]
            response.context_data.update(self._controls(request, changes))  # type: ignore[union-attr]
        return response

    def response_action(  # type: ignore[override] # the stubs are of a later Django
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Run an action on the chosen records.

        :raises InvalidInput: what was chosen is no record's key
        """
        for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
            self.table.where_key(key)
        return super().response_action(request, queryset)

    def _controls(self, request: HttpRequest, changes: TableList) -> dict[str, Any]:
        """What the toolbar above the list shows."""
        listing, actor = changes.listing, actor_of(request)
        found = facets.of(listing, actor, request.GET, facets.counts(listing, changes.searched))
        chips = list(facets.chips(listing, found, request.GET))
        filtering = [name for chip in chips for name in chip.parameters]
        chosen = columns.names(listing)
        return {
            "facets": found,
            "kept_filters": facets.kept(found, listing, request.GET),
            "chips": [(chip, changes.address({}, without=chip.parameters)) for chip in chips],
            "choosable": [(name, text, name in chosen) for name, text in columns.choosable(listing)],
            "saved_views": self.saved_views(request, listing.query),
            "has_trash": self.table.soft_delete,
            "in_trash": listing.in_trash,
            "in_use_address": changes.address({TRASH: None}),
            "trash_address": changes.address({TRASH: "1"}),
            "unsearched_address": changes.address({SEARCH: None}),
            "unfiltered_address": changes.address({}, without=filtering),
            "everything_address": changes.address({SEARCH: None}, without=filtering),
            "usual_address": changes.address({COLUMNS: None}),
        }

    def _refused(self, request: HttpRequest, refusal: Refused, extra: dict[str, Any]) -> HttpResponse:
        """The page that says what is wrong with the list's address."""
        self.record_refusal(request, VIEW, refusal)
        context = {
            **self.admin_site.each_context(request),
            **extra,
            "opts": self.opts,
            **refused_list.context(refusal, request.GET, partial(addresses.follow, self.seen(request))),
        }
        return TemplateResponse(request, refused_list.TEMPLATE, context, status=refusal.status)
