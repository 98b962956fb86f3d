"""The pages of one table, derived from the registry; every read and write goes through the services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accesscontrol import policy
from accesscontrol.web import actor_of
from catalog import registry
from catalog.admin import columns
from catalog.admin.bulk import BulkEdit
from catalog.admin.deletion import Deletion
from catalog.admin.exchange import RecordExchange
from catalog.admin.history import History
from catalog.admin.junction_rows import JunctionRows
from catalog.admin.lists import Lists
from catalog.admin.operations import OPERATIONS
from catalog.admin.purging import Purging
from catalog.admin.record import RecordPage
from catalog.services import queries
from catalog.table import Table


class TableAdmin(Lists, BulkEdit, Purging, Deletion, History, JunctionRows, RecordExchange, RecordPage):
    """Lists, shows and writes the records of one table."""

    actions = ["edit_chosen", "export_chosen", "delete_chosen", "restore_chosen", "purge_chosen"]

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
            },
        )

    def require(self, request: HttpRequest, doing: str) -> None:
        """Ask the policy."""
        policy.require(actor_of(request), OPERATIONS[doing], self.table)

    def note_view(self, request: HttpRequest, objects: list[Any]) -> None:
        """Write the read to the trail."""
        queries.note_view(actor=actor_of(request), table=self.table, keys=[obj.pk for obj in objects])

    # Reading ----------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that this person may see, those in the trash only where they are asked for."""
        return self.rows(request, include_deleted=self.shows_trash(request)).order_by("id")

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
