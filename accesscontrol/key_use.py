"""A key that a program came with: whether it is good, and that it was used."""

from __future__ import annotations

from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accesscontrol import credentials, key_secrets
from accesscontrol.credentials import Credential
from accesscontrol.models import ApiKey
from accesscontrol.scopes import Scope

NOTED_EVERY: Final = timedelta(minutes=1)
_NO_DIGEST: Final = "0" * 64  # of no secret

KEY: Final = [field.attname for field in ApiKey._meta.concrete_fields]
USER: Final = [field.attname for field in User._meta.concrete_fields]
# In plain SQL, since it is asked with every request: to make a statement takes longer than to run this one.
_FIND: Final = f"""
SELECT {", ".join(f"k.{name}" for name in KEY)},
       EXISTS (SELECT FROM app.accesscontrol_serviceuser s WHERE s.user_id = k.user_id),
       {", ".join(f"u.{name}" for name in USER)}
  FROM app.accesscontrol_apikey k JOIN app.auth_user u ON u.id = k.user_id
 WHERE k.prefix = %s
"""  # noqa: S608 - names of our own models


def authenticate(text: str, address: str | None) -> Credential:
    """This function will return what a key that comes from an address lets its bearer do.

    One SELECT; the same is computed where there is no such key.

    :raises AuthenticationRequired: the key is wrong, has expired or is not good for the address, or its user is
        disabled; the message does not say which
    """
    form = key_secrets.FORM.fullmatch(text)
    if form is None:
        raise credentials.refused()
    now = timezone.now()
    key = _find(form["prefix"])
    known = key or ApiKey(digest=_NO_DIGEST)
    old = known.old_digest if known.old_expires_at and known.old_expires_at > now else _NO_DIGEST
    found = key_secrets.digests(form["prefix"], form["secret"])
    matches = [compare_digest(one, kept) for one in found for kept in (known.digest, old or _NO_DIGEST)]
    if key is None or not any(matches) or not _is_good(key, address, now):
        raise credentials.refused()
    if not matches[0] and not matches[1]:
        _renew_digest(key, found, matches)
    note_use(key, address, now)
    return Credential(key.user, Scope.of(key.scopes), {"key": key.prefix})


def _find(prefix: str) -> Any:
    """The key of that name with its user, and whether that is a program's; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [prefix])
        row = cursor.fetchone()
    if row is None:
        return None
    end = len(KEY)
    key: Any = ApiKey.from_db(connection.alias, KEY, row[:end])
    key.is_of_program = row[end]
    key.user = User.from_db(connection.alias, USER, row[end + 1 :])
    return key


def _is_good(key: Any, address: str | None, now: datetime) -> bool:
    """Whether a key read so is good now, from an address."""
    is_somebodys = key.user.is_active and not key.is_of_program
    return is_somebodys and is_usable(key, address, now)


def is_usable(key: ApiKey, address: str | None, now: datetime) -> bool:
    """This function will say whether a key has not expired, and is good for an address."""
    return key.expires_at > now and credentials.is_from(address, key.networks)


def note_use(key: ApiKey, address: str | None, now: datetime) -> None:
    """This function will note that a key is used, once a minute, and wait for nobody: by a transaction of its own."""
    if key.last_used_at is not None and now - key.last_used_at < NOTED_EVERY:
        return
    long_ago = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTED_EVERY)
    with transaction.atomic():
        free = ApiKey.objects.filter(long_ago, pk=key.pk).select_for_update(skip_locked=True)
        ApiKey.objects.filter(pk__in=free.values("pk")).update(last_used_at=now, last_used_from=address or "")


def _renew_digest(key: ApiKey, found: list[str], matches: list[bool]) -> None:
    """Keep by the present SECRET_KEY what was kept by an older one."""
    column = "digest" if any(matches[::2]) else "old_digest"
    ApiKey.objects.filter(pk=key.pk, **{column: getattr(key, column)}).update(**{column: found[0]})
