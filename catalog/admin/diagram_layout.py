"""Where the tables of a diagram stand, and how the lines between them run.

Tables stand in layers, each to the right of all that it refers to. A line over several layers passes between the
tables of those that it crosses, at a place that is kept for it. Within a layer the order is that which crosses
the fewest lines, looked for by the usual way: each thing to the middle of its neighbours, layer by layer, to and fro.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

WIDTH, HEIGHT = 224, 48  # of a table
GAP_X, GAP_Y = 64, 16
LINE_ROOM = 14  # for a line between tables
MARGIN = 24
SWEEPS = 12
LOOSE_COLUMNS = 5

Link = tuple[str, str]  # a table, and one that it refers to


@dataclass(frozen=True)
class Box:
    """A table: the corner where it begins."""

    x: int
    y: int

    @property
    def middle(self) -> int:
        """How far down its middle is."""
        return self.y + HEIGHT // 2


@dataclass(frozen=True)
class Layout:
    """The boxes by name, the lines as SVG has them, and the size of the whole."""

    boxes: Mapping[str, Box]
    lines: Mapping[Link, str]
    width: int
    height: int


@dataclass
class _Layers:
    """The things of each layer from top to bottom: tables, and the places of lines that pass."""

    rows: list[list[str]]
    chains: dict[Link, list[str]]  # what a line passes, from the table to what it refers to
    tables: Collection[str]
    neighbours: dict[str, list[str]] = field(default_factory=dict)

    def heights(self, name: str) -> int:
        return HEIGHT + GAP_Y if name in self.tables else LINE_ROOM


def arrange(names: Sequence[str], links: Iterable[Link]) -> Layout:
    """This function will lay tables out, given in the order in which they are told, and the links among them."""
    links = list(dict.fromkeys((a, b) for a, b in links if a != b))
    tied = {name for link in links for name in link}
    layers = _layered([name for name in names if name in tied], links)
    for sweep in range(SWEEPS):
        _order(layers, is_rightwards=sweep % 2 == 0)
    ys = _placed(layers)
    boxes = {
        name: Box(MARGIN + index * (WIDTH + GAP_X), round(ys[name]))
        for index, row in enumerate(layers.rows)
        for name in row
        if name in tied
    }
    xs = {name: MARGIN + index * (WIDTH + GAP_X) for index, row in enumerate(layers.rows) for name in row}
    lines = {link: _line(chain, xs, ys, tied) for link, chain in layers.chains.items()}
    bottom = max((box.y + HEIGHT for box in boxes.values()), default=0)
    boxes |= _loose([name for name in names if name not in tied], bottom + (2 * GAP_Y if boxes else MARGIN))
    return Layout(
        boxes,
        lines,
        max((box.x for box in boxes.values()), default=0) + WIDTH + MARGIN,
        max((box.y for box in boxes.values()), default=0) + HEIGHT + MARGIN,
    )


def _layered(names: Sequence[str], links: Sequence[Link]) -> _Layers:
    """The tables in their layers, with a place in each layer that a line crosses."""
    depths = _depths(names, links)
    rows: list[list[str]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for name in names:
        rows[depths[name]].append(name)
    layers = _Layers(rows, {}, set(names))
    for start, end in links:
        crossed = range(depths[start] - 1, depths[end], -1)
        places = [f"{start}>{end}@{layer}" for layer in crossed]
        for layer, place in zip(crossed, places, strict=True):
            rows[layer].append(place)
        layers.chains[start, end] = [start, *places, end]
    for chain in layers.chains.values():
        for one, other in pairwise(chain):
            layers.neighbours.setdefault(one, []).append(other)
            layers.neighbours.setdefault(other, []).append(one)
    return layers


def _depths(names: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """The layer of each table: behind all that it refers to; of one that refers to nothing, just before the first."""
    targets = {name: [b for a, b in links if a == name] for name in names}
    depths: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in depths:
            depths[name] = 1 + max(map(depth, targets[name]), default=-1)
        return depths[name]

    for name in names:
        depth(name)
    for name in names:
        if not targets[name]:
            depths[name] = min(depths[a] for a, b in links if b == name) - 1
    return depths


def _order(layers: _Layers, *, is_rightwards: bool) -> None:
    """Sort each layer by where its neighbours in the layer before stand."""
    indexes = range(1, len(layers.rows)) if is_rightwards else range(len(layers.rows) - 2, -1, -1)
    for index in indexes:
        before = layers.rows[index - 1 if is_rightwards else index + 1]
        places = {name: (place + 0.5) / len(before) for place, name in enumerate(before)}
        row = layers.rows[index]
        own = {name: (place + 0.5) / len(row) for place, name in enumerate(row)}
        row.sort(key=_mean_of(layers, places, own))


def _mean_of(
    layers: _Layers, places: Mapping[str, float], own: Mapping[str, float]
) -> Callable[[str], float]:
    def mean(name: str) -> float:
        near = [places[other] for other in layers.neighbours.get(name, ()) if other in places]
        return fmean(near) if near else own[name]

    return mean


def _placed(layers: _Layers) -> dict[str, float]:
    """How far down each thing begins: near the middle of its neighbours, as far as there is room."""
    ys: dict[str, float] = {}
    for row in layers.rows:
        y = float(MARGIN)
        for name in row:
            ys[name] = y
            y += layers.heights(name)
    for _ in range(SWEEPS):
        for row in [*layers.rows, *layers.rows[::-1]]:
            _spread(layers, row, ys)
    top = min(ys.values(), default=0) - MARGIN
    return {name: y - top for name, y in ys.items()}


def _spread(layers: _Layers, row: Sequence[str], ys: dict[str, float]) -> None:
    """Move the things of a layer towards their neighbours: those that would overlap move as one block."""
    blocks: list[tuple[list[str], float, int]] = []  # names, where they begin, how high they are
    for name in row:
        near = [_centre(layers, other, ys) for other in layers.neighbours.get(name, ())]
        height = layers.heights(name)
        wish = fmean(near) - _half(layers, name) if near else ys[name]
        block = ([name], wish, height)
        while blocks and blocks[-1][1] + blocks[-1][2] > block[1]:
            names, start, high = blocks.pop()
            count, added = len(names), len(block[0])
            together = (start * count + (block[1] - high) * added) / (count + added)
            block = ([*names, *block[0]], together, high + block[2])
        blocks.append(block)
    for names, start, _high in blocks:
        y = start
        for name in names:
            ys[name] = y
            y += layers.heights(name)


def _half(layers: _Layers, name: str) -> float:
    return HEIGHT / 2 if name in layers.tables else LINE_ROOM / 2


def _centre(layers: _Layers, name: str, ys: Mapping[str, float]) -> float:
    return ys[name] + _half(layers, name)


def _line(
    chain: Sequence[str], xs: Mapping[str, int], ys: Mapping[str, float], tables: Collection[str]
) -> str:
    """A line from the left of a table to the right of the one that it refers to, level wherever it passes a layer."""
    parts: list[str] = []
    for one, other in pairwise(chain):
        start, end = _level(one, ys, tables), _level(other, ys, tables)
        x, goal = xs[one], xs[other] + WIDTH
        bend = (x + goal) // 2
        if not parts:
            parts.append(f"M{x} {start}")
        else:
            parts.append(f"L{x} {start}")
        parts.append(f"C{bend} {start} {bend} {end} {goal} {end}")
    return " ".join(parts)


def _level(name: str, ys: Mapping[str, float], tables: Collection[str]) -> int:
    return round(ys[name] + (HEIGHT / 2 if name in tables else LINE_ROOM / 2))


def _loose(names: Sequence[str], top: int) -> dict[str, Box]:
    """Tables that nothing ties to others, in rows below."""
    return {
        name: Box(
            MARGIN + index % LOOSE_COLUMNS * (WIDTH + GAP_X), top + index // LOOSE_COLUMNS * (HEIGHT + GAP_Y)
        )
        for index, name in enumerate(names)
    }
