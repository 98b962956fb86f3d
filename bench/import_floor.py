"""The floor of an import: COPY to a temporary table, the checks of all rows at once, and for the import what it writes.

What somebody careful would write by hand for this one table, who need not say what is wrong with each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from openpyxl import load_workbook

from audit import trail
from catalog import registry

ARCS = registry.get("character_arcs")
COLUMNS = (
    "id", "character_id", "book_id", "arc_name", "description", "key_events", "created_at", "deleted_at",
)  # fmt: skip
BLOCK_BYTES = 256 * 1024

_NAMES = ", ".join(COLUMNS)
_OTHERS = COLUMNS[1:]
_TAKEN = f"""
CREATE TEMPORARY TABLE taken (row bigint GENERATED ALWAYS AS IDENTITY, {", ".join(f"{name} text" for name in COLUMNS)})
    ON COMMIT DROP
"""
_TYPED = """
CREATE TEMPORARY TABLE typed ON COMMIT DROP AS
SELECT row,
       CASE WHEN pg_input_is_valid(id, 'bigint') THEN id::bigint END AS id,
       CASE WHEN pg_input_is_valid(character_id, 'bigint') THEN character_id::bigint END AS character_id,
       CASE WHEN pg_input_is_valid(book_id, 'bigint') THEN book_id::bigint END AS book_id,
       arc_name, description,
       CASE WHEN pg_input_is_valid(key_events, 'text[]') THEN key_events::text[] END AS key_events,
       CASE WHEN pg_input_is_valid(created_at, 'timestamptz') THEN created_at::timestamptz END AS created_at,
       CASE WHEN pg_input_is_valid(deleted_at, 'timestamptz') THEN deleted_at::timestamptz END AS deleted_at
  FROM taken
"""
_CHECKS = (
    # types
    """SELECT t.row FROM taken s JOIN typed t USING (row)
        WHERE t.id IS NULL AND s.id IS NOT NULL OR t.character_id IS NULL AND s.character_id IS NOT NULL
           OR t.book_id IS NULL AND s.book_id IS NOT NULL OR t.key_events IS NULL AND s.key_events IS NOT NULL
           OR t.created_at IS NULL AND s.created_at IS NOT NULL OR t.deleted_at IS NULL AND s.deleted_at IS NOT NULL""",
    # NOT NULL and CHECK
    """SELECT row FROM typed WHERE id IS NULL OR character_id IS NULL OR arc_name IS NULL OR created_at IS NULL
           OR NOT length(arc_name) <= 500""",
    # references, none of them to the trash
    """SELECT row FROM typed t LEFT JOIN public.characters p ON p.id = t.character_id
        WHERE t.character_id IS NOT NULL AND (p.id IS NULL OR p.deleted_at IS NOT NULL)""",
    """SELECT row FROM typed t LEFT JOIN public.books p ON p.id = t.book_id
        WHERE t.book_id IS NOT NULL AND (p.id IS NULL OR p.deleted_at IS NOT NULL)""",
    # what no two may share, within the file and beside the table
    "SELECT min(row) FROM typed GROUP BY id HAVING count(*) > 1",
    """SELECT min(row) FROM typed WHERE deleted_at IS NULL AND book_id IS NOT NULL
        GROUP BY character_id, book_id, arc_name HAVING count(*) > 1""",
    """SELECT row FROM typed t JOIN public.character_arcs o USING (character_id, book_id, arc_name)
        WHERE t.deleted_at IS NULL AND o.deleted_at IS NULL AND o.id <> t.id""",
)
_DIFFERS = " IS DISTINCT FROM ".join(
    f"({', '.join(f'{alias}.{name}' for name in _OTHERS)})" for alias in ("t", "o")
)
_COUNTS = f"""
SELECT count(*) FILTER (WHERE o.id IS NULL), count(*) FILTER (WHERE o.id IS NOT NULL AND {_DIFFERS})
  FROM typed t LEFT JOIN public.character_arcs o ON o.id = t.id
"""  # noqa: S608 - our own words
_VERSIONS = """
INSERT INTO app.auditlog_logentry (content_type_id, object_pk, object_id, object_repr, action, serialized_data, changes,
                                   changes_text, cid, timestamp, additional_data)
