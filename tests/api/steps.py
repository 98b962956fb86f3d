"""What tests of the REST API have in common: reading answers and the trail, hiding columns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group

from accesscontrol.models import ColumnRule
from audit.models import AuditLog


def body(answer: Any, status: int = 200) -> bytes:
    """Return what was sent as it came."""
    assert answer.status_code == status, getattr(answer, "content", answer)
    return b"".join(answer.streaming_content)


def following(answer: Any) -> str | None:
    """Return the address of the next page."""
    links = [link for link in answer["Link"].split(", ") if 'rel="next"' in link]
    return links[0].partition(">")[0].removeprefix("<") if links else None


def last(operation: str) -> AuditLog:
    """Return the newest row of the trail of an operation."""
    return AuditLog.objects.filter(operation__startswith=operation).latest("id")


def hide(role: Group | str, column: str, *, table: str = "authors", access: str = "hidden") -> None:
    """Keep a column from a role."""
    group = role if isinstance(role, Group) else Group.objects.get(name=role)
    ColumnRule.objects.create(role=group, table_id=table, column_name=column, access=access)


def without_paths(document: dict[str, Any], keeps: Callable[[str], bool]) -> dict[str, Any]:
    """Return an OpenAPI document with some of its paths, and the schemas that those refer to."""
    paths = {path: said for path, said in document["paths"].items() if keeps(path)}
    schemas, found = document["components"]["schemas"], {}
    wanted = _schemas_of([paths, {**document["components"], "schemas": {}}])
    while wanted:
        found |= {name: schemas[name] for name in wanted}
        wanted = _schemas_of(list(found.values())) - found.keys()
    kept = {name: schemas[name] for name in schemas if name in found}
    return {**document, "paths": paths, "components": {**document["components"], "schemas": kept}}


def _schemas_of(part: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part)))
