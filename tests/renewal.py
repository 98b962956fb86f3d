"""A test database that becomes like its template again, by putting back the few rows that a test wrote.

To copy the template anew takes ten times as long: it writes some seven hundred files. PostgreSQL counts the rows that
were written in each table, rolled back ones included, once the sessions that wrote them have ended; so it is known
what to put back; what temporary tables and TRUNCATE wrote into catalogs is compared. Whatever else may have happened
(a change of the schema, of rights, of a setting, more rows than a few) leaves a mark too, and the template is copied.
So it is where the server is not ours: this takes a superuser.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

from config import embedded
from config.cluster import SUPERUSER
from tests import databases

MOST_ROWS = 5_000  # more are not worth deleting, and make the tables large

END_SESSIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""

WRITTEN = """
    SELECT c.relnamespace = 'pg_catalog'::regnamespace, n.nspname, c.relname, w.rows
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
           LATERAL (SELECT pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
                           + pg_stat_get_tuples_deleted(c.oid) AS rows) w
     WHERE c.relkind IN ('r', 'm') AND NOT c.relisshared AND w.rows > 0"""

# What temporary tables, TRUNCATE and triggers that were off for a while write into, and may leave as it was.
PASSING = (
    "pg_attribute",
    "pg_class",
    "pg_constraint",
    "pg_depend",
    "pg_index",
    "pg_namespace",
    "pg_sequence",
    "pg_statistic",
    "pg_trigger",
    "pg_type",
)

CONTENT = """
    SELECT sum(hashtextextended((to_jsonb(c) - %s::text[])::text, 0)) FROM pg_catalog.{} c
     WHERE c::text !~ '\\mpg_(toast_)?temp_'"""  # schemas that stay, and have nothing in them

# What autovacuum found out about the catalogs themselves helps to plan, and changes no answer.
PASSED_OVER = {"pg_statistic": " AND c.starelid >= 16384"}  # oids below are PostgreSQL's own

PHYSICAL = [
    "relfilenode", "relfrozenxid", "relminmxid", "relpages", "reltuples", "relallvisible", "relallfrozen",
]  # fmt: skip

# What changes without a row of the database's own: sizes that VACUUM noted, rights on the database, its settings.
MARK = """
    SELECT (SELECT sum(hashtextextended(oid || ':' || relpages || ':' || reltuples, 0)) FROM pg_class
             WHERE relkind IN ('r', 'm') AND relnamespace <> 'pg_catalog'::regnamespace),
           (SELECT (oid, xmin)::text FROM pg_database WHERE datname = current_database()),
           (SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
             WHERE datname = current_database())"""

SEQUENCES = """
    SELECT c.oid, s.last_value, s.is_called FROM pg_class c, pg_get_sequence_data(c.oid) s WHERE c.relkind = 'S'"""

TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname IN ('app', 'public')"""

STUBBORN = """
    SELECT n.nspname, c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgenabled = 'A' AND t.tgtype & 2 > 0"""

LOG = ("app", "change_log")  # written whatever else is: the last to be put back

Name = tuple[str, str]


@dataclass
class Copy:
    """A copy of a template, and what it is known by."""

    name: str
    source: str
    _mark: tuple[Any, ...] | None = None
    _sequences: set[tuple[int, int, bool]] = field(default_factory=set)
    _rows: dict[Name, list[bytes]] = field(default_factory=dict)  # of the tables that have any
    _triggers: dict[Name, list[str]] = field(default_factory=dict)  # those that refuse a superuser too
    _catalogs: dict[str, Any] = field(default_factory=dict)  # what they hold

    def renew(self) -> None:
        """Make the database like the template, whoever is still connected, and turn Django to it."""
        if self._mark is None or not self._put_back():
            databases.fresh(self.name, self.source)
            self._note()
        connections["default"].settings_dict["NAME"] = self.name

    def _put_back(self) -> bool:
        """Put back what was written, or say that there is more to it."""
        databases.disconnect()
        with self._superuser() as own:
            own.execute(END_SESSIONS)
            written = own.execute(WRITTEN).fetchall()
            catalogs = {name for is_catalog, _, name, _ in written if is_catalog}
            tables = [(schema, name) for is_catalog, schema, name, _ in written if not is_catalog]
            rows = sum(rows for is_catalog, *_, rows in written if not is_catalog)
            if rows > MOST_ROWS or not self._is_same(own, catalogs):
                return False
            with own.transaction():
                for name in sorted(tables, key=lambda name: name == LOG):
                    self._fill(own, name)
                for oid, value, is_called in self._sequences - set(own.execute(SEQUENCES)):
                    own.execute("SELECT setval(%s::regclass, %s, %s)", [oid, value, is_called])
            self._forget_writing(own)
        return True

    def _is_same(self, own: psycopg.Connection, catalogs: set[str]) -> bool:
        """Say whether the schema, and what goes with it, is the template's, though these catalogs were written."""
        return (
            catalogs <= self._catalogs.keys()
            and own.execute(MARK).fetchone() == self._mark
            and all(_content(own, name) == self._catalogs[name] for name in catalogs)
        )

    def _fill(self, own: psycopg.Connection, name: Name) -> None:
        self._alter(own, name, "DISABLE TRIGGER")
        own.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*name)))
        if rows := self._rows.get(name):
            with own.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(*name))) as copy:
                for row in rows:
                    copy.write(row)
        self._alter(own, name, "ENABLE ALWAYS TRIGGER")

    def _alter(self, own: psycopg.Connection, name: Name, how: str) -> None:
        for trigger in self._triggers.get(name, ()):
            table = sql.Identifier(*name)
            own.execute(sql.SQL(f"ALTER TABLE {{}} {how} {{}}").format(table, sql.Identifier(trigger)))

    def _note(self) -> None:
        """Note what the fresh copy is like."""
        if not settings.DATABASE_IS_EMBEDDED:
            return
        with self._superuser() as own:
            if not self._rows:  # they are the template's, and so the same in every copy
                self._rows = {
                    name: rows for name in own.execute(TABLES).fetchall() if (rows := _rows(own, name))
                }
                self._catalogs = {name: _content(own, name) for name in PASSING}
                for schema, table, trigger in own.execute(STUBBORN):
                    self._triggers.setdefault((schema, table), []).append(trigger)
            self._sequences = set(own.execute(SEQUENCES))
            self._mark = own.execute(MARK).fetchone()
            self._forget_writing(own)

    def _superuser(self) -> psycopg.Connection:
        """Connect as one for whom no trigger fires and no foreign key is looked at."""
        options = "-c session_replication_role=replica -c synchronous_commit=off"
        url = embedded.cluster().url(SUPERUSER, self.name)
        return psycopg.connect(url, autocommit=True, options=options)

    @staticmethod
    def _forget_writing(own: psycopg.Connection) -> None:
        own.execute("SELECT pg_stat_force_next_flush()")
        own.execute("SELECT pg_stat_reset()")


def _rows(own: psycopg.Connection, name: Name) -> list[bytes]:
    with own.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*name))) as copy:
        return [bytes(row) for row in copy]


def _content(own: psycopg.Connection, catalog: str) -> Any:
    """Tell what a catalog holds, but for where the rows of tables are and how many."""
    query = sql.SQL(CONTENT + PASSED_OVER.get(catalog, "")).format(sql.Identifier(catalog))
    row = own.execute(query, [PHYSICAL]).fetchone()
    return row and row[0]
