"""What the pages of people and roles share."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from accesscontrol import policy
from accesscontrol.pages import ADD, CHANGE, DELETE, VIEW, ServicePages
from accesscontrol.policy import Right
from accesscontrol.web import actor_of

SHOWN = 20


class AccessPages(ServicePages):
    """Pages for those who manage access, and nobody else."""

    kind: ClassVar[str]  # "user" or "role", as the trail names what changed
    actions = None

    def require(self, request: HttpRequest, doing: str) -> None:
        """Ask the policy."""
        policy.require_right(actor_of(request), Right.MANAGE_ACCESS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what will be deleted, by name."""
        return [str(obj) for obj in objs[:SHOWN]], {}, set(), []

    def trail_filter(self, object_id: str) -> dict[str, str]:
        """Return the filter for what was done to this account or role."""
        found: User | Group | None = self.model._default_manager.filter(pk=object_id).first()
        return {"record_id__exact": f"{self.kind} {found}"}


def operations(name: str) -> dict[str, str]:
    """This function will return the trail's name for whatever is refused on a page."""
    return dict.fromkeys((VIEW, ADD, CHANGE, DELETE), name)
