"""Roles: a matrix of tables and operations, to tick."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import giving, own_roles, roles
from accesscontrol.actor import Actor
from accesscontrol.admin.access import AccessPages, operations
from accesscontrol.admin.words import OPERATIONS, PLANNED, RIGHTS_AT_LENGTH
from accesscontrol.giving import Grant
from accesscontrol.grants import NOWHERE, Grants
from accesscontrol.models import CatalogTable
from accesscontrol.pages import RefusalForm
from accesscontrol.policy import Operation, Planned, Right
from accesscontrol.web import actor_of


class RoleForm(RefusalForm):
    """A role's name and its rights, each right as the text `update:books` or `view_audit:`, and what needs no plan."""

    grants = forms.MultipleChoiceField(required=False)
    freed = forms.MultipleChoiceField(required=False, choices=[(str(o), str(o)) for o in Planned])
    state = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tables = list(CatalogTable.objects.values_list("name", flat=True))
        every = [(str(o), t) for t in self.tables for o in Operation] + [(str(r), NOWHERE) for r in Right]
        field = self.fields["grants"]
        field.choices = [(_text(grant), _text(grant)) for grant in every]  # type: ignore[attr-defined]
        self.held = roles.held_by(self.instance) if self.instance.pk else Grants()
        if self.instance.pk:
            field.initial = [_text(grant) for grant in self.held.sources]
            self.fields["freed"].initial = list(self.held.freed)
            self.fields["state"].initial = own_roles.state_of(self.instance)

    def matrix(self, actor: Actor) -> dict[str, Any]:
        """This function will return what the template shows: a row per table with a box per operation.

        What the actor does not hold is closed to them, unless the role has it: then they may take it.
        """
        ticked = set(self["grants"].value() or ())
        freed = set(self["freed"].value() or ())
        rules = {table: len(columns) for (_access, table), columns in self.held.rules.items()}

        def box(grant: Grant, label: str) -> dict[str, Any]:
            text, was = _text(grant), grant in self.held.sources
            missing = [] if was else giving.lacking(actor, self.instance.name, self.held, grant)
            return {
                "value": text,
                "is_ticked": text in ticked,
                "was_ticked": was,
                "is_closed": bool(missing) and text not in ticked,
                "label": label,
            }

        return {
            "operations": OPERATIONS.values(),
            "rows": [
                {
                    "table": table,
                    "rules": rules.get(table, 0),
                    "boxes": [box((str(o), table), f"{OPERATIONS[o]} {table}") for o in Operation],
                }
                for table in self.tables
            ],
            "whole": [box((str(right), NOWHERE), str(RIGHTS_AT_LENGTH[right])) for right in Right],
            "planned": [
                {
                    "value": o,
                    "is_ticked": o in freed,
                    "is_closed": o not in freed
                    and bool(giving.not_held(actor, Grants(freed=frozenset({o})))),
                    "label": PLANNED[o],
                }
                for o in Planned
            ],
        }


class RoleAdmin(AccessPages):
    """Roles. Nobody can tick what they do not hold themselves: the services refuse it."""

    kind = "role"
    names = (gettext_lazy("role"), gettext_lazy("roles"))  # Django calls a role a group
    operations = operations("GRANT")
    form = RoleForm
    fieldsets = ((None, {"fields": ("name",)}),)
    list_display = ("name", "purpose", "members")
    search_fields = ("name",)
    ordering = ("name",)
    change_form_template = "admin/role_form.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the roles."""
        extra = {
            "title": _("Roles"),
            "description": _("A role says what its members may do with each table."),
        }
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the roles with the number of their members."""
        return super().get_queryset(request).annotate(member_count=Count("user"))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the form with its matrix."""
        context["matrix"] = context["adminform"].form.matrix(actor_of(request))
        original = context.get("original")
        context["purpose"] = self.purpose(original) if original else ""
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Save the role through the services."""
        grants = [_grant(text) for text in form.cleaned_data["grants"]]
        freed = form.cleaned_data["freed"]
        seen = form.cleaned_data["state"]
        own_roles.save_role(actor=actor_of(request), group=obj, grants=grants, freed=freed, seen=seen)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Delete the role through the services."""
        own_roles.delete_role(actor=actor_of(request), group=obj)

    def purpose(self, group: Group) -> str:
        """This function will return what a built-in role is for."""
        return next((_(role.description) for role in roles.BUILT_IN if role.name == group.name), "")

    purpose.short_description = gettext_lazy("purpose")  # type: ignore[attr-defined] # how Django's lists are told

    def members(self, group: Any) -> int:
        """This function will return how many people have the role."""
        return int(group.member_count)

    members.short_description = gettext_lazy("members")  # type: ignore[attr-defined] # as above


def _text(grant: Grant) -> str:
    return ":".join(grant)


def _grant(text: str) -> Grant:
    right, _, table = text.partition(":")
    return right, table
