"""The floors: what the work costs with nothing around it but psycopg, in one transaction with its audit row.

Each floor fetches dicts and writes them with orjson. Statements are prepared by the driver once they have run a few
times. A write's floor keeps versions too, with the statement that the application has for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads

from audit import history, trail
from catalog import registry

_COLUMNS = ", ".join(registry.get("scenes").columns)
_AUDIT = f"INSERT INTO public.audit_logs ({', '.join(trail.COLUMNS)}) VALUES ({', '.join(['%s'] * len(trail.COLUMNS))})"  # noqa: S608 - our own names

Rows = list[DictRow]


class Bare:
    """A connection of the application's role, with nothing else around it."""

    def __init__(self, url: str, *, flushes: bool) -> None:
        self.connection = psycopg.connect(url, row_factory=dict_row, autocommit=True)
        set_json_loads(orjson.loads, self.connection)
        self.connection.execute(f"SET synchronous_commit = {'on' if flushes else 'off'}")
        row = self.connection.execute(
            "SELECT id FROM django_content_type WHERE app_label = 'catalog' AND model = 'scene'"
        ).fetchone()
        self.content_type = row["id"] if row else None

    def close(self) -> None:
        """This function will end the connection."""
        self.connection.close()

    def read(self, statement: str, parameters: Sequence[object] = ()) -> bytes:
        """This function will run one SELECT with its audit row, and return its rows as JSON."""
        return self.reads([(statement, parameters)])

    def reads(self, statements: Sequence[tuple[str, Any]]) -> bytes:
        """This function will run SELECTs with one audit row, and return all their rows as JSON."""
        with self.connection.transaction():
            found = [self.connection.execute(*statement).fetchall() for statement in statements]
            self._audit("QUERY", len(found[0]))
        return _json(found[0] if len(found) == 1 else found)

    def page(self, after: int, limit: int) -> bytes:
        """This function will read scenes by their key."""
        return self.read(
            f"SELECT {_COLUMNS} FROM public.scenes WHERE id > %s AND deleted_at IS NULL ORDER BY id LIMIT %s",  # noqa: S608 - our own names
            [after, limit],
        )

    def update_one(self, key: int, summary: str) -> bytes:
        """This function will lock, update and return one scene."""
        with self.connection.transaction():
            before = self.connection.execute(
                f"SELECT {_COLUMNS} FROM public.scenes WHERE id = %s AND deleted_at IS NULL FOR NO KEY UPDATE",  # noqa: S608
                [key],
            ).fetchall()
            after = self.connection.execute(
                f"UPDATE public.scenes SET summary = %s WHERE id = %s RETURNING {_COLUMNS}",  # noqa: S608
                [summary, key],
            ).fetchall()
            return self._written("UPDATE", before, after)

    def insert(self, records: Sequence[dict[str, Any]]) -> bytes:
        """This function will insert scenes with one statement, and return them."""
        statement = _inserting(records[0], _COLUMNS)
        with self.connection.transaction():
            after = self.connection.execute(statement, [_json(records).decode()]).fetchall()
            return self._written("BATCH_INSERT", [], after)

    def create(self, content: bytes, names: Sequence[str]) -> bytes:
        """This function will do the same from JSON and to JSON, none of which is read here."""
        statement = _inserting(names, "row_to_json(scenes.*)::text AS whole")
        with self.connection.transaction():
            rows = self.connection.execute(statement, [content.decode()]).fetchall()
            texts = [row["whole"] for row in rows]
            pairs = ",".join(f'{{"before":null,"after":{text}}}' for text in texts)
            self._keep_versions("BATCH_INSERT", len(texts), f"[{pairs}]")
        return f"[{','.join(texts)}]".encode()

    def update_many(self, summaries: dict[int, str]) -> bytes:
        """This function will update scenes with one statement that tells what they were."""
        changes = [{"id": key, "summary": summary} for key, summary in summaries.items()]
        return self._in_one(
            "UPDATE public.scenes SET summary = v.summary"
            " FROM jsonb_to_recordset(%s::jsonb) AS v (id bigint, summary text)"
            " WHERE scenes.id = v.id AND deleted_at IS NULL",
            "BATCH_UPDATE",
            [_json(changes).decode()],
        )

    def trash_many(self, keys: Sequence[int]) -> bytes:
        """This function will put scenes into the trash with one statement that tells what they were."""
        return self._in_one(
            "UPDATE public.scenes SET deleted_at = now() WHERE id = ANY(%s) AND deleted_at IS NULL",
            "BATCH_DELETE",
            [list(keys)],
        )

    def _in_one(self, statement: str, operation: str, parameters: Sequence[object]) -> bytes:
        old_and_new = ", ".join(f"{side}.{name}" for side in ("old", "new") for name in _COLUMNS.split(", "))
        with self.connection.transaction():
            cursor = self.connection.cursor(row_factory=psycopg.rows.tuple_row)
            rows = cursor.execute(f"{statement} RETURNING {old_and_new}".encode(), parameters).fetchall()
            names = _COLUMNS.split(", ")
            before = [dict(zip(names, row[: len(names)], strict=True)) for row in rows]
            after = [dict(zip(names, row[len(names) :], strict=True)) for row in rows]
            return self._written(operation, before, after)

    def _written(self, operation: str, before: Rows, after: Rows) -> bytes:
        """Keep versions, write the audit row, and return the rows as JSON."""
        olds: list[DictRow | None] = [*before] or [None] * len(after)
        pairs = [{"before": old, "after": new} for old, new in zip(olds, after, strict=True)]
        self._keep_versions(operation, len(after), _json(pairs).decode())
        return _json(after)

    def _keep_versions(self, operation: str, count: int, pairs: str) -> None:
        """Keep versions, and write the audit row."""
        change = uuid4()
        self.connection.execute(
            history.inserting(history.FROM_TEXT),  # the very same statement
            {
                "content_type": self.content_type, "actor": None, "email": None, "change": str(change),
                "about": "{}", "pairs": pairs, "key": ["id"],
            },
        )  # fmt: skip
        self._audit(operation, count, change=change)

    def _audit(self, operation: str, count: int, *, change: object = None) -> None:
        self.connection.execute(
            _AUDIT,
            [
                operation, "scenes", None, "bench", True, None, 1.5, None,
                None, count, "mcp", '{"client": "bench"}', uuid4(), change, False, None,
            ],
        )  # fmt: skip


def _inserting(names: Iterable[str], returning: str) -> str:
    """The statement that inserts scenes out of JSON."""
    columns = ", ".join(names)
    types = ", ".join(
        f"{name} {'integer' if name == 'scene_num' else 'bigint' if name.endswith('_id') else 'text'}"
        for name in names
    )
    return (
        f"INSERT INTO public.scenes ({columns}) SELECT {columns}"  # noqa: S608 - our own names
        f" FROM jsonb_to_recordset(%s::jsonb) AS v ({types}) RETURNING {returning}"
    )


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=str)
