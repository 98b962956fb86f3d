"""Runs the benchmark: `python -m bench`, as script/bench does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

from django.conf import settings

from bench import agents, cases, report
from bench.floors import Bare
from bench.measure import MIN_ROUNDS, Case, measure
from bench.scratch import WIDE_ROWS, Scratch, database
from config import embedded

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "performance.md"
GROUPS = ("read", "write", "schema", "audit", "mcp", "start", "memory")
READS, LONG_READS = 50, 1_000


def main() -> int:
    """Measure what was asked for, print it, and write it down if it is all."""
    options = _options()
    embedded.use_if_configured()
    started = perf_counter()
    with database(scenes=options.scenes, audit_rows=options.audit_rows) as scratch:
        print(f"{scratch.scenes:,} scenes and {options.audit_rows:,} audit rows made", file=sys.stderr)
        results = []
        for case in _cases(scratch, options.names, quick=options.quick):
            result = measure(
                case, min_rounds=1 if options.quick else MIN_ROUNDS, warm_up=0 if options.quick else 6
            )
            results.append(result)
            print(
                f"{result.name}: {result.verdict} ({result.limit}), {result.rounds} rounds", file=sys.stderr
            )
        parts = [report.table(results)] if results else []
        if "memory" in options.names:
            parts.append(
                _memory(scratch, reads=2 if options.quick else LONG_READS if options.long else READS)
            )
        with closing(Bare(scratch.url, flushes=False)) as bare:
            parts.append(
                f"{report.machine(bare.connection)}: {scratch.scenes:,} scenes, {options.audit_rows:,} audit rows."
            )
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        report.write(DOCUMENT, text)
    print(f"{perf_counter() - started:.0f} s", file=sys.stderr)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description="Measures our work beside its floor.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(GROUPS)} (all)"
    )
    parser.add_argument("--long", action="store_true", help=f"{LONG_READS} reads for the memory, not {READS}")
    parser.add_argument("--scenes", type=int, default=100_000, metavar="N")
    parser.add_argument("--audit-rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--quick", action="store_true", help="one round of each: to see that it runs")
    parser.add_argument("--write", action="store_true", help=f"write the table into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(GROUPS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    options.names = options.names or list(GROUPS)
    return options


def _cases(scratch: Scratch, names: list[str], *, quick: bool) -> Iterator[Case]:
    with (
        closing(Bare(scratch.url, flushes=False)) as bare,
        closing(Bare(scratch.url, flushes=True)) as flushing,
    ):
        if "read" in names:
            yield from cases.reading(scratch, bare)
        if "write" in names:
            yield from cases.writing(scratch, flushing)
        if "schema" in names:
            yield from cases.describing(scratch, bare)
        if "audit" in names:
            yield from cases.trail(scratch, bare)
        if "mcp" in names:
            with agents.agent(scratch) as serving:
                yield agents.calling(scratch, serving)
        if "start" in names:
            yield agents.starting(scratch)


def _memory(scratch: Scratch, *, reads: int) -> str:
    peak, size = agents.peak_memory_mb(scratch, reads=reads)
    verdict = "holds" if peak < agents.MAX_MEMORY_MB else "DOES NOT HOLD"
    return (
        f"Peak memory of the MCP server: {peak:.0f} MB after {reads} reads of a page of {WIDE_ROWS:,} rows, answers of"
        f" {size / 1e6:.1f} MB each (under {agents.MAX_MEMORY_MB} MB: {verdict})."
    )


if __name__ == "__main__":
    sys.exit(main())
