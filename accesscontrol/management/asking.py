"""Asks the person at the terminal; what they type as a password is not shown."""

from __future__ import annotations

from collections.abc import Callable
from getpass import getpass

from django.core.management.base import CommandError


def ask(prompt: str) -> str:
    """This function will return what was typed.

    :raises CommandError: there is nobody to ask, or they gave up
    """
    return _typed(input, prompt)


def ask_password() -> str:
    """This function will return a password that was typed twice.

    :raises CommandError: there is nobody to ask, they gave up, or typed two different ones
    """
    password = _typed(getpass, "Password: ")
    if _typed(getpass, "Password (again): ") != password:
        raise CommandError("These are two different passwords; nothing was changed.")
    return password


def _typed(read: Callable[[str], str], prompt: str) -> str:
    try:
        return read(prompt)
    except (EOFError, KeyboardInterrupt) as error:
        raise CommandError("Nothing was typed, and nothing was changed.") from error
