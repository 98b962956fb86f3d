"""Admin pages on top of services: what a service refuses is told to the person and to the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any, ClassVar, Protocol, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from accesscontrol.errors import Forbidden, InvalidInput, Refused

VIEW, ADD, CHANGE, DELETE = "view", "add", "change", "delete"  # Django's words for what a page does
FILTERS = "_changelist_filters"  # Django's word for the address of the list that somebody came from
# Django's scripts, but for those that make a part of an address from a title: no table has one, and they weigh most.
SCRIPTS = (
    "vendor/jquery/jquery.min.js",
    "jquery.init.js",
    "core.js",
    "admin/RelatedObjectLookups.js",
    "actions.js",
)
PLAIN_LOOKUPS = ("exact", "isnull", "gt", "gte", "lt", "lte")


class RefusalTranslator(Protocol):
    """What these pages need of the admin site: the face's one translator of refusals."""

    def record_refusal(
        self, request: HttpRequest, refusal: Refused, *, operation: str, table: str | None
    ) -> None: ...

    def refused_page(self, request: HttpRequest, refusal: Refused) -> HttpResponse: ...


class RefusalForm(forms.ModelForm):  # type: ignore[type-arg] # no generics at run time
    """A form that shows why a service refused what it was filled in with."""

    refusal: ClassVar[Refused | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc] # Django's own hook, unknown to its stubs
        if self.refusal is not None:
            names = [name for name in map(self._field_of, columns_of(self.refusal)) if name]
            for name in names:
                self.add_error(name, sentence(self.refusal))
            if not names:
                self.add_error(None, sentence(self.refusal))

    def _field_of(self, column: str) -> str | None:
        """The form's field for a column, such as author for author_id."""
        return next((name for name in (column, column.removesuffix("_id")) if name in self.fields), None)


