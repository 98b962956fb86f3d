"""Django's migrate, as the role that owns the database."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections
from psycopg.conninfo import conninfo_to_dict


class Command(Migrate):
    """Connects with DATABASE_OWNER_URL, because the application's role may not change the schema."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Run the migrations as the owner, past any pool; afterwards the connection is the application's again."""
        if not settings.DATABASE_OWNER_URL:
            return super().handle(*args, **options)
        connection = connections[options["database"]]
        connection.close()
        connection.close_pool()
        application = connection.settings_dict.copy()
        owner = conninfo_to_dict(settings.DATABASE_OWNER_URL)
        connection.settings_dict |= {
            "USER": owner["user"],
            "PASSWORD": owner.get("password", ""),
            "HOST": owner.get("host", ""),
            "PORT": owner.get("port", ""),
            "NAME": owner["dbname"],
            "OPTIONS": {name: value for name, value in application["OPTIONS"].items() if name != "pool"},
        }
        try:
            return super().handle(*args, **options)
        finally:
            connection.close()
            connection.settings_dict |= application
