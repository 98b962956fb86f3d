"""The pages of one table, derived from the registry; every read and write goes through the services."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Field, ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.text import capfirst

from accesscontrol import policy
from accesscontrol.errors import Forbidden, Refused
from accesscontrol.pages import ADD, CHANGE, DELETE, VIEW, ServicePages
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog import registry
from catalog.admin import columns, forms
from catalog.admin.deletion import Deletion
from catalog.admin.trash import Trash, TrashFilter
from catalog.services import counting, live, queries, records
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


class TableAdmin(Trash, Deletion, ServicePages):
    """Lists, shows and writes the records of one table."""

    form = forms.RecordForm
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
        rows = queries.visible(actor_of(request), self.table, include_deleted=self.shows_trash(request))
        return rows.order_by("id")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return one record, also from the trash: its page says so, and offers to restore it."""
        try:
            key = self.table.where_key(object_id)
        except Refused:
            return None
        rows = queries.visible(actor_of(request), self.table, include_deleted=True)
        return rows.filter(**key).first()

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns, without what other tables would tell to those who may not read them."""
        return columns.cells(self.table, actor_of(request))

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """Return the references that the list shows by name, so that they come in the one query."""
        return columns.readable_references(self.table, actor_of(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, without its long texts."""
        changes = super().get_changelist_instance(request)
        changes.result_list = changes.result_list.defer(*columns.unneeded(self.table, actor_of(request)))
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

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Send what was filled in, or changed, to the service; columns that nobody touched are not sent."""
        changed = set(form.changed_data)
        columns_ = {name: field for name, field in self.table.columns.items() if field.name in changed}
        data = {name: getattr(obj, field.attname) for name, field in columns_.items()}
        actor = actor_of(request)
        if not change:
            inserted = records.insert_record(actor=actor, table=self.table, data=data)
            obj.pk = inserted.records[0]["id"]
        elif data:
            records.update_records(
                actor=actor, table=self.table, data=data, where={"id": obj.pk}, expect_one=True
            )
        else:
            request.is_unchanged = True  # type: ignore[attr-defined] # for response_change

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Say what was saved; where nothing was changed, say that."""
        if not getattr(request, "is_unchanged", False):
            return super().response_change(request, obj)
        self.message_user(request, "Nothing was changed, so nothing was saved.", messages.INFO)
        if "_continue" in request.POST:
            return HttpResponseRedirect(request.path)
        return self.response_post_save_change(request, obj)

    # Forms ------------------------------------------------------------------------------------------

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field of a column."""
        if isinstance(db_field, ForeignKey):
            return self._reference(db_field, request)
        return forms.field_of(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)

    def _reference(self, column: ForeignKey[Any, Any], request: HttpRequest) -> Any:
        """The field of a foreign key, with links to the other table's pages as far as its rights go."""
        parent = registry.get(self.table.foreign_keys[column.column])
        readable = columns.may_read(actor_of(request), column)
        field = forms.reference_to(parent, column, self.admin_site, readable=readable)
        if field is not None and readable:
            other = self.admin_site.get_model_admin(parent.model)
            may_change = other.has_change_permission(request)
            field.widget = admin.widgets.RelatedFieldWidgetWrapper(
                field.widget,
                column.remote_field,
                self.admin_site,
                can_add_related=other.has_add_permission(request),
                can_change_related=may_change,
                can_view_related=not may_change,
            )
        return field

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form with the database's comments as help."""
        kwargs.setdefault("help_texts", forms.help_texts(self.table))
        form = super().get_form(request, obj, change=change, **kwargs)
        for name, field in form.base_fields.items():
            field.help_text = kwargs["help_texts"].get(name, "")
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the columns in the database's order, then what the database keeps by itself."""
        names = [self._shown_as(request, obj, name) for name in self.table.columns if name not in self._kept]
        sets: list[Any] = [(None, {"fields": names})]
        if obj is not None:
            sets.append(("Kept by the database", {"fields": self._kept, "classes": ["kept"]}))
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the columns that people can't set."""
        return self._kept

    @cached_property
    def _kept(self) -> list[str]:
        """The key, and the columns that the database and the services keep."""
        return [n for n in self.table.columns if n in self.table.key or n in self.table.managed_columns]

    def _shown_as(self, request: HttpRequest, obj: Any, column: str) -> str:
        """A column's field; for reading, a reference to what this person may not read shows as its number."""
        field = self.table.columns[column]
        if not isinstance(field, ForeignKey) or columns.may_read(actor_of(request), field):
            return field.name
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return field.name if may_edit else field.attname


def register(site: admin.AdminSite) -> None:
    """This function will give every table that has one key its pages. The trail's own are the audit app's."""
    for table in registry.all_tables():
        if not table.junction and not table.append_only:
            site.register(table.model, TableAdmin.of(table))
