"""The schedule in the admin: when each entry is run, and whether it is. What is run is the code's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_celery_beat import admin as _theirs  # noqa: F401 - registers pages that ask and tell nobody
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from accesscontrol import policy
from accesscontrol.errors import Forbidden, Refused
from accesscontrol.pages import ADD, CHANGE, DELETE, VIEW, RefusalForm, ServicePages
from accesscontrol.policy import Right
from accesscontrol.web import actor_of
from jobs import schedule, waking


class EntryForm(RefusalForm):
    """When an entry is run, as a crontab in one line."""

    times = forms.CharField(
        max_length=200,
        label=gettext_lazy("Times (UTC)"),
        help_text=gettext_lazy(
            "Minute, hour, day of the month, month, day of the week: “0 2 * * *” is every day at 02:00 UTC."
        ),
    )

    class Meta:
        model = PeriodicTask
        fields = ("enabled",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["times"] = schedule.text_of(self.instance.crontab)

    def clean_times(self) -> str:
        """Read the five fields."""
        text: str = self.cleaned_data["times"]
        try:
            schedule.parse(text)
        except Refused as refusal:
            raise forms.ValidationError(refusal.message) from refusal
        return text


class ScheduleAdmin(ServicePages):
    """The entries that applications declare; nobody adds or deletes one here."""

    operations = dict.fromkeys((VIEW, ADD, CHANGE, DELETE), "USER_CHANGED")
    form = EntryForm
    fields = ("name", "description", "times", "enabled")
    readonly_fields = ("name", "description")
    list_display = ("name", "when", "enabled", "description")
    ordering = ("name",)
    actions = None

    def require(self, request: HttpRequest, doing: str) -> None:
        """Let in those who manage backups."""
        policy.require_right(actor_of(request), Right.MANAGE_BACKUPS)
        if doing in {ADD, DELETE}:
            raise Forbidden("The entries of the schedule come with the program.", hint="Disable one instead.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return what has times of day."""
        entries = super().get_queryset(request).select_related("crontab")
        return entries.filter(task=waking.RUN_SCHEDULED, crontab__isnull=False)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the schedule."""
        extra = {
            "title": _("Schedule"),
            "description": _("What is done by itself, as the service user “schedule”."),
        }
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show an entry under its name alone: its times stand in the form."""
        context["subtitle"] = context["original"].name
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: PeriodicTask, form: Any, change: bool) -> None:
        """Save the entry through the service."""
        schedule.change(
            actor=actor_of(request), name=obj.name, crontab=form.cleaned_data["times"], enabled=obj.enabled
        )

    def trail_filter(self, object_id: str) -> dict[str, str]:
        """Return the filter for what was done to the schedule."""
        return {"record_id__exact": f"user {schedule.USER}"}

    def when(self, entry: PeriodicTask) -> str:
        """This function will return when the entry is run."""
        return schedule.text_of(entry.crontab)

    when.short_description = gettext_lazy("times (UTC)")  # type: ignore[attr-defined] # how Django's lists are told


admin.site.unregister([ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule])
admin.site.register(PeriodicTask, ScheduleAdmin)
