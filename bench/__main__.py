"""Runs the benchmark: `python -m bench`, as script/bench does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from time import perf_counter

import psycopg
from django.conf import settings

from bench import agents, api, backups, cases, exchange, imports, offsite, pages, report
from bench.floors import Bare
from bench.measure import MIN_ROUNDS, Case, Result, measure
from bench.scratch import WIDE_ROWS, Scratch, database
from config import embedded

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "performance.md"
GROUPS = ("read", "write", "schema", "audit", "mcp", "start", "exchange", "import", "memory")
PAGES, API, BACKUP = "pages", "api", "backup"  # take minutes: measured when asked for
NAMES = (*GROUPS, PAGES, API, BACKUP)
SCENES = 100_000
READS, LONG_READS = 50, 1_000

Libraries = Callable[[int], AbstractContextManager[Scratch]]
"""Gives a library of so many scenes."""


def main() -> int:
    """Measure what was asked for, print it, and write it down if it is all."""
    options = _options()
    embedded.use_if_configured()
    started = perf_counter()
    texts = {}
    with _libraries(options) as library:
        if set(options.names) & set(GROUPS):
            texts[report.MEASURED] = _calls(options, library)
        if PAGES in options.names:
            texts[report.PAGES] = _pages(options, library)
        if API in options.names:
            texts[report.API] = _api(options, library)
    if BACKUP in options.names:
        texts[report.BACKUPS] = _backups(options)
    for section, text in texts.items():
        print(text)
        if options.write:
            report.write(DOCUMENT, section, text)
    print(f"{perf_counter() - started:.0f} s", file=sys.stderr)
    return 0


def _calls(options: argparse.Namespace, library: Libraries) -> str:
    with library(SCENES) as scratch:
        results = _results(_cases(scratch, options.names), quick=options.quick)
        parts = [report.table(results)] if results else []
        if "memory" in options.names:
            parts.append(
                _memory(scratch, reads=2 if options.quick else LONG_READS if options.long else READS)
            )
            parts.append(_memory_of_imports(scratch))
        parts.append(_place(scratch, options))
    return "\n\n".join(parts)


def _pages(options: argparse.Namespace, library: Libraries) -> str:
    small = library(pages.SMALL) if options.quick else pages.small_library()
    with library(pages.SCENES) as scratch, pages.paging(scratch, small) as found:
        table = report.table(_results(found, quick=options.quick))
        return f"{table}\n\n{_place(scratch, options)}"


def _api(options: argparse.Namespace, library: Libraries) -> str:
    requests = api.CLIENTS if options.quick else api.REQUESTS
    with library(SCENES) as scratch:
        with api.asking(scratch, requests=requests) as found:
            results = _results(found, quick=options.quick)
        with api.exports(scratch) as exports:
            memory = exports.memory()
            results += _results([exports.case()], quick=options.quick)
        parts = [report.table(results), memory, _place(scratch, options)]
    return "\n\n".join(parts)


@contextmanager
def _libraries(options: argparse.Namespace) -> Iterator[Libraries]:
    """Say where libraries come from: each is made anew, but for a quick run, which needs one for all."""
    if not options.quick:
        yield lambda scenes: _filled(options, options.scenes or scenes)
        return
    with ExitStack() as kept:
        only = cache(lambda: kept.enter_context(_filled(options, options.scenes or SCENES)))
        yield lambda _: nullcontext(only())


@contextmanager
def _filled(options: argparse.Namespace, scenes: int) -> Iterator[Scratch]:
    with database(scenes=scenes, audit_rows=options.audit_rows) as scratch:
        print(f"{scenes:,} scenes and {options.audit_rows:,} audit rows made", file=sys.stderr)
        yield scratch


def _backups(options: argparse.Namespace) -> str:
    with backups.backups(options.backup_mb) as found:
        print(f"{found.megabytes:,} MB made", file=sys.stderr)
        peak = backups.peak_memory_mb(found)
        results = _results(backups.cases(found), quick=options.quick)
        copying = 0.0
        for server in offsite.SERVERS:
            with offsite.bucket(server) as remote:
                copying = max(copying, offsite.peak_memory_mb(found, remote))
                results += _results(offsite.cases(found, remote), quick=options.quick)
        return (
            f"{report.table(results, unit='s')}\n\nPeak memory of `manage.py backup`: {peak:.0f} MB"
            f" ({_at_most(peak, backups.MAX_MEMORY_MB)}); of its copy offsite: {copying:.0f} MB"
            f" ({_at_most(copying, offsite.MAX_MEMORY_MB)}).\n\n"
            f"{_share(max(found.shares))}\n\n"
            f"{_machine(found.url)}: a plain dump of {found.megabytes:,} MB, {found.made.record_count:,} records,"
            f" {found.made.size_bytes / 1e6:,.0f} MB compressed."
        )


def _share(share: float) -> str:
    holds = "holds" if share <= backups.MAX_SHARE else "DOES NOT HOLD"
    return (
        f"An incremental backup after 1 % changed has {share:.3f} of the bytes of the full one"
        f" (at most {backups.MAX_SHARE}: {holds})."
    )


def _at_most(megabytes: float, most: int) -> str:
    return f"at most {most} MB: {'holds' if megabytes <= most else 'DOES NOT HOLD'}"


def _results(found: Iterable[Case], *, quick: bool) -> list[Result]:
    results = []
    for case in found:
        result = measure(case, min_rounds=1 if quick else MIN_ROUNDS, warm_up=0 if quick else 6)
        results.append(result)
        print(f"{result.name}: {result.verdict} ({result.limit}), {result.rounds} rounds", file=sys.stderr)
    return results


def _place(scratch: Scratch, options: argparse.Namespace) -> str:
    return f"{_machine(scratch.url)}: {scratch.scenes:,} scenes, {options.audit_rows:,} audit rows."


def _machine(url: str) -> str:
    with psycopg.connect(url) as connection:
        return report.machine(connection)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description="Measures our work beside its floor.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"what to measure: {', '.join(GROUPS)} (all of these), {PAGES}, {API}, {BACKUP}",
    )
    parser.add_argument("--long", action="store_true", help=f"{LONG_READS} reads for the memory, not {READS}")
    parser.add_argument("--scenes", type=int, metavar="N", help=f"{SCENES:,}; for pages {pages.SCENES:,}")
    parser.add_argument("--audit-rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument(
        "--backup-mb",
        type=int,
        default=backups.MEGABYTES,
        metavar="N",
        help="of the dump that is backed up (%(default)s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round of each, in one library: to see that it runs"
    )
    parser.add_argument("--write", action="store_true", help=f"write the table into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    options.names = options.names or list(GROUPS)
    return options


def _cases(scratch: Scratch, names: list[str]) -> Iterator[Case]:
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
        if "exchange" in names:
            with exchange.exchanging(scratch) as found:
                yield from found
        if "import" in names:
            with imports.importing(scratch) as found:
                yield from found


def _memory(scratch: Scratch, *, reads: int) -> str:
    peak, size = agents.peak_memory_mb(scratch, reads=reads)
    verdict = "holds" if peak < agents.MAX_MEMORY_MB else "DOES NOT HOLD"
    return (
        f"Peak memory of the MCP server: {peak:.0f} MB after {reads} reads of a page of {WIDE_ROWS:,} rows, answers of"
        f" {size / 1e6:.1f} MB each (under {agents.MAX_MEMORY_MB} MB: {verdict})."
    )


def _memory_of_imports(scratch: Scratch) -> str:
    peak, rows = imports.peak_memory_mb(scratch)
    verdict = "holds" if peak < imports.MAX_MEMORY_MB else "DOES NOT HOLD"
    return (
        f"Peak memory of a process that previews and imports {rows:,} rows of CSV, JSON and XLSX: {peak:.0f} MB"
        f" (under {imports.MAX_MEMORY_MB} MB: {verdict})."
    )


if __name__ == "__main__":
    sys.exit(main())
