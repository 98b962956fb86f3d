"""What was asked and what was answered: the callers' own books, which the database is compared with."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from soak.callers import Answer, Caller

ANSWERED = "answered"
REPEATED = frozenset({"UNAVAILABLE", "TIMEOUT"})  # the callers' answers to these: the same again
BUGS = frozenset({"INTERNAL"})
COUNTS = (
    "inserted", "updated", "total_updated", "deleted", "total_deleted", "restored", "purged", "undone",
)  # fmt: skip
MAX_TOLD = 20  # of broken rules


@dataclass(frozen=True)
class Call:
    """One call of a tool. A write has a key, by which it may be repeated."""

    tool: str
    arguments: dict[str, Any]
    key: str | None = None


@dataclass
class Ledger:
    """What became of the calls of a run."""

    codes: Counter[str] = field(default_factory=Counter)  # how often each was answered
    slowest_s: float = 0.0
    done: dict[str, tuple[str, int]] = field(default_factory=dict)  # by key: the change, and how many records
    undone: dict[str, str] = field(
        default_factory=dict
    )  # by key: what the last refusal says was done, none or unknown
    doubtful: set[str] = field(default_factory=set)  # keys that may rightly be answered again
    figures: dict[str, Any] = field(default_factory=dict)  # what else a run has to tell
    broken: list[str] = field(default_factory=list)  # what should never be
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def calls(self) -> int:
        """How many calls were answered, refused ones included."""
        return sum(self.codes.values())

    def note(self, call: Call, answer: Answer, seconds: float = 0.0) -> str:
        """This function will write an answer down, and return its code."""
        code = str(answer["code"]) if answer.get("error") else ANSWERED
        with self._lock:
            self.codes[code] += 1
            self.slowest_s = max(self.slowest_s, seconds)
            if code in BUGS:
                self._break(f"{call.tool} was answered {answer}")
            if call.key is not None:
                self._note_write(call.key, code, answer)
        return code

    def _note_write(self, key: str, code: str, answer: Answer) -> None:
        if code == ANSWERED:
            told = (str(answer["change_id"]), count_of(answer))
            self.undone.pop(key, None)
            if key in self.done:
                self.doubtful.add(key)
            if self.done.setdefault(key, told) != told:
                self._break(f"{key} was answered {told} after {self.done[key]}")
        elif code in REPEATED:  # which says nothing of an earlier try
            if key not in self.done and self.undone.get(key) != "unknown":
                self.undone[key] = str(answer["details"]["outcome"])
            if answer["details"]["outcome"] == "unknown":
                self.doubtful.add(key)
        elif key in self.done:
            self._break(f"{key} was refused ({code}) after it had been done")
        else:
            self.undone[key] = "none"

    def lose(self, call: Call) -> None:
        """This function will write down that there was no answer."""
        with self._lock:
            self.codes["(no answer)"] += 1
            if call.key is not None:
                self.doubtful.add(call.key)
                if call.key not in self.done:
                    self.undone[call.key] = "unknown"

    def require(self, holds: bool, rule: str) -> None:
        """This function will write a rule down that does not hold."""
        if not holds:
            with self._lock:
                self._break(rule)

    def _break(self, rule: str) -> None:
        self.broken.append(rule[:500])

    def told(self) -> str:
        """This function will return what the run has to tell, a line for each figure."""
        codes = ", ".join(f"{code} {count:,}" for code, count in self.codes.most_common())
        records = sum(count for _, count in self.done.values())
        figures = {
            "calls": f"{self.calls:,}: {codes}",
            "writes": f"{len(self.done):,} done, {records:,} records",
            **({"slowest call": f"{self.slowest_s:.1f} s"} if self.slowest_s else {}),
            **self.figures,
            "broken": len(self.broken),
        }
        lines = [f"  {name}: {value}" for name, value in figures.items()]
        return "\n".join(lines + [f"  BROKEN: {rule}" for rule in self.broken[:MAX_TOLD]])


def count_of(answer: Answer) -> int:
    """This function will return how many records the answer to a write says were written."""
    return next((int(answer[name]) for name in COUNTS if name in answer), 1)


def insist(caller: Caller, call: Call, ledger: Ledger, *, gives_up: Callable[[], bool]) -> Answer:
    """This function will make a call, again while it is refused for a fault that passes, and note each answer."""
    while True:
        started = monotonic()
        answer = caller(call.tool, call.arguments)
        code = ledger.note(call, answer, monotonic() - started)
        if code not in REPEATED or call.key is None or gives_up():
            return answer
