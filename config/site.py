"""The admin site: who comes in, how its pages are found, and the one place that translates refusals."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import accounts, throttling
from accesscontrol.errors import NotFound, RateLimited, Refused
from accesscontrol.pages import ServicePages, sentence
from accesscontrol.web import actor_of, visitor
from audit import refusals
from config import navigation


class AdminSite(admin.AdminSite):
    """The web face for staff."""

    site_title = "Database Admin Server"
    site_header = "Database Admin Server"
    index_title = gettext_lazy("Welcome")
    site_url = None  # there is no other site to view

    def get_urls(self) -> list[Any]:
        """Return the addresses: the pages that are no model's own, and those of models."""
        from config import pages  # noqa: PLC0415 - they need the site

        admin.autodiscover()  # not at the start: most programs serve no pages
        return [*pages.urls(self), *super().get_urls()]

    def register_composite(self, model: Any, pages: type[ServicePages]) -> None:
        """This function will register the pages of a model whose key has several columns, which Django refuses."""
        self._registry[model] = pages(model, self)

    def record_refusal(
        self, request: HttpRequest, refusal: Refused, *, operation: str, table: str | None
    ) -> None:
        """This function will write to the trail that a request through this face was refused."""
        refusals.record(actor_of(request), operation, table, refusal)

    def refused_page(self, request: HttpRequest, refusal: Refused) -> HttpResponse:
        """This function will return the page that says what was refused, and why."""
        context = {
            **self.each_context(request),
            "title": _("Not found") if isinstance(refusal, NotFound) else _("You can't do this"),
            "sentence": sentence(refusal),
        }
        return TemplateResponse(request, "admin/refused.html", context, status=refusal.status)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show what there is, what this person may do, and how to connect an agent."""
        from config import welcome  # noqa: PLC0415 - as above

        return super().index(request, {**welcome.context(actor_of(request)), **(extra_context or {})})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Let people log in, unless too many logins from their address have failed."""
        stranger = visitor(request, None)
        if request.method == "POST":
            try:
                throttling.attempt(stranger)
            except RateLimited as refusal:
                self.record_refusal(request, refusal, operation="LOGIN_FAILED", table=None)
                page = self.refused_page(request, refusal)
                page["Retry-After"] = str(refusal.details["retry_after_s"])
                return page
        response = super().login(request, extra_context)
        if request.method == "POST" and request.user.is_authenticated:
            throttling.succeed(stranger)
        return response

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page of the site shows."""
        context = super().each_context(request)
        return {**context, "has_tables": navigation.has_tables(context["available_apps"])}

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        """Lead to the welcome page, which lists everything."""
        return HttpResponseRedirect(reverse("admin:index"))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the navigation, which is made once for a page: Django asks for the welcome page's twice."""
        made: list[Any] | None = getattr(request, "navigation", None)
        if made is None:
            entries = {m["model"]: m for app in super().get_app_list(request) for m in app["models"]}
            made = request.navigation = navigation.groups(request, entries)  # type: ignore[attr-defined] # ours
        return made

    def password_change(  # type: ignore[override] # it redirects as well as it renders
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Let people change their own password."""
        context = {**self.each_context(request), **(extra_context or {})}
        request.current_app = self.name
        return OwnPassword.as_view(extra_context=context)(request)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:  # type: ignore[override] # as Django's does
        """Answer what somebody types into a field that refers to another table."""
        return Autocomplete.as_view(admin_site=self)(request)


class OwnPassword(PasswordChangeView):
    """Changing one's own password, through the service of accounts."""

    form_class = AdminPasswordChangeForm
    template_name = "registration/password_change_form.html"
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Set the password, and stay logged in."""
        user, actor = form.user, actor_of(self.request)
        try:
            accounts.set_password(actor=actor, user=user, password=form.cleaned_data["new_password1"])
        except Refused as refusal:
            refusals.record(actor, "USER_CHANGED", None, refusal)
            form.add_error("new_password1", sentence(refusal))
            return self.form_invalid(form)
        update_session_auth_hash(self.request, user)
        return HttpResponseRedirect(str(self.success_url))


class Autocomplete(AutocompleteJsonView):
    """Suggestions for a reference: rows of the other table as far as the person may read it, audited as a read."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the suggestions."""
        answer = super().get(request, *args, **kwargs)
        if isinstance(self.model_admin, ServicePages):
            self.model_admin.note_view(request, list(self.get_context_data()["object_list"]))
        return answer

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        """Return one suggestion: records of the same name are told apart by their number."""
        return {"id": str(getattr(obj, to_field_name)), "text": f"{obj} (#{obj.pk})"}
