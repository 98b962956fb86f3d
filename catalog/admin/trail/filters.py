"""The filters of the trail: the form that asks, and what is asked for, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation, Right
from catalog import registry
from catalog.admin.trail.asking import PERIODS, Asked
from catalog.admin.trail.words import CHANNELS, GROUPS, OPERATIONS

Choices = list[dict[str, Any]]

LABELS: Final = {
    "q": gettext_lazy("Search"),
    "period": gettext_lazy("Period"),
    "timestamp__gte": gettext_lazy("From (UTC)"),
    "timestamp__lt": gettext_lazy("Until (UTC)"),
    "operation__exact": gettext_lazy("Operation"),
    "success__exact": gettext_lazy("Outcome"),
    "table_name__exact": gettext_lazy("Table"),
    "record_id__exact": gettext_lazy("Record"),
    "user_id__exact": gettext_lazy("Who"),
    "user_id__isnull": gettext_lazy("Who"),
    "channel__exact": gettext_lazy("Through"),
    "error_code__exact": gettext_lazy("Error code"),
    "execution_time__gte": gettext_lazy("Took at least (ms)"),
    "dry_run__exact": gettext_lazy("Dry runs"),
    "request_id__exact": gettext_lazy("Request"),
    "change_id__exact": gettext_lazy("Change"),
    "query_hash__exact": gettext_lazy("Form of the query"),
    "client_info__ip": gettext_lazy("Network address"),
}
_OUTCOMES: Final = {"1": gettext_lazy("Done"), "0": gettext_lazy("Refused or failed")}
_DRY_RUNS: Final = {"0": gettext_lazy("Without"), "1": gettext_lazy("Alone")}
_NOBODY: Final = {"1": gettext_lazy("(nobody)"), "0": gettext_lazy("anybody")}
_FIRST: Final = ("period", "operation__exact", "table_name__exact", "user_id__exact", "success__exact")
_TYPES: Final = {
    "timestamp__gte": "datetime-local",
    "timestamp__lt": "datetime-local",
    "execution_time__gte": "number",
}


def form(actor: Actor, asked: Asked) -> dict[str, Any]:
    """This function will return the fields of the filter form: those of every day, and the others."""
    fields = {name: _field(name, asked, choices) for name, choices in _choices(actor).items()}
    for name in LABELS:
        if name not in fields and name != "user_id__isnull":
            fields[name] = _field(name, asked, None)
    others = [field for name, field in fields.items() if name not in (*_FIRST, "q")]
    return {
        "search": fields["q"],
        "first": [fields[name] for name in _FIRST],
        "others": others,
        "are_others_open": any(field["value"] for field in others),
    }


def chosen(asked: Asked) -> list[dict[str, str]]:
    """This function will return what is asked for, in words, each with the address that asks for the rest."""
    return [
        {
            "name": str(LABELS[name]),
            "value": _in_words(name, value),
            "without": asked.address(**{name: None}),
        }
        for name, value in asked.values.items()
    ]


def _field(name: str, asked: Asked, choices: Choices | None) -> dict[str, Any]:
    return {
        "name": name,
        "id": f"filter-{name}",
        "label": LABELS[name],
        "value": asked.values.get(name, ""),
        "type": _TYPES.get(name, "text"),
        "groups": choices,
    }


def _choices(actor: Actor) -> dict[str, Choices]:
    """The values to choose from, in groups; the first of a group without a name stands for any."""
    operations: Choices = [
        {"name": str(title), "options": [(group, _("All of: %(group)s") % {"group": title}), *names.items()]}
        for group, (title, names) in GROUPS.items()
    ]
    return {
        "period": _plain((key, words) for key, (words, _length) in PERIODS.items()),
        "operation__exact": operations,
        "table_name__exact": _plain((name, name) for name in _tables(actor)),
        "success__exact": _plain(_OUTCOMES.items()),
        "channel__exact": _plain(CHANNELS.items()),
        "dry_run__exact": _plain(_DRY_RUNS.items()),
    }


def _plain(options: Iterable[tuple[str, Any]]) -> Choices:
    return [{"name": "", "options": list(options)}]


def _tables(actor: Actor) -> list[str]:
    """The tables of which there may be entries to see."""
    sees_all = policy.holds(actor, Right.VIEW_AUDIT).allowed
    tables = registry.all_tables()
    return sorted(t.name for t in tables if sees_all or policy.decide(actor, Operation.READ, t).allowed)


def _in_words(name: str, value: str) -> str:
    known: dict[str, Any] = {
        "period": {key: words for key, (words, _length) in PERIODS.items()},
        "operation__exact": {**OPERATIONS, **{group: title for group, (title, _ops) in GROUPS.items()}},
        "success__exact": _OUTCOMES,
        "channel__exact": CHANNELS,
        "dry_run__exact": _DRY_RUNS,
        "user_id__isnull": _NOBODY,
    }
    return str(
        known.get(name, {}).get(value, value.replace("T", " ") if name.startswith("timestamp") else value)
    )
