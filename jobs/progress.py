"""How long work tells how far it is, and learns that nobody wants it any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accesscontrol.errors import Conflict


class Cancelled(Conflict):
    """The work was cancelled, and has left nothing behind."""


class Progress:
    """What long work is given to tell of itself; this one listens to nothing.

    Work calls `begin` for each of its parts, then `advance` and `check` at least every second.
    """

    def begin(self, label: str, total: int = 0, unit: str = "bytes") -> None:
        """This function will note that a part begins: what it is, and how much there is to do (0: unknown)."""

    def advance(self, amount: int) -> None:
        """This function will note that so much more of the part is done."""

    def log(self, text: str) -> None:
        """This function will note what a person should read afterwards."""

    def keep(self, result: Mapping[str, Any]) -> None:
        """This function will keep what the work returns, in the work's own transaction and at its end.

        So the work is committed and its job done, or neither, wherever the worker dies: it is never done twice.
        """

    def check(self) -> None:
        """This function will do nothing while the work is wanted.

        :raises Cancelled: it is not any more
        """


SILENT = Progress()
