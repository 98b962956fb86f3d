"""What a page of the trail is asked for: the parameters of its address, as a condition that exports understand too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, quoted
from audit import moments
from audit.browsing import Place
from catalog import registry
from catalog.admin.trail.words import GROUPS
from catalog.services import columns, conditions

PERIODS: Final = {
    "1h": (gettext_lazy("Last hour"), timedelta(hours=1)),
    "24h": (gettext_lazy("Last 24 hours"), timedelta(hours=24)),
    "7d": (gettext_lazy("Last 7 days"), timedelta(days=7)),
    "30d": (gettext_lazy("Last 30 days"), timedelta(days=30)),
}
SEARCHED: Final = ("user_id", "table_name", "record_id", "error_message")
_FROM, _UNTIL = "timestamp__gte", "timestamp__lt"
_PLACES: Final = {"before": False, "after": True}
_PLACE: Final = re.compile(r"(?P<at>[0-9T:.+-]{10,40}Z?)_(?P<key>[0-9]{1,18})", re.ASCII)
_BOOLEANS: Final = {"1": True, "0": False}

Read = Callable[[str], Any]


def _text(value: str) -> str:
    return value


def _boolean(value: str) -> bool:
    return _BOOLEANS[value]


def _operations(value: str) -> Any:
    """One operation, or all of a group."""
    return {"$in": list(GROUPS[value][1])} if value in GROUPS else value


def _address(value: str) -> Any:
    return {"ip": value}


_ASKED: Final[Mapping[str, tuple[str, str | None, Read]]] = {  # parameter: column, operator, how it is read
    _FROM: ("timestamp", "$gte", _text),
    _UNTIL: ("timestamp", "$lt", _text),
    "operation__exact": ("operation", None, _operations),
    "table_name__exact": ("table_name", None, _text),
    "record_id__exact": ("record_id", None, _text),
    "user_id__exact": ("user_id", None, _text),
    "user_id__isnull": ("user_id", "$null", _boolean),
    "channel__exact": ("channel", None, _text),
    "success__exact": ("success", None, _boolean),
    "error_code__exact": ("error_code", None, _text),
    "execution_time__gte": ("execution_time", "$gte", float),
    "dry_run__exact": ("dry_run", None, _boolean),
    "request_id__exact": ("request_id", None, _text),
    "change_id__exact": ("change_id", None, _text),
    "query_hash__exact": ("query_hash", None, _text),
    "client_info__ip": ("client_info", "$contains", _address),
}
NAMES: Final = (*_ASKED, "q", "period")


@dataclass(frozen=True)
class Asked:
    """What is asked for: as it stands in the address, and as a condition of the where language."""

    values: Mapping[str, str]
    where: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None
    fault: InvalidInput | None = None
    now: datetime = field(default_factory=lambda: timezone.now().replace(microsecond=0))

    @property
    def start(self) -> datetime | None:
        """From when on entries are asked for."""
        if "period" in self.values:
            return self.now - PERIODS[self.values["period"]][1]
        return moments.parse(self.values[_FROM]) if _FROM in self.values else None

    @property
    def end(self) -> datetime:
        """Until when entries are asked for, at most until now."""
        soon = self.now + timedelta(seconds=1)
        return min(moments.parse(self.values[_UNTIL]), soon) if _UNTIL in self.values else soon

    def condition(self, actor: Actor) -> Q:
        """This function will return the condition on entries, as far as the actor may know of their columns.

        :raises InvalidInput: it asks for what there is not, or is not to be known
        """
        if self.fault is not None:
            raise self.fault
        return conditions.parse(columns.shown(actor, registry.get("audit_logs")), dict(self.where))

    def address(self, **changes: str | None) -> str:
        """This function will return the parameters of an address that asks for the same but for `changes`."""
        query = QueryDict(mutable=True)
        kept = {**self.values, **changes}
        query.update({name: value for name, value in kept.items() if value})
        return f"?{query.urlencode()}"


def read(query: QueryDict, actor: Actor, *, period: str | None = None) -> Asked:
    """This function will read what the parameters of an address ask for; what is wrong with them is its `fault`.

    `period` is meant where they say nothing of time.
    """
    given = {name: str(query[name]).strip() for name in query}
    values = {name: given[name] for name in NAMES if given.get(name)}
    if period and not {"period", _FROM, _UNTIL} & values.keys():
        values["period"] = period
    try:
        _refuse_unknown(given)
        asked = Asked(values, place=_place(given))
        return replace(asked, where=_where(asked, actor))
    except InvalidInput as fault:
        return Asked(values, fault=fault)


def mark(at: datetime, key: int) -> str:
    """This function will return an entry's place as addresses have it."""
    return f"{at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}_{key}"


def _refuse_unknown(given: Mapping[str, str]) -> None:
    if unknown := sorted(given.keys() - {*NAMES, *_PLACES}):
        names = ", ".join(quoted(name) for name in unknown)
        raise InvalidInput(_("The trail can't be filtered by %(names)s.") % {"names": names})


def _where(asked: Asked, actor: Actor) -> dict[str, Any]:
    values, parts = asked.values, []
    for name, (column, operator, convert) in _ASKED.items():
        if name not in values:
            continue
        try:
            value = convert(values[name])
        except (KeyError, ValueError):
            told = {"name": column, "value": quoted(values[name])}
            raise InvalidInput(_("%(name)s can't be %(value)s.") % told, column=column) from None
        parts.append({column: value if operator is None else {operator: value}})
    if "period" in values:
        if values["period"] not in PERIODS or asked.start is None:
            raise InvalidInput(_("There is no such period."), argument="period")
        parts.append({"timestamp": {"$gte": asked.start.isoformat()}})
    if "q" in values:
        parts.append(_search(values["q"], actor))
    return {"$and": parts} if parts else {}


def _search(words: str, actor: Actor) -> dict[str, Any]:
    """Entries that have the words somewhere; not in messages, for whom those may tell of a hidden column."""
    plain = re.sub(r"([\\%_])", r"\\\1", words.replace("\0", ""))
    known = columns.shown(actor, registry.get("audit_logs")).columns
    return {"$or": [{name: {"$ilike": f"%{plain}%"}} for name in SEARCHED if name in known]}


def _place(given: Mapping[str, str]) -> Place | None:
    for name, is_newer in _PLACES.items():
        if not given.get(name):
            continue
        found = _PLACE.fullmatch(given[name])
        try:
            at = datetime.fromisoformat(found["at"]) if found else None
        except ValueError:
            at = None
        if found is None or at is None or at.tzinfo is None:
            raise InvalidInput(_("The address names no place in the trail."), argument=name)
        return Place(at, int(found["key"]), is_newer)
    return None
