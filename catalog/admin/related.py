"""What refers to a record, on its page: counts that lead to the lists of just those, and the first few of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst

from accesscontrol import policy
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog.admin.seen import SeenColumns
from catalog.services import related


@dataclass(frozen=True)
class Line:
    """One way in which records refer to another: their name, what they call it, and where they are."""

    name: str
    by: str  # the column's name, where it is not simply the record's kind
    count: int
    is_capped: bool
    url: str
    add_url: str | None
    samples: list[tuple[str, str]]  # name and address


class RelatedRecords(SeenColumns):
    """The part of a record's page that leads to what refers to it."""

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the record with what refers to it."""
        record = context.get("original")
        if record is not None and not context.get("is_popup"):
            context["related"] = list(self._lines(request, record.pk))
        return super().render_change_form(request, context, *args, **kwargs)

    def _lines(self, request: HttpRequest, key: int) -> Iterator[Line]:
        actor = actor_of(request)
        for found in related.referring(actor, self.table, key):
            meta = found.table.model._meta
            field = found.table.columns[found.column]
            pages = f"admin:{meta.app_label}_{meta.model_name}"
            may_add = policy.decide(actor, Operation.INSERT, found.table).allowed
            is_plain = field.verbose_name == self.opts.verbose_name
            those = urlencode({found.column: key})
            # A record that is added so leads to the list of just those.
            adding = urlencode({field.name: key, "_changelist_filters": those})
            yield Line(
                capfirst(str(meta.verbose_name_plural)),
                "" if is_plain else str(field.verbose_name),
                found.count,
                found.is_capped,
                f"{reverse(f'{pages}_changelist')}?{those}",
                f"{reverse(f'{pages}_add')}?{adding}" if may_add else None,
                [
                    (name or f"#{number}", reverse(f"{pages}_change", args=[number]))
                    for number, name in found.samples
                ],
            )
