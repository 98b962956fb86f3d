"""The floor of the REST API: a bare WSGI application with psycopg, served as ours is.

It finds the key, does the work and writes the audit row; it knows one table, and nothing of rights.
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
    connection = _connection()
    _, work, key = f"{environ['PATH_INFO']}/".split("/")[:3]
    with connection.transaction():
        prefix = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ").split("_")[1]
        connection.execute(_KEY, [prefix]).fetchone()
        if environ["REQUEST_METHOD"] == "POST":
            record = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            found = connection.execute(_INSERT, [record["chapter_id"], record["scene_num"], record["title"]])
            body = found.fetchall()[0][0]
            _audit(connection, "INSERT", 1)
        else:
            connection.execute("SET LOCAL synchronous_commit = off")
            rows = connection.execute(_ONE if work == "one" else _PAGE, [int(key)]).fetchall()
            body = rows[0][0] if work == "one" else f'{{"records":[{",".join(row[0] for row in rows)}]}}'
            _audit(connection, "QUERY", len(rows))
    content = body.encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


def _audit(connection: psycopg.Connection, operation: str, count: int) -> None:
    connection.execute(_AUDIT, [operation, count, '{"ip": "127.0.0.1"}', uuid4(), uuid4()])


def _connection() -> psycopg.Connection:
    """This thread's connection."""
    if not hasattr(_place, "connection"):
        _place.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    connection: psycopg.Connection = _place.connection
    return connection
