"""People: their accounts, roles and passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.filters import RelatedFieldListFilter
from django.contrib.admin.helpers import AdminForm
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AdminUserCreationForm, SetPasswordForm, UserChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from accesscontrol import accounts, explaining, policy, service_users
from accesscontrol.admin.access import AccessPages, operations
from accesscontrol.errors import NotFound, Refused
from accesscontrol.models import ServiceUser
from accesscontrol.pages import CHANGE, RefusalForm, sentence
from accesscontrol.web import actor_of


class UserForm(RefusalForm, UserChangeForm):  # type: ignore[type-arg] # no generics at run time
    """An account that is there."""


class NewUserForm(RefusalForm, AdminUserCreationForm):  # type: ignore[type-arg] # no generics at run time
    """A new account and its first password."""

    # A person's account has a password; programs' accounts are made elsewhere.
    usable_password = None  # type: ignore[assignment]


class RoleBoxes(forms.CheckboxSelectMultiple):
    """The roles to tick; those with rights that the person in charge does not hold are closed, unless given already."""

    missing: Mapping[int, list[str]] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return one box."""
        option = super().create_option(name, value, *args, **kwargs)
        missing = self.missing.get(getattr(value, "value", value))
        if missing and not option["selected"]:
            reason = _("You can't give what you do not hold: %(missing)s.") % {"missing": ", ".join(missing)}
            option["attrs"] |= {"disabled": True, "title": reason}
        return option


