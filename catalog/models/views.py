"""Lists as people keep them: no table of the catalog, but Django's to make."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A list of one table with its filters, order and columns, under a name that somebody gave it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    table_name = models.CharField(max_length=63)
    name = models.CharField(max_length=80)
    query = models.TextField()  # as in the list's address
    is_shared = models.BooleanField(default=False)  # with everyone who may read the table
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["owner", "table_name", "name"], name="one_view_of_a_name")
        ]
        indexes = [models.Index(fields=["table_name"], name="views_of_a_table")]

    def __str__(self) -> str:
        return self.name
