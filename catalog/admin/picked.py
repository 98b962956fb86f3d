"""The records that somebody has ticked in a list."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accesscontrol.errors import LimitExceeded
from audit.operation import MAX_AFFECTED

SHOWN = 20  # by name, where somebody is asked what shall become of them


def keys_of(queryset: QuerySet[Any]) -> list[int]:
    """This function will return the keys of the rows that somebody chose.

    :raises LimitExceeded: they are more than one write may touch
    """
    keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: MAX_AFFECTED + 1])
    if len(keys) > MAX_AFFECTED:
        raise LimitExceeded(
            f"At most {MAX_AFFECTED} records can be chosen at a time.",
            hint="Narrow the list with a filter or a search, and go on in parts.",
            maximum=MAX_AFFECTED,
        )
    return keys