class RoleFilter(RelatedFieldListFilter):
    """The people who have a role; Django calls roles groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("role")


class UserAdmin(AccessPages, auth_admin.UserAdmin):  # type: ignore[type-arg] # no generics at run time
    """Accounts. The services see to it that nobody gives more than they hold."""

    kind = "user"
    operations = operations("USER_CHANGED")
    form = UserForm
    add_form = NewUserForm
    list_display = ("username", "full_name", "email", "role_names", "state", "seen")
    list_filter = (("groups", RoleFilter), "is_active", "is_staff", "is_superuser")
    filter_horizontal = ()
    change_form_template = add_form_template = "admin/people/account.html"
    fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email")}),
        (
            gettext_lazy("What this person may do"),
            {
                "description": gettext_lazy(
                    "Roles say what somebody may read and write. Nobody can give a role with rights "
                    "that they do not hold themselves."
                ),
                "fields": ("groups", "is_active", "is_staff", "is_superuser"),
            },
        ),
        (gettext_lazy("Kept by the server"), {"fields": ("last_login", "date_joined"), "classes": ("kept",)}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2", "first_name", "last_name", "email")}),
        (gettext_lazy("What this person may do"), {"fields": ("groups", "is_staff")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the accounts with their roles, and whether they are programs'."""
        program = Exists(ServiceUser.objects.filter(user_id=OuterRef("pk")))
        return super().get_queryset(request).prefetch_related("groups").annotate(is_program=program)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what this person can't set: only superusers make superusers."""
        own = () if policy.is_superuser(actor_of(request)) else ("is_superuser",)
        return (*own, "last_login", "date_joined")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field; roles are a list to tick."""
        if db_field.name != "groups":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        boxes = RoleBoxes()
        boxes.missing = {
            role.pk: lacks for role, lacks in explaining.roles_to_give(actor_of(request)).items()
        }
        return db_field.formfield(widget=boxes, label=_("Roles"), help_text="")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the accounts."""
        description = _("People with an account. Staff may log in here; roles say what they may do.")
        extra = {"title": _("Users"), "description": description}
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def get_urls(self) -> Any:
        """Return the addresses of the pages, and of what disables and enables."""
        view = self.admin_site.admin_view(self.activity_view)
        return [path("<int:user_id>/activity/", view, name="auth_user_activity"), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = obj is None or service_users.is_service_user(obj) or self._may_change(request, obj)
        return may and super().has_delete_permission(request, obj)

    def _may_change(self, request: HttpRequest, user: User | None) -> bool:
        """Whether this person may change the account, which a page asks again and again."""
        known: dict[Any, bool] = request.__dict__.setdefault("changeable_accounts", {})
        if user is not None and user.pk not in known:
            known[user.pk] = accounts.may_change(actor_of(request), user)
        return user is None or known[user.pk]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the account, and whether it is a program's."""
        original = context.get("original")
        context["is_program"] = original is not None and service_users.is_service_user(original)
        context["may_change"] = self._may_change(request, original)
        return super().render_change_form(request, context, *args, **kwargs)

    def activity_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Disable an account, or enable it again."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            self.require(request, CHANGE)
            user = self._account(request, str(user_id))
        except Refused as refusal:
            return self.turned_away(request, CHANGE, refusal)
        with self.telling(request, CHANGE):
            user.is_active = request.POST.get("active") == "yes"
            accounts.save_account(actor=actor_of(request), user=user)
            told = _("%(user)s is enabled.") if user.is_active else _("%(user)s is disabled.")
            messages.success(request, told % {"user": user})
        return HttpResponseRedirect(self.url("change", user_id))

    @method_decorator(sensitive_post_parameters())
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make an account; who may do that is the policy's business, not Django's permissions'."""
        return self.changeform_view(request, None, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save the account and its roles through the service."""
        accounts.save_account(actor=actor_of(request), user=obj, roles_=form.cleaned_data.get("groups"))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete the account through the service."""
        accounts.delete_account(actor=actor_of(request), user=obj)

    @method_decorator(sensitive_post_parameters())
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 (Django's name)
        """Set another's password, through the service."""
        try:
            self.require(request, CHANGE)
            user = self._account(request, id)
        except Refused as refusal:
            return self.turned_away(request, CHANGE, refusal)
        form = SetPasswordForm(user, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                password = form.cleaned_data["new_password1"]
                accounts.set_password(actor=actor_of(request), user=user, password=password)
            except Refused as refusal:
                self.record_refusal(request, CHANGE, refusal)
                form.add_error(None, sentence(refusal))
            else:
                messages.success(request, _("The password of %(user)s was changed.") % {"user": user})
                if user == request.user:
                    update_session_auth_hash(request, user)
                return HttpResponseRedirect(self.url("change", user.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Set the password of %(user)s") % {"user": user},
            "form": form,
            "adminform": AdminForm(form, [(None, {"fields": list(form.fields)})], {}),  # type: ignore[arg-type]
            "opts": self.opts,
            "original": user,
        }
        return TemplateResponse(request, "admin/set_password.html", context)

    def _account(self, request: HttpRequest, key: str) -> User:
        try:
            user: User | None = self.get_object(request, key)
        except ValidationError:
            user = None
        if user is None:
            raise NotFound("There is no such account.")
        return user

    def full_name(self, user: User) -> str:
        """This function will return the person's name."""
        return user.get_full_name()

    def role_names(self, user: User) -> str:
        """This function will return the person's roles, by name."""
        return ", ".join(sorted(group.name for group in user.groups.all()))

    def state(self, user: Any) -> str:
        """This function will return what kind of account it is, in a word or two."""
        if not user.is_active:
            return _("Disabled")
        if user.is_program:
            return _("Program")
        if not user.is_staff:
            return _("Agents only")
        return _("Superuser") if user.is_superuser else _("Staff")

    def seen(self, user: User) -> str | None:
        """This function will return when the person logged in last."""
        last = user.last_login
        return None if last is None else last.isoformat(" ", "minutes").removesuffix("+00:00")

    full_name.short_description = gettext_lazy("name")  # type: ignore[attr-defined] # how Django's lists are told
    role_names.short_description = gettext_lazy("roles")  # type: ignore[attr-defined]
    state.short_description = gettext_lazy("state")  # type: ignore[attr-defined]
    seen.short_description = gettext_lazy("last login (UTC)")  # type: ignore[attr-defined]
    seen.admin_order_field = "last_login"  # type: ignore[attr-defined]
