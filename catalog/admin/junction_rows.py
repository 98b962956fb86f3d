"""The part of a record's page that edits the junction rows which tie it to others."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib.admin.options import IS_POPUP_VAR
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.text import capfirst

from accesscontrol import policy
from accesscontrol.errors import InvalidInput, Refused
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog import registry
from catalog.admin.junction_part import Fault, JunctionPart
from catalog.admin.junction_saving import NotSaved, save
from catalog.admin.proposed import ProposedWords
from catalog.services import columns
from catalog.table import Table

MEDIA = forms.Media(css={"all": ["dbadmin/junctions.css"]}, js=["dbadmin/junctions.js"])


class JunctionRows(ProposedWords):
    """Shows, checks and saves the rows, with the record and in its transaction."""

    def proposing(self, request: HttpRequest) -> list[Table]:
        """Return the tables that the page has forms of: the junctions too."""
        actor = actor_of(request)
        junctions = {junction.name: columns.shown(actor, junction) for junction, _ in self._ties(request)}
        return [*super().proposing(request), *junctions.values()]

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        """Return the parts of the form beside the record's own, which Django then checks and saves with it."""
        formsets, inlines = super()._create_formsets(request, obj, change)  # type: ignore[misc] # Django's own hook
        parts = self._parts(request, obj if change else None)
        request.junction_parts = parts  # type: ignore[attr-defined] # for the page
        return [*formsets, *parts], inlines

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the rows, all with the record or none."""
        super().save_related(request, form, formsets, change)
        try:
            saved = [save(part, form.instance.pk) for part in formsets if isinstance(part, JunctionPart)]
        except NotSaved as error:
            request.junction_fault = error.fault  # type: ignore[attr-defined] # for the form of the second pass
            raise error.fault.refusal from error
        if any(saved):
            request.is_unchanged = False  # type: ignore[attr-defined] # for response_change

    def record_refusal(self, request: HttpRequest, doing: str, refusal: Refused) -> None:
        """Have a refusal written to the trail: of the rows, under their own table."""
        fault = _fault(request)
        if fault is None or fault.refusal is not refusal:
            super().record_refusal(request, doing, refusal)
            return
        site: Any = self.admin_site
        site.record_refusal(request, refusal, operation=fault.operation, table=fault.table.name)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form; what is wrong with the rows stands above it, not at columns of the same name."""
        form = super().get_form(request, obj, change=change, **kwargs)
        fault = _fault(request)
        if fault is None:
            return form
        name = capfirst(str(fault.table.model._meta.verbose_name_plural))
        refusal = InvalidInput(f"{name}: {fault.told}")
        return type(form.__name__, (form,), {"refusal": refusal})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the record with the rows that tie it to others."""
        parts = getattr(request, "junction_parts", [])
        context["junction_parts"] = parts
        if parts:
            context["media"] = sum((part.media for part in parts), context["media"] + MEDIA)
        return super().render_change_form(request, context, *args, **kwargs)

    def _parts(self, request: HttpRequest, obj: Any) -> list[JunctionPart]:
        """The rows of each junction that this person may read."""
        if IS_POPUP_VAR in request.GET or IS_POPUP_VAR in request.POST:
            return []
        data = request.POST if request.method == "POST" else None
        return [self._part(request, obj, junction, column, data) for junction, column in self._ties(request)]

    def _ties(self, request: HttpRequest) -> list[tuple[Table, str]]:
        """The junctions that tie the table to others, as far as this person may read them, each with its column."""
        return [
            (junction, column)
            for junction in registry.all_tables()
            if junction.junction and policy.decide(actor_of(request), Operation.READ, junction).allowed
            for column in junction.key
            if junction.foreign_keys[column] == self.table.name
        ]

    def _part(
        self, request: HttpRequest, obj: Any, junction: Table, column: str, data: QueryDict | None
    ) -> JunctionPart:
        """The rows of one junction; when a forged form was refused, as they are."""
        fault = _fault(request)
        part = JunctionPart(
            actor_of(request),
            self.admin_site,
            junction,
            column,
            key=None if obj is None else obj.pk,
            data=data,
            may_edit=self.has_add_permission(request)
            if obj is None
            else self.has_change_permission(request, obj),
            propose=partial(self.words_for, request),
            fault=fault,
        )
        try:
            part.require_known()
        except Refused as refusal:
            if fault is not None:
                return self._part(request, obj, junction, column, None)
            request.junction_fault = Fault(part.prefix, junction, "BATCH_UPDATE", refusal)  # type: ignore[attr-defined] # as in save_related
            raise
        return part


def _fault(request: HttpRequest) -> Fault | None:
    return getattr(request, "junction_fault", None)
