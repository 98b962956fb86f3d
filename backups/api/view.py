"""The base of views of backups."""

from __future__ import annotations

from typing import Any

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api.view import ServiceView
from accesscontrol.policy import Right


class BackupsView(ServiceView):
    """A view of backups, for who manages them."""

    tag = "backups"

    def is_for(self, actor: Actor, method: str) -> bool:
        """This function will say whether the actor manages backups."""
        return policy.holds(actor, Right.MANAGE_BACKUPS).allowed

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of a backup's name."""
        return {"type": "string", "pattern": r"^[a-z0-9_]+\.sql(\.gz)?$", "maxLength": 120}
