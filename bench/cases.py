"""What is measured: each row of the table of docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from audit import queries as trail_queries
from bench.floors import Bare
from bench.measure import Case, Limit
from bench.pg_catalog import of_description, of_relations
from bench.scratch import Scratch
from catalog import registry
from catalog.services import batch, describe, live, queries, records
from catalog.services.rows import Rows

SCENES = registry.get("scenes")
BATCH_INSERT = 1_000
BATCH_CHANGE = 100
PAGE = 100  # of the trail
LAST = [{"column": "scene_num", "direction": "desc"}]


def reading(scratch: Scratch, bare: Bare, *, short: int = 10, long: int = 1_000) -> Iterator[Case]:
    """This function will yield the cases that read records."""
    for limit, ratio in ((short, 4.0), (long, 1.5)):
        yield Case(
            f"query {limit:,} rows",
            lambda limit=limit: query(scratch, limit),  # type: ignore[misc]
            lambda limit=limit: bare.page(middle(scratch), limit),  # type: ignore[misc]
            Limit(ratio=ratio),
            "the same SELECT, dict rows, orjson",
        )


def query(scratch: Scratch, limit: int) -> bytes:
    """This function will read a page of scenes as a face does, to JSON bytes."""
    page = queries.query_records(
        actor=scratch.actor(),
        table=SCENES,
        where={"id": {"$gt": middle(scratch)}},
        limit=limit,
        count="none",
    )
    return _bytes(page.records)


def writing(scratch: Scratch, bare: Bare, *, size: int = 1) -> Iterator[Case]:
    """This function will yield the cases that write records; ours and the floor's are never the same."""
    keys = _keys(scratch)
    texts = (f"Nobody waited for the letter at dusk, {number}." for number in count())
    fresh = new_scenes(scratch)
    inserted, changed = BATCH_INSERT // size, BATCH_CHANGE // size

    def updates() -> bytes:
        parts = [{"where": {"id": key}, "data": {"summary": next(texts)}} for key in some(keys, changed)]
        return _bytes(batch.update_records(actor=scratch.actor(), table=SCENES, updates=parts).records)

    def deletions() -> bytes:
        parts = [{"id": key} for key in some(keys, changed)]
        return _bytes(batch.delete_records(actor=scratch.actor(), table=SCENES, conditions_=parts).records)

    yield Case(
        "update one row",
        lambda: _bytes(
            records.update_records(
                actor=scratch.actor(), table=SCENES, data={"summary": next(texts)}, where={"id": next(keys)}
            ).records
        ),
        lambda: bare.update_one(next(keys), next(texts)),
        Limit(ratio=2.5),
        "SELECT FOR UPDATE, UPDATE RETURNING",
    )
    yield Case(
        "insert one row",
        lambda: _bytes(records.insert_record(actor=scratch.actor(), table=SCENES, data=next(fresh)).records),
        lambda: bare.insert([next(fresh)]),
        Limit(ratio=2.5),
        "INSERT RETURNING",
    )
    yield Case(
        f"batch insert {inserted:,}",
        lambda: _bytes(
            batch.insert_records(actor=scratch.actor(), table=SCENES, records=some(fresh, inserted)).records
        ),
        lambda: bare.insert(some(fresh, inserted)),
        Limit(ratio=2.5),
        "INSERT … SELECT FROM jsonb_to_recordset RETURNING",
        seconds=6,
        max_rounds=15,
    )
    yield Case(
        f"batch update {changed}",
        updates,
        lambda: bare.update_many({key: next(texts) for key in some(keys, changed)}),
        Limit(ratio=3),
        "one UPDATE RETURNING old and new",
        max_rounds=40,
    )
    yield Case(
        f"batch delete {changed}",
        deletions,
        lambda: bare.trash_many(some(keys, changed)),
        Limit(ratio=3),
        "one UPDATE RETURNING old and new",
        max_rounds=40,
    )


def describing(scratch: Scratch, bare: Bare) -> Iterator[Case]:
    """This function will yield the cases that describe the catalog."""
    yield Case(
        "get_schema",
        lambda: _dumped(describe.get_schema(actor=scratch.actor(), table=SCENES)),
        lambda: bare.reads(of_description("scenes")),
        Limit(ratio=3),
        "five queries of pg_catalog",
    )
    yield Case(
        "list_tables",
        lambda: _dumped(describe.list_tables(actor=scratch.actor())),
        lambda: bare.reads([(live.TABLES, {"pattern": "%"})]),
        Limit(ratio=3),
        "one query of pg_catalog",
    )
    yield Case(
        "relationships to depth 2",
        lambda: _dumped(describe.get_relationships(actor=scratch.actor(), table=SCENES, depth=2)),
        lambda: bare.reads(of_relations()),
        Limit(ratio=3),
        "one query of pg_catalog",
    )


def trail(scratch: Scratch, bare: Bare) -> Iterator[Case]:
    """This function will yield the cases that read the audit trail."""
    columns = ", ".join(trail_queries.LOG_COLUMNS)
    end = datetime.now(UTC) - timedelta(days=30)
    month = {"start_date": (end - timedelta(days=30)).isoformat(), "end_date": end.isoformat()}
    yield Case(
        f"audit page of {PAGE}",
        lambda: _bytes(trail_queries.search(actor=scratch.auditor(), limit=PAGE)["logs"]),
        lambda: bare.read(
            f"SELECT {columns} FROM public.audit_logs ORDER BY timestamp DESC, id DESC LIMIT {PAGE}"  # noqa: S608
        ),
        Limit(ratio=3),
        "the same SELECT, dict rows, orjson",
    )
    yield Case(
        "audit summary of a month",
        lambda: _dumped(trail_queries.summary(actor=scratch.auditor(), **month)),
        lambda: bare.read(
            "SELECT count(*) FROM public.audit_logs WHERE timestamp >= %s AND timestamp < %s",
            [month["start_date"], month["end_date"]],
        ),
        Limit(ratio=6, total_ms=1_000),
        "count(*) of the same range",
        seconds=4,
        max_rounds=25,
    )


def middle(scratch: Scratch) -> int:
    """A key with rows enough behind it, away from those that are written and those that are wide."""
    return scratch.first_scene + scratch.scenes // 2


def _keys(scratch: Scratch) -> Iterator[int]:
    """Keys of scenes that nothing else here looks at, each once, from the front."""
    yield from range(scratch.first_scene, middle(scratch))
    raise RuntimeError("there are too few scenes for so many rounds")


def new_scenes(scratch: Scratch) -> Iterator[dict[str, Any]]:
    """This function will yield scenes that can be inserted: their numbers are beyond those that are there."""
    chapter = _first(scratch, where={"id": scratch.first_scene})["chapter_id"]
    last = _first(scratch, where={"chapter_id": chapter}, order_by=LAST)["scene_num"]
    for number in count(last + 1):
        yield {
            "chapter_id": chapter, "scene_num": number, "title": f"Scene {number}", "summary": "The captain waited.",
            "content": "The captain waited for the letter without a word. Nobody spoke of the winter. " * 5,
        }  # fmt: skip


def _first(scratch: Scratch, **wanted: Any) -> Any:
    return queries.query_records(
        actor=scratch.actor(), table=SCENES, limit=1, count="none", **wanted
    ).records[0]


def some(source: Iterator[Any], size: int) -> list[Any]:
    """This function will take that many from a source."""
    return [next(source) for _ in range(size)]


def _bytes(found: Rows) -> bytes:
    return found.json().encode()


def _dumped(answer: object) -> bytes:
    return json.dumps(answer, ensure_ascii=False, default=str).encode()
