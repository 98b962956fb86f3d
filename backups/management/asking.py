"""Shows a plan on the terminal, and asks whether to go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

from django.core.management.base import CommandError, CommandParser

from accesscontrol.errors import ConfirmationRequired
from accesscontrol.management.asking import ask

T = TypeVar("T")


def add_yes(parser: CommandParser) -> None:
    """This function will let a command be told to go on without asking."""
    parser.add_argument(
        "--yes", action="store_true", help="show what would be done, and do it without asking"
    )


def agreed(call: Callable[[str | None], T], out: TextIO, *, word: str, yes: bool) -> T:
    """This function will return what `call` does, once it is agreed to: it takes a plan_token, at first None.

    The plan is shown. Who agrees types `word`, such as the name of what is at stake; with `yes` nobody is asked.

    :raises CommandError: they did not agree, or there is nobody to ask
    :raises Refused: whatever `call` refuses
    """
    try:
        return call(None)
    except ConfirmationRequired as refusal:
        plan: dict[str, Any] = refusal.details["plan"]
        token: str = refusal.details["plan_token"]
    lines = [line for name, value in plan.items() for line in _lines(name, value)]
    out.write("\n".join(lines) + "\n")
    if not yes:
        require_typed(word)
    return call(token)


def require_typed(word: str) -> None:
    """This function will do nothing where somebody types `word`.

    :raises CommandError: they typed something else, or there is nobody to ask
    """
    if ask(f"Type {word} to go on: ").strip() != word:
        raise CommandError("That was something else; nothing was changed.")


def _lines(name: str, value: object) -> list[str]:
    """A part of a plan; a list has a line for each."""
    if isinstance(value, list):
        return [f"{name}:", *(f"  {_text(item)}" for item in value)]
    return [f"{name}: {_text(value)}"]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
