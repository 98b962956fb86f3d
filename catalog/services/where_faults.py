"""Where in a where object something is wrong, for the refusal that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from accesscontrol.errors import InvalidInput

MAX_PATH = 200  # characters of it that a message shows


@contextmanager
def at(path: str) -> Iterator[None]:
    """This function will say, in a refusal that passes through, where its cause stands."""
    try:
        yield
    except InvalidInput as refusal:
        refusal.details["path"] = path[:MAX_PATH]
        raise


def invalid(path: str, problem: str) -> InvalidInput:
    """This function will return the refusal of what stands at a path; the problem goes on from it."""
    return InvalidInput(f"{path[:MAX_PATH]} {problem}.", path=path[:MAX_PATH])
