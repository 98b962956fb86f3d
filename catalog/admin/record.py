"""The page of one record: its form, and saving it through the services."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import Field, ForeignKey
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.errors import InvalidInput, NotFound, Refused
from accesscontrol.pages import ADD, CHANGE, sentence
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog import registry
from catalog.admin import columns, conflict, forms, groups, showing
from catalog.admin.proposed import ProposedWords
from catalog.admin.related import RelatedRecords
from catalog.services import masking, records, versions

MAX_NAME_CHARS = 120  # in the page's heading


class RecordPage(RelatedRecords, ProposedWords):
    """The part of a table's pages that shows and writes one record."""

    form = forms.RecordForm

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return one record, also from the trash: its page says so, and offers to restore it."""
        try:
            key = self.table.where_key(object_id)
        except Refused:
            return None
        actor = actor_of(request)
        fields = self.table.columns.values()
        parents = [f.name for f in fields if isinstance(f, ForeignKey) and columns.may_read(actor, f)]
        rows = self.rows(request, include_deleted=True).filter(**key)
        return (rows.select_related(*parents) if parents else rows).first()

    # Writing ----------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Send what was filled in, or changed, to the service; columns that nobody touched are not sent."""
        actor = actor_of(request)
        merged = conflict.merge(self.table, form, request.POST)
        data = {
            name: getattr(obj, field.attname)
            for name, field in self.table.columns.items()
            if field.name in form.changed_data and name not in merged.kept
        }
        if not change:
            inserted = records.insert_record(actor=actor, table=self.table, data=data)
            obj.pk = inserted.records[0]["id"]
        elif data:
            records.update_records(
                actor=actor,
                table=self.table,
                data=data,
                where={"id": obj.pk},
                expect_one=True,
                stamp=merged.stamp,
            )
        else:
            request.is_unchanged = True  # type: ignore[attr-defined] # for response_change
        if merged.kept:
            messages.info(request, conflict.told(self.table, merged.kept))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Say what was saved; where nothing was changed, say that."""
        if not getattr(request, "is_unchanged", False):
            return super().response_change(request, obj)
        self.message_user(request, _("Nothing was changed, so nothing was saved."), messages.INFO)
        if "_continue" in request.POST:
            return HttpResponseRedirect(request.path)
        return self.response_post_save_change(request, obj)

    # Not saved --------------------------------------------------------------------------------------

    def turned_away(self, request: HttpRequest, doing: str, refusal: Refused) -> HttpResponse:
        """Give what was typed back to who may not save it, or not any more."""
        typed = conflict.typed(self.seen(request), request.POST) if doing in (ADD, CHANGE) else []
        if not typed:
            return super().turned_away(request, doing, refusal)
        self.record_refusal(request, doing, refusal)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Nothing was saved"),
            "sentence": sentence(refusal),
            "typed": typed,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/catalog/not_saved.html", context, status=refusal.status)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        """Say that there is no such record, and show its history; to who was about to save it, what they typed."""
        if request.method == "POST":
            gone = NotFound(_("This record is gone: somebody deleted it for good."), table=self.table.name)
            return self.turned_away(request, CHANGE, gone)
        if self._was_there(request, object_id):
            return HttpResponseRedirect(self.url("history", object_id))
        messages.warning(request, _("There is no record “%(key)s” here.") % {"key": object_id})
        return HttpResponseRedirect(self.url("changelist"))

    def _was_there(self, request: HttpRequest, object_id: str) -> bool:
        """Whether a record that is gone has a history, from which it can be brought back."""
        try:
            return bool(
                versions.list_versions(actor=actor_of(request), table=self.table, key=object_id, limit=1)
            )
        except Refused:
            return False

    # The form ---------------------------------------------------------------------------------------

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the form with the stamp of what it shows, and what is to be chosen where two changed the same."""
        form = context["adminform"].form
        proposed = self.words_for(request, self.seen(request))
        context["words"] = {name: words for name, words in proposed.items() if name in form.fields}
        context["name"] = Truncator(str(context["original"])).chars(MAX_NAME_CHARS)
        if not kwargs.get("change"):
            return super().render_change_form(request, context, *args, **kwargs)
        if form.is_bound:
            merged = self._merged(request, form)
            context["conflicts"] = conflict.conflicts(actor_of(request), self.table, form, merged)
            context["kept_told"] = conflict.told(self.table, merged.kept) if merged.kept else ""
            conflict.show_kept(self.table, form, merged)
            stamp = merged.stamp
        else:
            stamp = conflict.fresh(self.table, form)
        context["stamp"] = json.dumps(stamp) if stamp else ""
        return super().render_change_form(request, context, *args, **kwargs)

    def _merged(self, request: HttpRequest, form: Any) -> conflict.Merge:
        """What became of a form that is shown again; a stamp that was refused is made anew."""
        try:
            return conflict.merge(self.table, form, request.POST)
        except InvalidInput:
            return conflict.Merge(conflict.fresh(self.table, form))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form with the database's comments as help, and the words that it proposes."""
        texts = forms.help_texts(self.table)
        for column in self._read_only(request, obj):
            field = self.table.columns[column]
            for name in {field.name, field.attname}:
                texts[name] = f"{texts[name]} {_('Read only for your role.')}".strip()
        form = super().get_form(request, obj, change=change, **{"help_texts": texts, **kwargs})
        words = self.words_for(request, self.seen(request))
        for name, field in form.base_fields.items():
            field.help_text = texts.get(name, "")
            if name in words:
                field.widget.attrs["list"] = f"words_for_{name}"
        return form

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field of a column."""
        if isinstance(db_field, ForeignKey):
            return self._reference(db_field, request)
        return forms.field_of(db_field) or super().formfield_for_dbfield(db_field, request, **kwargs)

    def _reference(self, column: ForeignKey[Any, Any], request: HttpRequest) -> Any:
        """The field of a foreign key, with links to the other table's pages as far as its rights go."""
        actor = actor_of(request)
        parent = registry.get(self.table.foreign_keys[column.column])
        readable = columns.may_read(actor, column)
        # The trash is included so that a record whose parent is there can still be edited; the services
        # refuse a new reference to it.
        choices = masking.rows(actor, parent, include_deleted=True)
        field = forms.reference_to(column, choices, self.admin_site, readable=readable)
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

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the columns in groups, at last those that the database keeps by itself."""
        seen = self.seen(request)
        unset = self._read_only(request, obj) if obj is None else ()  # there is nothing of it to show yet
        shown = {
            name: self._shown_as(request, obj, name)
            for name in seen.columns
            if name not in unset and name not in self._kept
        }
        sets: list[Any] = [
            (group.heading, {"fields": [shown[name] for name in group.columns], "classes": [group.kind]})
            for group in groups.of(seen, shown)
        ]
        if obj is not None:
            kept = [name for name in self._kept if name in seen.columns]
            sets.append((_("Kept by the database"), {"fields": kept, "classes": ["kept"]}))
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the columns that the person can't set."""
        read_only = self._read_only(request, obj)
        return [*self._kept, *(self._shown_as(request, obj, name) for name in read_only)]

    def _read_only(self, request: HttpRequest, obj: Any) -> list[str]:
        """The columns that a rule keeps the person from setting, in the table's order."""
        operation = Operation.INSERT if obj is None else Operation.UPDATE
        kept = policy.read_only_columns(actor_of(request), operation, self.table.name)
        return [name for name in self.seen(request).columns if name in kept and name not in self._kept]

    @property
    def _kept(self) -> list[str]:
        """The key, and the columns that the database and the services keep."""
        return [n for n in self.table.columns if n in self.table.key or n in self.table.managed_columns]

    def _shown_as(self, request: HttpRequest, obj: Any, column: str) -> Any:
        """A column's field, or how it is shown to be read; a reference that may not be followed shows its number."""
        field = self.table.columns[column]
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        if may_edit and column not in self._read_only(request, obj):
            return field.name
        if isinstance(field, ForeignKey) and not columns.may_read(actor_of(request), field):
            return field.attname
        return showing.of(field)
