"""Django's PostgreSQL backend: with the oldest server we support, and connections that are looked at first."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.db.backends.postgresql import base, features

from config.postgresql import liveness

MINIMUM_VERSION: Final = 16
KEPT_S: Final = 60  # then a thread gives its connection back, for the pool to decide about


class DatabaseFeatures(features.DatabaseFeatures):
    """Refuses a server older than PostgreSQL 16 at the first connection, with Django's own message."""

    minimum_database_version = (MINIMUM_VERSION,)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL 16 or newer."""

    features_class = DatabaseFeatures
    is_kept = False  # by its thread between requests
    health_check_done: bool

    def connect(self) -> None:
        """Take a connection from the pool, for as long as it is kept."""
        super().connect()
        if self.is_kept:
            self.close_at = monotonic() + KEPT_S

    def close_if_health_check_failed(self) -> None:
        """Give a kept connection back that does not work any more, before the first statement of a request."""
        if self.is_kept and self.connection is not None and not self.health_check_done:
            self.health_check_done = True
            if not liveness.is_alive(self.connection):
                self.close()

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


def keep_in_threads(number: int) -> None:
    """This function will let so many threads keep their connections between requests, where the pool has as many.

    To give one back and take one takes a tenth of the time of a short request.
    """
    pool = settings.DATABASES["default"]["OPTIONS"]["pool"]
    DatabaseWrapper.is_kept = number <= pool["max_size"]
