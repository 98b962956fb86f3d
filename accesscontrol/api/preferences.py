"""What a request would like of its answer: the header Prefer (RFC 7240)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse

from accesscontrol.errors import InvalidInput


@dataclass(frozen=True)
class Preferences:
    """What is understood of a Prefer header; the rest is left aside, as the RFC asks."""

    dry_run: bool = False
    minimal: bool = False

    @classmethod
    def of(cls, request: HttpRequest) -> Preferences:
        """This function will read the header of a request."""
        header = request.META.get("HTTP_PREFER")
        if not header:
            return NONE
        given = {part.partition(";")[0].replace(" ", "").lower() for part in header.split(",")}
        return cls(dry_run="dry-run" in given, minimal="return=minimal" in given)

    def tell(self, answer: HttpResponse) -> HttpResponse:
        """This function will say in the answer what was heeded."""
        applied = [
            name for name, is_so in (("dry-run", self.dry_run), ("return=minimal", self.minimal)) if is_so
        ]
        if applied:
            answer["Preference-Applied"] = ", ".join(applied)
        return answer


NONE = Preferences()
_NOT_TWICE: Final = (
    "Leave it out: to do this twice does no harm, or its answer is a secret, which is kept nowhere."
)
_BY_TAG: Final = "Leave it out. What is written only if it is still as it was read is written with If-Match."
_RELIED_ON: Final = {
    "Idempotency-Key": ("HTTP_IDEMPOTENCY_KEY", _NOT_TWICE),
    "If-Match": ("HTTP_IF_MATCH", "Leave it out."),
    "If-None-Match": ("HTTP_IF_NONE_MATCH", _BY_TAG),
    "If-Unmodified-Since": ("HTTP_IF_UNMODIFIED_SINCE", _BY_TAG),
}


def require_heeded(request: HttpRequest, heeded: Collection[str]) -> None:
    """This function will do nothing where a write heeds all that its sender relies on: a key, a tag, a time, a dry run.

    :raises InvalidInput: it would overlook something
    """
    for name, (variable, hint) in _RELIED_ON.items():
        if variable in request.META and name not in heeded:
            raise InvalidInput(f"{name} is not heeded here.", hint=hint, header=name)
    if "Prefer" not in heeded and Preferences.of(request).dry_run:
        raise InvalidInput(
            "This can't be tried without doing it.", hint="Leave out dry-run.", header="Prefer"
        )
