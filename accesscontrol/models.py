from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Now

from accesscontrol.sessions import SessionStore


class CatalogTable(models.Model):
    """One table of the catalog: the row that rights per table hang on.

    Its name is the primary key, so that a grant names its table without a join.
    """

    name = models.CharField(max_length=63, primary_key=True)

    class Meta:
        default_permissions = ()
        permissions = (
            # rights on one table, granted to a role for a CatalogTable row
            ("read", "Read rows, schema and relationships"),
            ("insert", "Insert rows"),
            ("update", "Update rows and take them out of the trash"),
            ("delete", "Delete rows"),
            ("purge", "Remove trashed rows for good"),
            ("export", "Export rows to a file"),
            ("import", "Import rows from a file"),
            ("backup", "Back the table up"),
            ("restore", "Restore the table from a backup"),
            # rights on the whole, granted to a role without a row
            ("view_audit", "See what others did"),
            ("manage_backups", "List, validate, delete and download backups"),
            ("approve", "Approve the plans of others"),
            ("manage_access", "Manage users, roles, keys and rules"),
        )
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ColumnRule(models.Model):
    """What a role may not see, or not set, of a table that it may otherwise read or write."""

    role = models.ForeignKey(Group, models.CASCADE, related_name="column_rules")
    table = models.ForeignKey(CatalogTable, models.CASCADE, related_name="column_rules")
    column_name = models.CharField(max_length=63)
    access = models.CharField(max_length=9, choices=[("hidden", "Hidden"), ("read_only", "Read only")])

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["role", "table", "column_name"], name="one_rule_per_column")
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.table_id}.{self.column_name} is {self.access}"


class PlanFreeRole(models.Model):
    """An operation that a role does at once, where others are shown a plan of it first."""

    role = models.ForeignKey(Group, models.CASCADE, related_name="+")
    operation = models.CharField(max_length=20)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["role", "operation"], name="freed_once")]

    def __str__(self) -> str:
        return f"{self.role}: {self.operation} without a plan"


class ServiceUser(models.Model):
    """The mark of an account that is a program's.

    The application's role can set it and not take it back: it goes with the account, by a rule of the database.
    """

    user = models.OneToOneField(
        User, models.DO_NOTHING, primary_key=True, related_name="+", db_constraint=False
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)


class Preference(models.Model):
    """How somebody likes the pages."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    theme = models.CharField(max_length=5, default="auto")
    shortcuts = models.BooleanField(default=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user}: {self.theme}"


class Session(AbstractBaseSession):
    """A session, and whose it is."""

    user_id = models.BigIntegerField(null=True, db_index=True)

    class Meta(AbstractBaseSession.Meta):
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        """Return the engine that writes these rows."""
        return SessionStore


class ApiKey(models.Model):
    """A key by which a program acts for somebody, within scopes. Its secret is not kept, only a keyed digest of it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    prefix = models.CharField(max_length=12, unique=True)  # the part of the key that everybody may see
    digest = models.CharField(max_length=64)
    old_digest = models.CharField(max_length=64, blank=True)  # of the secret before the last rotation
    old_expires_at = models.DateTimeField(null=True)
    name = models.CharField(max_length=80)
    scopes = ArrayField(models.TextField())
    networks = ArrayField(models.TextField())  # empty: from anywhere
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.prefix}: {self.name}"


class AccessToken(models.Model):
    """A token that was given for a session or a key: it is good while its row and what it was given for are there."""

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, models.CASCADE, null=True, related_name="+")
    session = models.ForeignKey(
        Session, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    scopes = ArrayField(models.TextField(), null=True)  # null: all that its user may
    session_hash = models.TextField(blank=True)  # changes with the password, which ends the session
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.id} of {self.user_id}"
