"""The pages of one table, derived from the registry; every read and write goes through the services."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.text import capfirst

from accesscontrol import policy
from accesscontrol.errors import Forbidden
from accesscontrol.pages import ADD, CHANGE, DELETE, VIEW
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog import registry
from catalog.admin import columns
from catalog.admin.deletion import Deletion
from catalog.admin.record import RecordPage
from catalog.admin.trash import Trash, TrashFilter
from catalog.services import counting, live, queries
from catalog.table import Table

_OPERATIONS = {
    VIEW: Operation.READ,
    ADD: Operation.INSERT,
    CHANGE: Operation.UPDATE,
    DELETE: Operation.DELETE,
}


class CappedPaginator(Paginator):  # type: ignore[type-arg] # no generics at run time
    """Pages whose total is exact up to 10,000 and an estimate above."""

    @cached_property
    def _counted(self) -> tuple[int, bool]:
        return counting.count(cast("QuerySet[Any]", self.object_list), exact=False)

    @cached_property
    def count(self) -> int:
        """How many rows there are."""
        return self._counted[0]

    @property
    def is_estimate(self) -> bool:
        """Whether the count is one."""
        return self._counted[1]


class TableAdmin(Trash, Deletion, RecordPage):
    """Lists, shows and writes the records of one table."""

    list_per_page = 50
    list_max_show_all = 0
    paginator = CappedPaginator
    actions = ["delete_chosen", "restore_chosen"]

    @classmethod
    def of(cls, table: Table) -> type[TableAdmin]:
        """This function will derive the pages of a table."""
        return type(
            f"{table.model.__name__}Admin",
            (cls,),
            {
                "table": table,
                "audited_table": table.name,
                "ordering": ("id",),
                "search_fields": columns.searched(table),
                "search_help_text": f"Looks into {', '.join(columns.searched(table)).replace('=id', 'id')}.",
                "list_filter": [*([TrashFilter] if table.soft_delete else []), *columns.filtered(table)],
            },
        )

    def require(self, request: HttpRequest, doing: str) -> None:
        """Ask the policy. These pages show whole records: who may not know of a column can't be shown them."""
        actor = actor_of(request)
        policy.require(actor, _OPERATIONS[doing], self.table)
        if policy.hidden_columns(actor, self.table.name):
            raise Forbidden(
                f"Columns of {self.table.name} are hidden from your role, and these pages show whole records.",
                hint="Work with this table through an agent: it sees what you may see.",
                table=self.table.name,
            )

    def note_view(self, request: HttpRequest, objects: list[Any]) -> None:
        """Write the read to the trail."""
        queries.note_view(actor=actor_of(request), table=self.table, keys=[obj.pk for obj in objects])

    # Reading ----------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that this person may see, those in the trash only where they are asked for."""
        return self.rows(request, include_deleted=self.shows_trash(request)).order_by("id")

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns, without what other tables would tell to those who may not read them."""
        return columns.cells(self.seen(request), actor_of(request))

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """Return the references that the list shows by name, so that they come in the one query."""
        return columns.readable_references(self.seen(request), actor_of(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, without its long texts."""
        changes = super().get_changelist_instance(request)
        changes.result_list = changes.result_list.defer(
            *columns.unneeded(self.seen(request), actor_of(request))
        )
        return changes

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list under the table's name, with what the database says of it."""
        title = capfirst(str(self.opts.verbose_name_plural))
        extra = {
            "title": f"{title} in the trash" if self.shows_trash(request) else title,
            "description": live.describe(self.table.name)["description"],
            **(extra_context or {}),
        }
        return super().changelist_view(request, extra)

    # Writing ----------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not self.is_trashed(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not self.is_trashed(obj)


def register(site: admin.AdminSite) -> None:
    """This function will give every table that has one key its pages. The trail's own are the audit app's."""
    for table in registry.all_tables():
        if not table.junction and not table.append_only:
            site.register(table.model, TableAdmin.of(table))
