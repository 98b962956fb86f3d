"""Sessions in the database, each with whose it is: so that people see theirs, and can end them.

Django's own way to extend its sessions: the engine that SESSION_ENGINE names, with a model that has one column more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """The engine."""

    @classmethod
    def get_model_class(cls) -> Any:
        """Return our model."""
        from accesscontrol.models import Session  # noqa: PLC0415 - the model names its engine

        return Session

    def create_model_instance(self, data: Mapping[str, Any]) -> Any:
        """Return the row of a session, with the user who is logged in."""
        row: Any = super().create_model_instance(data)  # type: ignore[arg-type]
        number = str(data.get(SESSION_KEY, ""))
        row.user_id = int(number) if number.isdecimal() else None
        return row
