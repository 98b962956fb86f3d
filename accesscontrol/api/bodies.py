"""What requests bring beside JSON objects: nothing at all, or a file."""

from __future__ import annotations

from rest_framework.request import Request

from accesscontrol.errors import InvalidInput


def require_none(request: Request) -> None:
    """This function will do nothing where a request has no body, or an empty object.

    :raises InvalidInput: it says something that nobody reads
    """
    if not isinstance(request.data, dict) or request.data:
        raise InvalidInput("This takes no body.", hint="Leave it out.")
