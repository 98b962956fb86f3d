"""A key that a program came with: whether it is good, and that it was used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hmac import compare_digest
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.base import ModelState
from django.utils import timezone

from accesscontrol import credentials, key_secrets
from accesscontrol.credentials import Credential
from accesscontrol.models import ApiKey
from accesscontrol.scopes import Scope

NOTED_EVERY: Final = timedelta(minutes=1)
_NO_DIGEST: Final = "0" * 64  # of no secret

KEY: Final = [field.attname for field in ApiKey._meta.concrete_fields]
USER: Final = [field.attname for field in User._meta.concrete_fields]
_FIND: Final = f"""
SELECT (SELECT version::text FROM app.access_version),
       EXISTS (SELECT FROM app.accesscontrol_serviceuser s WHERE s.user_id = k.user_id),
       {", ".join(f"k.{name}" for name in KEY)},
       {", ".join(f"u.{name}" for name in USER)}
  FROM app.accesscontrol_apikey k JOIN app.auth_user u ON u.id = k.user_id
 WHERE k.prefix = %s
"""  # noqa: S608 - names of our own models


@dataclass(frozen=True)
class Known:
    """A key with its user, as it was under a mark (see grants)."""

    mark: str
    key: Any

    @cached_property
    def scope(self) -> Scope:
        """What the key may at most."""
        return Scope.of(self.key.scopes)


_MAX_KNOWN: Final = 1_000
_known: dict[str, Known] = {}


def recognise(text: str, address: str | None) -> Credential:
    """This function will return what `authenticate` does, of a key that was read before without reading it again.

    The first statement of an operation then tells whether anything has changed that keys hang on; only if so the key is
    read again (see Actor.know), and where it is no good any more the operation is refused.

    :raises AuthenticationRequired: as authenticate
    """
    form = key_secrets.FORM.fullmatch(text)
    known = _known.get(form["prefix"]) if form else None
    if form is None or known is None:
        return authenticate(text, address)
    now, digests = timezone.now(), key_secrets.digests(form["prefix"], form["secret"])
    if not _is_good(known.key, digests, address, now):
        return authenticate(text, address)
    note_use(known.key, address, now)
    return _credential(known, known.mark, lambda: authenticate(text, address).scope)


def authenticate(text: str, address: str | None) -> Credential:
    """This function will return what a key that comes from an address lets its bearer do.

    One SELECT; the same is computed where there is no such key.

    :raises AuthenticationRequired: the key is wrong, has expired or is not good for the address, or its user is
        disabled; the message does not say which
    """
    form = key_secrets.FORM.fullmatch(text)
    if form is None:
        raise credentials.refused()
    now, prefix = timezone.now(), form["prefix"]
    digests = key_secrets.digests(prefix, form["secret"])
    known = _find(prefix)
    if not _is_good(known.key if known else None, digests, address, now) or known is None:
        _known.pop(prefix, None)
        raise credentials.refused()
    if digests[0] not in (known.key.digest, known.key.old_digest):
        _renew_digest(known.key, digests)
    if len(_known) >= _MAX_KNOWN:
        _known.clear()
    _known[prefix] = known
    note_use(known.key, address, now)
    return _credential(known)


def _credential(
    known: Known, mark: str | None = None, check: Callable[[], Scope | None] | None = None
) -> Credential:
    return Credential(_own(known.key.user), known.scope, {"key": known.key.prefix}, mark, check)


def _own(user: User) -> User:
    """The user for one request, which may keep on it what is true no longer. To copy() a record would pickle it."""
    own, state = User.__new__(User), ModelState()
    state.__dict__.update(user._state.__dict__)  # noqa: SLF001 - each record has its own
    own.__dict__.update(user.__dict__, _state=state)
    return own


def _find(prefix: str) -> Known | None:
    """The key of that name with its user, and whether that is a program's; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [prefix])
        row = cursor.fetchone()
    if row is None:
        return None
    mark, is_of_program, *rest = row
    key: Any = ApiKey.from_db(connection.alias, KEY, rest[: len(KEY)])
    key.is_of_program = is_of_program
    key.user = User.from_db(connection.alias, USER, rest[len(KEY) :])
    return Known(mark, key)


def _is_good(key: Any, digests: list[str], address: str | None, now: datetime) -> bool:
    """Whether a key read so is good now, from an address, for whoever knows a secret of these digests."""
    known = key or ApiKey(digest=_NO_DIGEST)
    old = known.old_digest if known.old_expires_at and known.old_expires_at > now else _NO_DIGEST
    matches = [compare_digest(one, kept) for one in digests for kept in (known.digest, old or _NO_DIGEST)]
    if key is None or not any(matches):
        return False
    return key.user.is_active and not key.is_of_program and is_usable(key, address, now)


def is_usable(key: ApiKey, address: str | None, now: datetime) -> bool:
    """This function will say whether a key has not expired, and is good for an address."""
    return key.expires_at > now and credentials.is_from(address, key.networks)


def note_use(key: ApiKey, address: str | None, now: datetime) -> None:
    """This function will note that a key is used, once a minute, and wait for nobody: by a transaction of its own."""
    if key.last_used_at is not None and now - key.last_used_at < NOTED_EVERY:
        return
    key.last_used_at = now
    long_ago = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTED_EVERY)
    with transaction.atomic():
        free = ApiKey.objects.filter(long_ago, pk=key.pk).select_for_update(skip_locked=True)
        ApiKey.objects.filter(pk__in=free.values("pk")).update(last_used_at=now, last_used_from=address or "")


def _renew_digest(key: ApiKey, digests: list[str]) -> None:
    """Keep by the present SECRET_KEY what was kept by an older one."""
    column = "digest" if key.digest in digests else "old_digest"
    ApiKey.objects.filter(pk=key.pk, **{column: getattr(key, column)}).update(**{column: digests[0]})
