"""What the models of all tables have in common.

The tables are made by the SQL files in catalog/schema; the models mirror them and never change them
(`managed = False`). `manage.py check --database default` proves that both say the same.

- Django's permissions are not made (`default_permissions = ()`): rights on tables are accesscontrol's.
- A foreign key that is NO ACTION in the database is RESTRICT here: PostgreSQL judges it at the end of the
  statement, after the cascades, as RESTRICT does. PROTECT would refuse too much, and DO_NOTHING would make
  a preview of a deletion that the database then refuses.
- There is no clever manager: what is deleted softly is a matter of the services.
"""

from __future__ import annotations

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.functions import Now


class Table(models.Model):
    """A row of a table that knows when it was made."""

    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
        managed = False
        default_permissions = ()


class Record(Table):
    """A row that can be changed; a trigger keeps `updated_at`."""

    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(Table.Meta):
        abstract = True


class Trashable(Record):
    """A row that can be deleted softly: hidden and free of uniqueness rules while `deleted_at` is set."""

    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(Record.Meta):
        abstract = True


NOT_DELETED = models.Q(deleted_at__isnull=True)
"""The condition of a uniqueness rule that does not see the trash."""


def up_to(length: int) -> list[MaxLengthValidator]:
    """This function will mirror `CHECK (length(column) <= n)`."""
    return [MaxLengthValidator(length)]


def one_of(*values: str) -> list[tuple[str, str]]:
    """This function will mirror `CHECK (column IN (…))`, with a label for people beside each value."""
    return [(value, value.replace("_", " ").capitalize()) for value in values]
