"""Django's migrate, as the role that owns the database."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

LOCK = "SELECT pg_advisory_lock(hashtext('database-admin-server migrate'))"


class Command(Migrate):
    """Connects with DATABASE_OWNER_URL, because the application's role may not change the schema."""

    def check(self, *args: Any, **kwargs: Any) -> None:
        """Run the checks that do not look into the database: what they find there, migrate may be about to mend."""
        super().check(*args, **kwargs | {"databases": None})

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Run the migrations as the owner, past any pool; afterwards the connection is the application's again.

        Programs that migrate at the same time take turns: the later finds nothing left to do.
        """
        if not settings.DATABASE_OWNER_URL:
            if options["check_unapplied"] or options["plan"]:
                return super().handle(*args, **options)
            raise CommandError(
                "DATABASE_OWNER_URL is not set: only the owner of the database may migrate it."
            )
        owner = conninfo_to_dict(settings.DATABASE_OWNER_URL)
        if owner["user"] == settings.APP_ROLE:
            raise CommandError(
                "DATABASE_URL and DATABASE_OWNER_URL name the same user. The application must own nothing:"
                " see deploy/postgresql/cluster.sql."
            )
        connection: Any = connections[options["database"]]
        connection.close()
        connection.close_pool()
        application = connection.settings_dict.copy()
        connection.settings_dict |= {
            "USER": owner["user"],
            "PASSWORD": owner.get("password", ""),
            "HOST": owner.get("host", ""),
            "PORT": owner.get("port", ""),
            "NAME": owner["dbname"],
            "OPTIONS": {name: value for name, value in application["OPTIONS"].items() if name != "pool"},
        }
        try:
            with connection.cursor() as cursor:
                cursor.execute(LOCK)  # ends with the connection
            return super().handle(*args, **options)
        finally:
            connection.close()
            connection.settings_dict |= application
