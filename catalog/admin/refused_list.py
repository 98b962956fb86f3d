"""A list whose address can't be followed: which of its parameters are at fault, and the way to the list without them.

The status stays that of the refusal, 400: nothing of what was asked for is shown, and programs and our own logs are to
know that. The line that a browser writes to its console about it is the truth; no link of ours leads there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from accesscontrol.errors import InvalidInput, Refused
from accesscontrol.pages import sentence

TEMPLATE = "admin/catalog/list_refused.html"


@dataclass(frozen=True)
class Fault:
    """A parameter that can't be followed: as the address has it, why, and the address without it."""

    text: str
    sentence: str
    address: str


def context(refusal: Refused, query: QueryDict, follow: Callable[[QueryDict], object]) -> dict[str, Any]:
    """This function will return what the template shows; `follow` reads an address, or refuses it."""
    refused = {parameter: why for parameter in query if (why := _refusal(query, parameter, follow))}
    faults = [
        Fault(
            f"{parameter}={','.join(query.getlist(parameter))}", sentence(why), _without(query, {parameter})
        )
        for parameter, why in refused.items()
    ]
    return {
        "sentence": sentence(refusal),
        "faults": faults,
        "rest": _without(query, set(refused)) if len(faults) > 1 else "",
    }


def _refusal(query: QueryDict, parameter: str, follow: Callable[[QueryDict], object]) -> Refused | None:
    """Why a parameter can't be followed, be it the only one."""
    alone = QueryDict(mutable=True)
    alone.setlist(parameter, query.getlist(parameter))
    try:
        follow(alone)
    except InvalidInput as refusal:
        return refusal
    return None


def _without(query: QueryDict, parameters: set[str]) -> str:
    kept = query.copy()
    for parameter in parameters:
        del kept[parameter]
    return f"?{kept.urlencode()}"
