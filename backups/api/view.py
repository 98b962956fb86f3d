"""The base of views of backups."""

from __future__ import annotations

from typing import Any

from accesscontrol.policy import Right
from catalog.api.tables import SomeTableView


class BackupsView(SomeTableView):
    """A view of backups, which one manages; they are made and restored by whom the tables allow it."""

    tag = "backups"
    rights = dict.fromkeys(("GET", "POST", "DELETE"), Right.MANAGE_BACKUPS)

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of a backup's name."""
        return {"type": "string", "pattern": r"^[A-Za-z0-9_]+\.sql(\.gz)?$", "maxLength": 120}
