"""What a request would like of its answer: the header Prefer (RFC 7240)."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse


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
