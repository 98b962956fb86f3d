"""The trail in the admin: read only, each person as far as their rights go."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

from auditlog.models import LogEntry
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import ReadOnlyTable
from accesscontrol.models import CatalogTable
from accesscontrol.pages import VIEW, ServicePages
from accesscontrol.web import actor_of
from audit import queries
from audit.models import AuditLog
from audit.operation import audited
from audit.trail import Entry

MAX_COUNTED = 10_000


@audited("AUDIT_QUERY")
def note_view(entry: Entry, *, actor: Actor, keys: list[int]) -> None:
    """This function will audit a page that shows entries of the trail."""
    policy.require_account(actor)
    entry.record_count = len(keys)
    entry.record_id = str(keys[0]) if len(keys) == 1 else None


class CappedPaginator(Paginator):  # type: ignore[type-arg] # no generics at run time
    """The newest 10,000 entries by pages; filters reach the rest."""

    @cached_property
    def count(self) -> int:
        """How many entries can be turned over."""
        return min(self._found, MAX_COUNTED)

    @property
    def is_estimate(self) -> bool:
        """Whether there are more."""
        return self._found > MAX_COUNTED

    @cached_property
    def _found(self) -> int:
        return cast("QuerySet[AuditLog]", self.object_list).order_by()[: MAX_COUNTED + 1].count()


class TableFilter(admin.SimpleListFilter):
    """Entries about one table."""

    title = "table"
    parameter_name = "table_name__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the tables there are."""
        return [(name, name) for name in CatalogTable.objects.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the entries about the chosen table."""
        return queryset.filter(table_name=self.value()) if self.value() else queryset


admin.site.unregister(LogEntry)  # django-auditlog's own pages show versions past the services

TELLING = ("changes", "error_message")  # what an entry tells of columns


@admin.register(AuditLog)
class AuditLogAdmin(ServicePages):
    """Who did what, when, and how it went. Nobody writes here."""

    audited_table = "audit_logs"
    list_display = ("when", "operation", "subject", "who", "channel", "success", "outcome", "duration")
    list_display_links = ("when",)
    list_filter = ("success", "operation", TableFilter, "channel", "timestamp")
    search_fields = ("user_id", "table_name", "record_id", "error_message")
    search_help_text = "Looks into the user's name, the table, the record's key and the message."
    ordering = ("-timestamp", "-id")
    list_per_page = 50
    list_max_show_all = 0
    paginator = CappedPaginator
    actions = None

    def require(self, request: HttpRequest, doing: str) -> None:
        """Let everybody with an account look: they see what is theirs. Nobody writes."""
        policy.require_account(actor_of(request))
        if doing != VIEW:
            raise ReadOnlyTable("Nobody can change the audit trail.", table="audit_logs")

    def note_view(self, request: HttpRequest, objects: list[Any]) -> None:
        """Write to the trail that it was read."""
        note_view(actor=actor_of(request), keys=[obj.pk for obj in objects])

    def get_fieldsets(self, request: HttpRequest, obj: AuditLog | None = None) -> Any:
        """Return what there is to tell of an entry."""
        if obj is None:
            return ()
        happened = ["moment", "operation", "subject", "who", "channel", "success"]
        went = ["record_count", "duration"] if obj.success else ["error_code", "error_message", "duration"]
        came = ["client", "request_id", *(["change_id"] if obj.change_id else [])]
        sets: list[Any] = [
            (None, {"fields": [*happened, *went, *(["tried"] if obj.dry_run else [])], "classes": ["kept"]})
        ]
        if obj.changes:
            sets.append(("What changed", {"fields": ["change_list"]}))
        sets.append(("Where it came from", {"fields": came, "classes": ["kept"]}))
        return sets

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the entries that this person may see."""
        return AuditLog.objects.filter(queries.visible_to(actor_of(request)))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return one entry, without what it tells of columns that are hidden from this person."""
        entry = super().get_object(request, object_id, from_field)
        if entry is not None:
            told = {
                name: getattr(entry, name)
                for name in ("table_name", "changes", "error_code", "error_message")
            }
            for name, value in queries.masked(actor_of(request), told).items():
                setattr(entry, name, value)
        return entry

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Return where the search box looks; not into messages that may tell of a hidden column."""
        hides = policy.has_hidden_columns(actor_of(request))
        return [name for name in self.search_fields if not (hides and name in TELLING)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Let no address ask for what would be masked."""
        return lookup.partition("__")[0] not in TELLING and super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the trail, newest first."""
        extra = {
            "title": "Audit trail",
            "description": "Everything that anyone did or tried. Nobody can change it.",
        }
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show one entry."""
        context["title"] = "Entry of the audit trail"
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="when (UTC)", ordering="timestamp")
    def when(self, entry: AuditLog) -> str:
        """This function will return the time to the second."""
        return _utc(entry.timestamp).isoformat(" ", "seconds")

    @admin.display(description="when (UTC)")
    def moment(self, entry: AuditLog) -> str:
        """This function will return the time to the microsecond."""
        return _utc(entry.timestamp).isoformat(" ", "microseconds")

    @admin.display(description="about", ordering="table_name", empty_value="")
    def subject(self, entry: AuditLog) -> str:
        """This function will return the table and the record."""
        return " ".join(filter(None, [entry.table_name, entry.record_id and _short_key(entry.record_id)]))

    @admin.display(description="who", ordering="user_id")
    def who(self, entry: AuditLog) -> str:
        """This function will return the user's name."""
        return entry.user_id or "(nobody)"

    @admin.display(description="outcome", empty_value="")
    def outcome(self, entry: AuditLog) -> str | None:
        """This function will return how many records it touched, or why it failed."""
        if not entry.success:
            return entry.error_code
        return (
            None
            if entry.record_count is None
            else f"{entry.record_count} record{'s'[: entry.record_count != 1]}"
        )

    @admin.display(description="dry run")
    def tried(self, entry: AuditLog) -> str:
        """This function will return what a dry run is."""
        return "Only tried: nothing was changed."

    @admin.display(description="took (ms)", ordering="execution_time")
    def duration(self, entry: AuditLog) -> str | None:
        """This function will return how long it took."""
        return None if not entry.execution_time else f"{entry.execution_time:.1f}"

    @admin.display(description="")
    def change_list(self, entry: AuditLog) -> SafeString | None:
        """This function will return the changes as a table: column, old value, new value."""
        if not entry.changes:
            return None
        listed = entry.changes.get("records")
        records = listed if isinstance(listed, list) else [{"key": None, "changes": entry.changes}]
        shown = [{"key": r.get("key"), "rows": _rows(r.get("changes", {}))} for r in records]
        return render_to_string("admin/changes.html", {"records": shown, "cut": entry.changes.get("cut")})

    @admin.display(description="client")
    def client(self, entry: AuditLog) -> str:
        """This function will return what is known of the caller."""
        return " · ".join(f"{name}: {value}" for name, value in entry.client_info.items() if value)


def _rows(changes: dict[str, Any]) -> list[dict[str, str]]:
    """One row per column; what has no old and new is shown as it is."""
    rows = []
    for column, change in changes.items():
        is_pair = isinstance(change, dict) and {"old", "new"} & set(change)
        old, new = (change.get("old"), change.get("new")) if is_pair else (None, change)
        rows.append({"column": column, "old": _shown(old), "new": _shown(new)})
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict) and value.get("cut") is True:
        return f"{value.get('start', '')}… ({value.get('length')} characters)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short_key(key: str) -> str:
    """A record's key, marked as one; accounts and roles are named in words."""
    return key if " " in key else f"#{key}"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
