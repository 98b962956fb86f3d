"""What differs between two texts, word by word, with no more of what stayed than a reader needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "added", "removed", "skipped"]

CONTEXT_CHARS = 90  # of what stayed, on each side of a change
LONG_CHARS = 1_200  # of what was added or removed, and shown
MAX_WORDS = 2_400  # compared with one another; beyond it a passage counts as replaced

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_WORD = re.compile(r"\w+")
_LINE = re.compile(r"[^\n]*\n+|[^\n]+")
_ITEM = re.compile(r"[^\n]*\n")


@dataclass(frozen=True)
class Piece:
    """A stretch of text, and what became of it; of what is skipped only how many words it has."""

    kind: Kind
    text: str = ""
    words: int = 0


def pieces(
    old: str, new: str, *, folds: bool = True, cuts: bool = True, keeps_lines: bool = False
) -> list[Piece]:
    """This function will return both texts as one: what stayed, what was removed and what was added, in order.

    It `folds` what stayed between changes and `cuts` the middle of a long change, unless all is wanted. Where it
    `keeps_lines`, words are compared only where one line stands for another: lines are items of a list.
    """
    found = list(_joined(_by_lines(old, new, keeps_lines=keeps_lines)))
    return list(_folded(found, cuts=cuts)) if folds else found


def replaced(old: str, new: str) -> list[Piece]:
    """This function will return two short values as one removed and one added."""
    return [Piece(kind, text) for kind, text in _pair(old, new)]


def _by_lines(old: str, new: str, *, keeps_lines: bool) -> Iterator[tuple[Kind, str]]:
    """What differs by lines, and within the lines by words."""
    a, b = (_lines(text, are_items=keeps_lines) for text in (old, new))
    for kind, removed, added in _steps(a, b):
        if kind == "same":
            yield "same", removed
        elif keeps_lines and (removed.count("\n") > 1 or added.count("\n") > 1):
            yield from _pair(removed, added)
        else:
            yield from _by_words(removed, added)


def _lines(text: str, *, are_items: bool) -> list[str]:
    """The lines of a text with their ends, the empty ones at the end of the one before; items end all the same."""
    return _ITEM.findall(f"{text}\n" if text else "") if are_items else _LINE.findall(text)


def _by_words(old: str, new: str) -> Iterator[tuple[Kind, str]]:
    if not old or not new:
        yield from _pair(old, new)
        return
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    start, end = _common(a, b)
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    yield "same", "".join(a[:start])
    if len(middle_a) + len(middle_b) > MAX_WORDS:
        yield from _pair("".join(middle_a), "".join(middle_b))
    else:
        for kind, removed, added in _readable(_steps(middle_a, middle_b)):
            if kind == "same":
                yield "same", removed
            else:
                yield from _pair(removed, added)
    yield "same", "".join(a[len(a) - end :])


def _steps(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The steps from one list to the other, as (kind, text of the one, text of the other)."""
    few = len(a) + len(b) <= MAX_WORDS  # of many, those that are everywhere begin no match
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=not few).get_opcodes():
        yield "same" if tag == "equal" else "changed", "".join(a[i:j]), "".join(b[k:m])


def _readable(steps: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """The steps, without islands that have no word in them: they would tear a change to shreds."""
    whole = list(steps)
    pending = ("", "")
    for index, (kind, removed, added) in enumerate(whole):
        is_inner = 0 < index < len(whole) - 1
        if kind == "same" and not (is_inner and not _WORD.search(removed)):
            if any(pending):
                yield "changed", *pending
            pending = ("", "")
            yield kind, removed, added
        else:
            pending = (pending[0] + removed, pending[1] + added)
    if any(pending):
        yield "changed", *pending


def _common(a: Sequence[str], b: Sequence[str]) -> tuple[int, int]:
    """How many tokens two lists share at their start, and then at their end, words among them."""
    shortest = min(len(a), len(b))
    start = next((i for i in range(shortest) if a[i] != b[i]), shortest)
    rest = shortest - start
    end = next((i for i in range(rest) if a[-1 - i] != b[-1 - i]), rest)
    return start, end if any(map(_WORD.match, a[len(a) - end :])) else 0


def _pair(old: str, new: str) -> Iterator[tuple[Kind, str]]:
    if old:
        yield "removed", old
    if new:
        yield "added", new


def _joined(parts: Iterable[tuple[Kind, str]]) -> Iterator[Piece]:
    """The parts, with neighbours of one kind made one."""
    kind: Kind = "same"
    text = ""
    for other, more in parts:
        if other != kind and text:
            yield Piece(kind, text)
            text = ""
        if more:
            kind, text = other, text + more
    if text:
        yield Piece(kind, text)


def _folded(found: Sequence[Piece], *, cuts: bool) -> Iterator[Piece]:
    last = len(found) - 1
    for index, piece in enumerate(found):
        if piece.kind == "same":
            yield from _cut(piece, CONTEXT_CHARS if index else 0, CONTEXT_CHARS if index < last else 0)
        elif cuts:
            yield from _cut(piece, LONG_CHARS // 2, LONG_CHARS // 2)
        else:
            yield piece


def _cut(piece: Piece, head: int, tail: int) -> Iterator[Piece]:
    """A piece with its middle skipped where that spares much; words stay whole."""
    text = piece.text
    if len(text) <= (head + tail) * 3 // 2 + CONTEXT_CHARS:
        yield piece
        return
    first = text[:head].rsplit(maxsplit=1)[0] if head else ""
    start = len(first)
    end = len(text) - tail + len(text[len(text) - tail :].split(maxsplit=1)[0]) if tail else len(text)
    if first:
        yield Piece(piece.kind, text[:start])
    yield Piece("skipped", words=len(text[start:end].split()))
    if end < len(text):
        yield Piece(piece.kind, text[end:])
