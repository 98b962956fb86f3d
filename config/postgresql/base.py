"""Django's PostgreSQL backend: with the oldest server we support, and connections that are looked at first."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from django.db.backends.postgresql import base, features

from config.postgresql import liveness

MINIMUM_VERSION: Final = 16


class DatabaseFeatures(features.DatabaseFeatures):
    """Refuses a server older than PostgreSQL 16 at the first connection, with Django's own message."""

    minimum_database_version = (MINIMUM_VERSION,)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL 16 or newer."""

    features_class = DatabaseFeatures

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection that works: the pool makes another for each that was lost."""
        while True:
            connection = super().get_new_connection(conn_params)
            if self.pool is None or liveness.is_alive(connection):
                return connection
            connection.close()
            with suppress(ValueError):  # another thread has replaced the pool, and the old one is closed
                self.pool.putconn(connection)

    def _set_autocommit(self, autocommit: bool) -> None:
        """Set it where it is otherwise: the pool's connections have it as Django begins with it."""
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc] # the stubs leave it out
