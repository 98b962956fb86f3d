"""What every page needs to know of how somebody likes it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accesscontrol import preferences
from config.profile import THEMES


def context(request: HttpRequest) -> dict[str, Any]:
    """This function will return what the frame of every page shows; it asks the database nothing."""
    return {
        "preferences": preferences.of(request),
        "themes": THEMES,
        "is_nav_closed": request.COOKIES.get("nav") == "closed",
    }
