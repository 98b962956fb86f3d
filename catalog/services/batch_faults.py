"""What is wrong with the parts of a batch: collected until all of it is known, then refused at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from accesscontrol.errors import Refused
from catalog.services.wording import counted

MAX_ERRORS = 100  # as many are listed, and looked for in the database

Given = TypeVar("Given")
Part = TypeVar("Part")


class Faults:
    """The refusals of the parts of a batch, each with the index of its part."""

    def __init__(self, total: int) -> None:
        self.is_cut_short = False  # whether there may be more
        self._total = total
        self._found: dict[int, list[Refused]] = {}

    def __contains__(self, index: int) -> bool:
        return index in self._found

    def __len__(self) -> int:
        return len(self._found)

    def add(self, index: int, refusal: Refused) -> None:
        """This function will note what is wrong with a part."""
        self._found.setdefault(index, []).append(refusal)

    def each(self, parts: Iterable[tuple[int, Given]], work: Callable[[Given], Part]) -> dict[int, Part]:
        """This function will return what the work makes of each part, by index, and note those it refuses."""
        done: dict[int, Part] = {}
        for index, part in parts:
            try:
                done[index] = work(part)
            except Refused as refusal:
                self.add(index, refusal)
        return done

    def others(self, parts: Mapping[int, Part]) -> dict[int, Part]:
        """This function will return the parts with which nothing is known to be wrong."""
        return {index: part for index, part in parts.items() if index not in self}

    def refuse(self) -> None:
        """This function will do nothing where nothing is wrong.

        :raises Refused: what is wrong with the first part at fault; `details.errors` lists what is with each
        """
        if not self:
            return
        faults = [(index, refusal) for index in sorted(self._found) for refusal in self._found[index]]
        index, first = faults[0]
        raise type(first)(
            f"{self._counted()} at fault, and nothing was written. Number {index}: {first.message}",
            hint=first.hint,
            **{**first.details, "index": index, "errors": [_error(*fault) for fault in faults[:MAX_ERRORS]]},
        )

    def _counted(self) -> str:
        of_all = f"of {self._total}"
        found = counted(len(self), f"{of_all} is", f"{of_all} are")
        return f"At least {found}" if self.is_cut_short else found


def _error(index: int, refusal: Refused) -> dict[str, Any]:
    return {"index": index, "code": refusal.code, "message": refusal.message, **refusal.details}
