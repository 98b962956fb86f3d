"""The floor of the REST API: a bare WSGI application with psycopg, served as ours is.

A read is the SELECT for the key, the SELECT whose rows PostgreSQL makes JSON of, and the INSERT of the audit row, each
by itself; as with ours, no commit of it waits for the disk. A POST is one transaction with its two INSERTs. It knows
one table, and nothing of rights; each thread keeps its connections, where the driver prepares what it runs often.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import orjson
import psycopg

_place = threading.local()
_KEY = (
    "SELECT k.id, u.username, u.is_active FROM accesscontrol_apikey k JOIN auth_user u ON u.id = k.user_id"
    " WHERE k.prefix = %s"
)
_ONE = "SELECT row_to_json(s)::text FROM public.scenes s WHERE id = %s AND deleted_at IS NULL"
_PAGE = "SELECT row_to_json(s)::text FROM public.scenes s WHERE id > %s AND deleted_at IS NULL ORDER BY id LIMIT 100"
_INSERT = (
    "INSERT INTO public.scenes (chapter_id, scene_num, title) VALUES (%s, %s, %s)"
    " RETURNING row_to_json(scenes.*)::text"
)
_AUDIT = (
    "INSERT INTO public.audit_logs (operation, table_name, user_id, success, execution_time, record_count, channel,"
    " client_info, request_id, change_id) VALUES (%s, 'scenes', 'bench', true, 1.5, %s, 'api', %s, %s, %s)"
)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """This function will answer /one/ID, /page/ID and POST /, each with a key."""
    if "HTTP_AUTHORIZATION" not in environ:
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return []
    made = environ["REQUEST_METHOD"] == "POST"
    content = (_inserted(environ) if made else _read(environ)).encode()
    status = "201 Created" if made else "200 OK"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


def _read(environ: dict[str, Any]) -> str:
    connection = _connection(flushes=False)
    _, work, key = environ["PATH_INFO"].split("/")
    prefix = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ").split("_")[1]
    connection.execute(_KEY, [prefix]).fetchone()
    rows = connection.execute(_ONE if work == "one" else _PAGE, [int(key)]).fetchall()
    _audit(connection, "QUERY", len(rows))
    return rows[0][0] if work == "one" else f'{{"records":[{",".join(row[0] for row in rows)}]}}'


def _inserted(environ: dict[str, Any]) -> str:
    connection = _connection(flushes=True)
    record = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    with connection.transaction():
        ((text,),) = connection.execute(_INSERT, [record["chapter_id"], record["scene_num"], record["title"]])
        _audit(connection, "INSERT", 1, change=uuid4())
    return str(text)


def _audit(connection: psycopg.Connection, operation: str, count: int, *, change: object = None) -> None:
    connection.execute(_AUDIT, [operation, count, '{"ip": "127.0.0.1"}', uuid4(), change])


def _connection(*, flushes: bool) -> psycopg.Connection:
    """This thread's connection, whose commits wait for the disk or not."""
    kept: dict[bool, psycopg.Connection] = _place.__dict__.setdefault("connections", {})
    if flushes not in kept:
        kept[flushes] = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        kept[flushes].execute(f"SET synchronous_commit = {'on' if flushes else 'off'}")
    return kept[flushes]
