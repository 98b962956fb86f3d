"""A backup as a page shows it: in words, with units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.template.defaultfilters import filesizeformat
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backups.catalogue import Found
from backups.models import OffsiteState
from backups.pitr.services import Moments
from catalog import registry

ON_CONFLICT: Final = {
    "error": gettext_lazy("Stop, and restore nothing"),
    "skip": gettext_lazy("Keep the record that is there"),
    "overwrite": gettext_lazy("Overwrite it with that of the backup"),
}
CONTENTS: Final = {
    "both": gettext_lazy("Data and structure"),
    "data": gettext_lazy("Data alone"),
    "schema": gettext_lazy("Structure alone"),
}
_KINDS: Final = {
    "full": gettext_lazy("Everything"),
    "incremental": gettext_lazy("What changed"),
    "foreign": gettext_lazy("Foreign file"),
}

_COPIES: Final = {
    OffsiteState.COPYING: (gettext_lazy("On its way"), "none"),
    OffsiteState.COPIED: (gettext_lazy("Copied, not read back yet"), "none"),
    OffsiteState.VERIFIED: (gettext_lazy("Copied and read back"), "good"),
    OffsiteState.FAILED: (gettext_lazy("Failed"), "bad"),
    OffsiteState.EXPIRED: (gettext_lazy("Had its time"), "none"),
}


@dataclass(frozen=True)
class Line:
    """One backup of the list."""

    file: str
    kind: str
    when: str
    size: str
    rows: str
    sha256: str
    proof: str
    proof_is: str  # good, bad, or none
    proof_when: str
    mark: str
    mark_is: str
    copy: str  # offsite
    copy_is: str
    copy_note: str
    base: str  # that which it is the changes since


def moments(found: Moments) -> dict[str, Any]:
    """This function will return in words which moments can be brought back."""
    reach, reach_is = _reach(found)
    receiver, receiver_is = _receiver(found)
    return {
        "since": _("From %(since)s") % {"since": moment(found.since)} if found.since else "",
        "problem": found.problem,
        "reach": reach,
        "reach_is": reach_is,
        "receiver": receiver,
        "receiver_is": receiver_is,
        "gaps": [
            _("A part of the log is missing: not every moment between %(since)s and %(until)s can be had.")
            % {"since": moment(gap.since), "until": moment(gap.until)}
            for gap in found.gaps
        ],
        "bases": [(base.name, filesizeformat(base.size_bytes)) for base in reversed(found.bases)],
    }


def _reach(found: Moments) -> tuple[str, str]:
    if found.since is None:
        return _("None yet"), "bad"
    if found.is_current and found.receiver_is_running:
        return _("up to now"), "good"
    return _("but not up to now"), "bad"


def _receiver(found: Moments) -> tuple[str, str]:
    if not found.receiver_is_running:
        return _("Not at work"), "bad"
    behind = found.receiver_behind_bytes or 0
    return _("At work, %(size)s behind") % {"size": filesizeformat(behind)}, "good"


def line(found: Found) -> Line:
    """This function will return a backup in words."""
    proof, proof_is = _proof(found)
    mark, mark_is = _mark(found)
    copy, copy_is = _copy(found)
    return Line(
        file=found.file,
        kind=kind(found),
        when=moment(found.created_at),
        size=filesizeformat(found.size_bytes),
        rows=f"{found.record_count:,}" if found.is_signed else "",
        sha256=found.sha256,
        proof=proof,
        proof_is=proof_is,
        proof_when=_("looked at %(when)s") % {"when": moment(found.verified_at)} if found.verified_at else "",
        mark=mark,
        mark_is=mark_is,
        copy=copy,
        copy_is=copy_is,
        copy_note=found.offsite_reason or "",
        base=found.base_backup or "",
    )


def kind(found: Found) -> str:
    """This function will return what a backup is of."""
    if found.type == "table":
        return _("Table %(name)s") % {"name": found.table}
    return str(_KINDS.get(found.type, found.type))


def moment(at: datetime) -> str:
    """This function will return a moment to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def tables(names: list[str]) -> list[tuple[str, str]]:
    """This function will return tables to choose from, by the names that people see."""
    return sorted(
        ((name, capfirst(str(registry.get(name).model._meta.verbose_name_plural))) for name in names),
        key=lambda choice: choice[1],
    )


def plan_rows(plan: Mapping[str, Any], changed: Mapping[str, int]) -> list[dict[str, Any]]:
    """This function will return how many records there are, and in the backup; tables that differ come first.

    `changed` says how many changes were made to a table's records since the backup.
    """
    rows = [_row(row, changed.get(row["table"], 0)) for row in plan["tables"]]
    return sorted(rows, key=lambda row: bool(row["is_same"]))


def _row(row: Mapping[str, Any], changed: int) -> dict[str, Any]:
    now, then = row["records_now"], row.get("records_then", row.get("records_in_backup"))
    change = then - now if None not in {now, then} else None
    return {
        "table": row["table"],
        "now": count(now),
        "then": count(then),
        "records_now": now or 0,
        "records_then": then or 0,
        "most": max(now or 0, then or 0, 1),
        "change": "" if change is None else f"{change:+,}".replace("-", "\N{MINUS SIGN}") if change else "0",
        "changed": f"{changed:,}" if changed else "",
        "is_less": change is not None and change < 0,
        "is_same": change == 0 and not changed,
    }


def count(number: int | None) -> str:
    """This function will return a number of records; none is known of what is not there."""
    return "\N{EM DASH}" if number is None else f"{number:,}"


def _proof(found: Found) -> tuple[str, str]:
    if found.is_proven:
        return _("Proven"), "good"
    if found.is_valid is False:
        return _("Not valid"), "bad"
    return (_("Looked at, never proven") if found.is_valid else _("Never proven")), "none"


def _mark(found: Found) -> tuple[str, str]:
    if found.is_signed:
        return "", ""
    return (_("Trusted"), "none") if found.is_trusted else (_("Not trusted"), "bad")


def _copy(found: Found) -> tuple[str, str]:
    if found.offsite_state is not None:
        words, is_what = _COPIES[OffsiteState(found.offsite_state)]
        return str(words), is_what
    return (_("None yet") if found.is_signed else _("None of what is not signed")), "none"
