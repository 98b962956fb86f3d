"""Arcs of characters: records with two references, a list of texts and times, as many as are wanted."""

from __future__ import annotations

from typing import Any

import psycopg

from bench.import_floor import COLUMNS

_ROWS = """
SELECT %(first)s + n AS id, c.id AS character_id, b.id AS book_id, 'Arc ' || %(first)s + n AS arc_name,
       'Nobody waited for the letter at dusk, "' || n || '". ' || c.description AS description,
       ARRAY['A letter, unread', 'The "harbour" ' || n] AS key_events,
       timestamptz '2024-02-29 23:59:59.123456+00' + n * interval '1 minute' AS created_at,
       NULL::timestamptz AS deleted_at
  FROM generate_series(1, %(rows)s) AS n
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS total FROM public.characters) c
    ON c.place = n %% c.total
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS total FROM public.books) b
    ON b.place = n %% b.total
"""
_FILL = f"INSERT INTO public.character_arcs ({', '.join(COLUMNS)}) {_ROWS}"
_CLEAR = "DELETE FROM public.character_arcs WHERE id > %(first)s AND id <= %(first)s + %(rows)s"


def fill(owner: psycopg.Connection[Any], *, first: int, rows: int) -> None:
    """This function will have so many arcs behind an id, and no others there."""
    place = {"first": first, "rows": rows}
    owner.execute(_CLEAR, place)
    owner.execute(_FILL, place)
