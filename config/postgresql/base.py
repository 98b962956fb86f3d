"""Django's PostgreSQL backend, with the oldest server we support."""

from __future__ import annotations

from typing import Final

from django.db.backends.postgresql import base, features

MINIMUM_VERSION: Final = 16


class DatabaseFeatures(features.DatabaseFeatures):
    """Refuses a server older than PostgreSQL 16 at the first connection, with Django's own message."""

    minimum_database_version = (MINIMUM_VERSION,)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL 16 or newer."""

    features_class = DatabaseFeatures
