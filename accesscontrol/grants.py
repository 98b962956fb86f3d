"""What one user has been granted, read in a single query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Concat
from guardian.models import GroupObjectPermission, UserObjectPermission

NOWHERE = ""  # the table of a right on the whole


@dataclass(frozen=True)
class Grants:
    """A user's rights: where each comes from, by (right, table)."""

    is_active: bool = False
    is_superuser: bool = False
    sources: dict[tuple[str, str], str] = field(default_factory=dict)  # ("update", "books"): "role Editor"

    def source(self, right: str, table: str = NOWHERE) -> str | None:
        """This function will return what grants the right ("role Editor"), or None when nothing does."""
        return self.sources.get((right, table))


def load(user: User) -> Grants:
    """This function will read a user's state and grants as they are now, in one query."""
    is_active = is_superuser = False
    sources: dict[tuple[str, str], str] = {}
    for kind, right, table, source in _rows(user):
        if kind == "user":
            is_active, is_superuser = True, source == "superuser"
        else:
            sources.setdefault((right, table), source)
    return Grants(is_active, is_superuser, sources)


def _rows(user: User) -> Iterable[tuple[str, str, str, str]]:
    """Rows of (kind, right, table, source), the user's own first; none where the account is disabled."""
    here = {"app_label": "accesscontrol", "model": "catalogtable"}
    on_table = {f"permission__content_type__{key}": value for key, value in here.items()}
    on_whole = {f"content_type__{key}": value for key, value in here.items()}
    nothing, grant, role, personal = (
        Value(text, CharField()) for text in (NOWHERE, "grant", "role ", "a personal grant")
    )
    superuser = User.objects.filter(pk=user.pk, is_active=True, is_superuser=True)
    ordinary = User.objects.filter(pk=user.pk, is_active=True, is_superuser=False)
    parts: list[QuerySet[Any, Any]] = [
        queryset.values_list(Value("user", CharField()), nothing, nothing, Value(name, CharField()))
        for queryset, name in ((superuser, "superuser"), (ordinary, "ordinary"))
    ]
    parts += [
        GroupObjectPermission.objects.filter(group__user=user.pk, **on_table).values_list(
            grant, "permission__codename", "object_pk", Concat(role, F("group__name"))
        ),
        UserObjectPermission.objects.filter(user=user.pk, **on_table).values_list(
            grant, "permission__codename", "object_pk", personal
        ),
        Permission.objects.filter(group__user=user.pk, **on_whole).values_list(
            grant, "codename", nothing, Concat(role, F("group__name"))
        ),
        Permission.objects.filter(user=user.pk, **on_whole).values_list(grant, "codename", nothing, personal),
    ]
    return parts[0].union(*parts[1:], all=True)