class ServicePages(admin.ModelAdmin):  # type: ignore[type-arg] # no generics at run time
    """Pages of one model whose reads and writes go through services.

    A subclass says who may come in (`require`), and writes with services in save_model and delete_model.
    """

    form = RefusalForm
    operations: ClassVar[Mapping[str, str]] = {
        VIEW: "QUERY",
        ADD: "INSERT",
        CHANGE: "UPDATE",
        DELETE: "DELETE",
    }
    audited_table: str | None = None  # as the trail names it
    names: ClassVar[tuple[Any, Any] | None] = (
        None  # of one and of many, where the model's own are not to be shown
    )
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        if self.names:
            self.opts = copy(model._meta)  # its own are not ours to change
            self.opts.verbose_name, self.opts.verbose_name_plural = self.names

    @property
    def media(self) -> forms.Media:
        """What the pages load."""
        return forms.Media(js=[f"admin/js/{script}" for script in SCRIPTS])

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list under our name."""
        changes = super().get_changelist_instance(request)
        changes.opts = self.opts
        return changes

    def require(self, request: HttpRequest, doing: str) -> None:
        """This function will do nothing where the person may do it (VIEW, ADD, CHANGE, DELETE) here.

        :raises Refused: they may not
        """
        raise NotImplementedError

    def note_view(self, request: HttpRequest, objects: list[Any]) -> None:
        """This function will tell the trail what a page or an answer is about to show."""

    def allows(self, request: HttpRequest, doing: str) -> bool:
        """This function will say whether the person may do it here."""
        try:
            self.require(request, doing)
        except Refused:
            return False
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, ADD)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, VIEW) and self.allows(request, CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, VIEW) and self.allows(request, DELETE)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow only plain comparisons in addresses: a regular expression there is an error, or an attack."""
        name, _, comparison = lookup.rpartition("__")
        is_plain = not name or comparison in PLAIN_LOOKUPS
        return is_plain and "\0" not in str(value) and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Search for what PostgreSQL can hold."""
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list, and run actions on it."""
        try:
            self.require(request, VIEW)
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        if denied := self._denied_action(request):
            return self.turned_away(
                request, denied, Forbidden("You may not do this with the chosen records.")
            )
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and "cl" in (response.context_data or {}):
            self.note_view(request, list(response.context_data["cl"].result_list))  # type: ignore[index]
        return response

    def _denied_action(self, request: HttpRequest) -> str | None:
        """What an action would do that was sent though it is not offered, for want of a right."""
        name = request.POST.get("action", "")
        known = {action[1]: action for action in self._get_base_actions()}  # type: ignore[attr-defined] # unknown to its stubs
        if name not in known or self._filter_actions_by_permissions(request, [known[name]]):  # type: ignore[attr-defined]
            return None
        doing = str(known[name][0].allowed_permissions[0])
        return doing if doing in self.operations else doing.upper()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show or save one record; a refused save shows the form again, as it was filled in."""
        doing = ADD if object_id is None else CHANGE
        wanted = VIEW if request.method != "POST" and doing == CHANGE else doing
        try:
            self.require(request, wanted)
        except Refused as refusal:
            return self.turned_away(request, wanted, refusal)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PermissionDenied:
            return self.turned_away(request, wanted, Forbidden("This record can't be changed here."))
        except Refused as refusal:
            self.record_refusal(request, doing, refusal)
            request.refusal = refusal  # type: ignore[attr-defined] # for the form of the second pass
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form; in the second pass one that shows why the save was refused."""
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else type(form.__name__, (form,), {"refusal": refusal})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Tell the trail which record is shown, and show it."""
        if context.get("original") is not None:
            self.note_view(request, [context["original"]])
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask before a record is deleted, and delete it."""
        try:
            self.require(request, DELETE)
        except Refused as refusal:
            return self.turned_away(request, DELETE, refusal)
        try:
            return super().delete_view(request, object_id, extra_context)
        except PermissionDenied:
            return self.turned_away(request, DELETE, Forbidden("This record can't be deleted here."))
        except Refused as refusal:
            self.record_refusal(request, DELETE, refusal)
            messages.error(request, sentence(refusal))
            return HttpResponseRedirect(self.url("change", object_id))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show what the audit trail knows of a record."""
        try:
            self.require(request, VIEW)  # the name of an account or a role would be in the address
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        query = QueryDict(mutable=True)
        query.update(self.trail_filter(object_id))
        return HttpResponseRedirect(f"{reverse('admin:audit_auditlog_changelist')}?{query.urlencode()}")

    def trail_filter(self, object_id: str) -> dict[str, str]:
        """This function will return the filter that finds a record's entries in the audit trail."""
        return {"table_name__exact": self.audited_table or "", "record_id__exact": object_id}

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """Lead to the list as it was."""
        return self._as_left(request, super().response_post_save_add(request, obj))

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """Lead to the list as it was."""
        return self._as_left(request, super().response_post_save_change(request, obj))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Lead to the list as it was."""
        response = super().response_delete(request, obj_display, obj_id)
        return self._as_left(request, response) if isinstance(response, HttpResponseRedirect) else response

    def _as_left(self, request: HttpRequest, response: HttpResponseRedirect) -> HttpResponseRedirect:
        """A way to the list with all values of its filters, of which Django keeps one each; any other as it is."""
        address = self.url("changelist")
        is_list = response.url.partition("?")[0] == address
        return HttpResponseRedirect(as_left(request, address)) if is_list else response

    def turned_away(self, request: HttpRequest, doing: str, refusal: Refused) -> HttpResponse:
        """This function will record a refusal and return the page that tells of it."""
        self.record_refusal(request, doing, refusal)
        return cast("RefusalTranslator", self.admin_site).refused_page(request, refusal)

    def record_refusal(self, request: HttpRequest, doing: str, refusal: Refused) -> None:
        """This function will have a refusal written to the trail."""
        cast("RefusalTranslator", self.admin_site).record_refusal(
            request, refusal, operation=self.operations.get(doing, doing), table=self.audited_table
        )

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Return the record as the form has it.

        :raises InvalidInput: values came for columns that the page does not offer: a forged form
        """
        fields = self.opts.concrete_fields
        columns = {name for field in fields for name in (field.name, field.attname)}
        if forged := sorted(columns.intersection(form.data) - set(form.fields)):
            raise InvalidInput(f"{', '.join(forged)} can't be set here.", columns=forged)
        return super().save_form(request, form, change)

    @contextmanager
    def telling(self, request: HttpRequest, doing: str) -> Iterator[None]:
        """This function will turn a refusal within its block into a message and an audit row."""
        try:
            yield
        except Refused as refusal:
            self.record_refusal(request, doing, refusal)
            messages.error(request, sentence(refusal))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Do nothing: services write a record whole, in save_model."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Do nothing, like its sisters: the audit trail is the one record of what was done."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Do nothing."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Do nothing."""

    def url(self, page: str, *args: Any) -> str:
        """This function will return the address of one of this model's pages."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)


def as_left(request: HttpRequest, address: str) -> str:
    """This function will return the address of a list as it was when somebody left it for the page that they are on."""
    query = QueryDict(request.GET.get(FILTERS, "")).urlencode()
    return f"{address}?{query}" if query else address


def columns_of(refusal: Refused) -> list[str]:
    """This function will return the columns that a refusal is about."""
    details = refusal.details
    named = details.get("columns") or ([details["column"]] if details.get("column") else [])
    return [str(name) for name in named]


def sentence(refusal: Refused) -> str:
    """This function will return a refusal in words: its message, what stands in the way, and what to do."""
    parts = [refusal.message]
    for found in refusal.details.get("dependents", ()):
        where = f" ({found['column']})" if "column" in found else ""
        count = f": {found['count']}" if "count" in found else ""
        trashed = f", {found['in_trash']} of them in the trash" if found.get("in_trash") else ""
        parts.append(f"{found['table']}{where}{count}{trashed}.")
    if refusal.hint:
        parts.append(refusal.hint)
    return " ".join(parts)