SELECT {content_type}, (new).id::text, (new).id, (new).id::text, {action}, {before},
       jsonb_strip_nulls(jsonb_build_object({changes})), '', %(change)s, clock_timestamp(), '{{}}'
  FROM written
"""
_INSERT = f"""
WITH written AS (
    INSERT INTO public.character_arcs AS x ({_NAMES})
    SELECT {", ".join(f"t.{name}" for name in COLUMNS)}
      FROM typed t LEFT JOIN public.character_arcs o ON o.id = t.id WHERE o.id IS NULL
    RETURNING x AS new)
"""  # noqa: S608 - our own words
_UPDATE = f"""
WITH written AS (
    UPDATE public.character_arcs x SET {", ".join(f"{name} = t.{name}" for name in _OTHERS)}
      FROM typed t JOIN public.character_arcs o ON o.id = t.id WHERE x.id = t.id AND {_DIFFERS}
    RETURNING o AS old, x AS new)
"""  # noqa: S608 - our own words
_AUDIT = f"INSERT INTO public.audit_logs ({', '.join(trail.COLUMNS)}) VALUES ({', '.join(['%s'] * len(trail.COLUMNS))})"  # noqa: S608 - our own names


class BareImport:
    """A connection that may make temporary tables, with nothing else around it."""

    def __init__(self, connection: psycopg.Connection[Any], content_type: int) -> None:
        self._connection = connection
        self._content_type = content_type

    def preview(self, path: Path) -> None:
        """This function will check the rows of a file, and count what is new and what differs."""
        with self._connection.transaction():
            self._check(path)
            self._connection.execute(_COUNTS).fetchone()
            self._audit(0)

    def run(self, path: Path) -> None:
        """This function will check the rows of a file, write them, and keep versions."""
        with self._connection.transaction():
            self._check(path)
            fresh = ", ".join(
                f"'{name}', CASE WHEN (new).{name} IS NOT NULL THEN jsonb_build_array(NULL, (new).{name}) END"
                for name in ARCS.columns
            )
            pairs = ", ".join(
                f"'{name}', CASE WHEN (old).{name} IS DISTINCT FROM (new).{name}"
                f" THEN jsonb_build_array((old).{name}, (new).{name}) END"
                for name in ARCS.columns
            )
            written = self._write(_UPDATE, 1, "to_jsonb(old)", pairs)
            written += self._write(_INSERT, 0, "NULL", fresh)
            self._audit(written)

    def _check(self, path: Path) -> None:
        self._connection.execute(_TAKEN)
        self._copy(path)
        self._connection.execute(_TYPED)
        for check in _CHECKS:
            if (found := self._connection.execute(check.encode()).fetchone()) is not None:
                raise RuntimeError(f"row {found[0]} of {path.name} is at fault")

    def _copy(self, path: Path) -> None:
        with self._connection.cursor() as cursor:
            if path.suffix == ".csv":
                statement = f"COPY taken ({_NAMES}) FROM STDIN (FORMAT csv, HEADER)"
                with path.open("rb") as file, cursor.copy(statement.encode()) as copy:
                    while block := file.read(BLOCK_BYTES):
                        copy.write(block)
                return
            with cursor.copy(f"COPY taken ({_NAMES}) FROM STDIN".encode()) as copy:
                for row in _rows_of(path):
                    copy.write_row(row)

    def _write(self, statement: str, action: int, before: str, changes: str) -> int:
        versions = _VERSIONS.format(
            content_type=self._content_type, action=action, before=before, changes=changes
        )
        return self._connection.execute(f"{statement}{versions}".encode(), {"change": str(uuid4())}).rowcount

    def _audit(self, count: int) -> None:
        self._connection.execute(
            _AUDIT.encode(),
            [
                "IMPORT_CSV", "character_arcs", None, "bench", True, None, 1.5, None,
                None, count, "admin", "{}", uuid4(), uuid4(), False, None,
            ],
        )  # fmt: skip


def _rows_of(path: Path) -> Iterator[Sequence[Any]]:
    if path.suffix == ".json":
        yield from ([record[name] for name in COLUMNS] for record in orjson.loads(path.read_bytes()))
        return
    with closing(load_workbook(path, read_only=True)) as book:
        yield from islice(book.worksheets[0].iter_rows(values_only=True), 1, None)
