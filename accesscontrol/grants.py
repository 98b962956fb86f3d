"""What one user has been granted, read in a single query."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import connection

NOWHERE = ""  # the table of a right on the whole

# The user first, where the account is active; then every grant, with what gives it. Written as SQL, since the
# ORM takes several times as long to compose these unions as PostgreSQL to answer them, and every call asks.
_ROWS = """
WITH actor AS (SELECT id, is_superuser FROM auth_user WHERE id = %(user)s AND is_active),
rights AS (
    SELECT p.id, p.codename
      FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
     WHERE t.app_label = 'accesscontrol' AND t.model = 'catalogtable'
),
roles AS (
    SELECT g.id, 'role ' || g.name AS source
      FROM auth_group g JOIN auth_user_groups m ON m.group_id = g.id WHERE m.user_id = %(user)s
)
SELECT NULL AS codename, '' AS object_pk, CASE WHEN is_superuser THEN 'superuser' ELSE 'user' END AS source FROM actor
UNION ALL
SELECT r.codename, o.object_pk, roles.source
  FROM guardian_groupobjectpermission o JOIN roles ON roles.id = o.group_id JOIN rights r ON r.id = o.permission_id
UNION ALL
SELECT r.codename, o.object_pk, 'a personal grant'
  FROM guardian_userobjectpermission o JOIN rights r ON r.id = o.permission_id WHERE o.user_id = %(user)s
UNION ALL
SELECT r.codename, '', roles.source
  FROM auth_group_permissions o JOIN roles ON roles.id = o.group_id JOIN rights r ON r.id = o.permission_id
UNION ALL
SELECT r.codename, '', 'a personal grant'
  FROM auth_user_user_permissions o JOIN rights r ON r.id = o.permission_id WHERE o.user_id = %(user)s
UNION ALL
SELECT 'column ' || c.access, c.table_id || '.' || c.column_name, roles.source
  FROM accesscontrol_columnrule c JOIN roles ON roles.id = c.role_id
"""


@dataclass(frozen=True)
class Grants:
    """A user's rights: where each comes from, by (right, table)."""

    is_active: bool = False
    is_superuser: bool = False
    # ("update", "books"): ["role Editor"]. A disabled account has them too: they come back with it.
    sources: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    rules: dict[tuple[str, str], dict[str, set[str]]] = field(default_factory=dict)  # see `restricted`

    def source(self, right: str, table: str = NOWHERE) -> str | None:
        """This function will return what grants the right ("role Editor"), or None when nothing does."""
        return min(self.sources.get((right, table), ()), default=None) if self.is_active else None

    def tables(self, right: str) -> frozenset[str]:
        """This function will return the names of the tables on which something grants the right."""
        granted = self.sources if self.is_active else ()
        return frozenset(table for name, table in granted if name == right and table != NOWHERE)

    def restricted(self, access: str, right: str, table: str) -> frozenset[str]:
        """This function will return the columns of a table that are "hidden" or "read_only" to the user.

        A column is so only where every role that grants `right` on the table says so: one role that
        does not is enough to see it, as one is enough to be granted a right. Where none grants it, every
        role that grants anything on the table counts. What a role may not see it may not set either.
        """
        granting = set(self.sources.get((right, table), ())) or self._granting_anything(table)
        saying: dict[str, set[str]] = {}
        for rule in {access, "hidden"}:
            for column, roles in self.rules.get((rule, table), {}).items():
                saying.setdefault(column, set()).update(roles)
        return frozenset(column for column, roles in saying.items() if granting and granting <= roles)

    def _granting_anything(self, table: str) -> set[str]:
        """What grants the user any right on a table."""
        return {source for (_, name), found in self.sources.items() if name == table for source in found}


def load(user: User) -> Grants:
    """This function will read a user's state and grants as they are now, in one query."""
    is_active = is_superuser = False
    sources: dict[tuple[str, str], list[str]] = {}
    rules: dict[tuple[str, str], dict[str, set[str]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, {"user": user.pk})
        for right, table, source in cursor.fetchall():
            if right is None:
                is_active, is_superuser = True, source == "superuser"
            elif right.startswith("column "):
                name, column = table.split(".")
                columns = rules.setdefault((right.removeprefix("column "), name), {})
                columns.setdefault(column, set()).add(source)
            else:
                sources.setdefault((right, table), []).append(source)
    return Grants(is_active, is_superuser, sources, rules)
