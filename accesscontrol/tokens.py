"""Access tokens: short JWTs (RFC 9068) given for a session or an API key, which end with it, or when revoked.

A token is good while its row is there: by its row it is known what it was given for, and how far it goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accesscontrol import credentials, jwt_keys, key_use, policy, scopes
from accesscontrol.actor import Actor
from accesscontrol.credentials import Credential
from accesscontrol.errors import AuthenticationRequired, Forbidden, NotFound
from accesscontrol.key_use import KEY, USER
from accesscontrol.models import AccessToken, ApiKey
from accesscontrol.policy import Right
from accesscontrol.scopes import Scope
from accesscontrol.signals import access_changed

ISSUER: Final = "database-admin-server"
TYPE: Final = "at+jwt"
LEEWAY_S: Final = 10
MAX_CHARS: Final = 4_000
_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_HEADER: Final = {"alg", "typ", "kid"}
_CLAIMS: Final = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"]
_TOKEN: Final = [field.attname for field in AccessToken._meta.concrete_fields]
_FIND: Final = f"""
SELECT EXISTS (SELECT FROM app.accesscontrol_serviceuser p WHERE p.user_id = t.user_id), s.user_id, s.expire_date,
       {", ".join(f"t.{name}" for name in _TOKEN)},
       {", ".join(f"k.{name}" for name in KEY)},
       {", ".join(f"u.{name}" for name in USER)}
  FROM app.accesscontrol_accesstoken t JOIN app.auth_user u ON u.id = t.user_id
  LEFT JOIN app.accesscontrol_apikey k ON k.id = t.key_id
  LEFT JOIN app.accesscontrol_session s ON s.session_key = t.session_id
 WHERE t.id = %s
"""  # noqa: S608 - names of our own models


@dataclass(frozen=True)
class Issued:
    """A token, and what it is."""

    id: UUID
    text: str
    expires_at: datetime
    scope: Scope | None  # None: all that the user may


def is_token(text: str) -> bool:
    """This function will say whether a text has the form of a token."""
    return len(text) <= MAX_CHARS and _FORM.fullmatch(text) is not None


@transaction.atomic
def issue(*, actor: Actor, session_key: str | None = None, scopes_: object = None) -> Issued:
    """This function will give a token for the session or the API key that the actor came with.

    It goes as far as that, or less far where `scopes_` says so, and is good for JWT_MINUTES at most.

    :raises Forbidden: the actor came with a token, or with neither a session nor a key
    :raises InvalidInput: scopes that are none, or beyond those of the key
    """
    policy.require_account(actor)
    assert actor.user is not None  # noqa: S101 - what require_account is for
    key = _key_of(actor)
    if "token" in actor.credential or (key is None and not session_key):
        raise Forbidden(
            "A token is given for a session or an API key.",
            hint="Come with the key, or log in, for a new one.",
        )
    scope = scopes.narrowed(actor.scope, None if scopes_ is None else scopes.parse(scopes_))
    now = timezone.now().replace(microsecond=0)
    until = now + timedelta(minutes=settings.JWT_MINUTES)
    AccessToken.objects.filter(expires_at__lt=now - timedelta(seconds=LEEWAY_S)).delete()
    row = AccessToken.objects.create(
        id=uuid4(),
        user=actor.user,
        key=key,
        session_id=None if key else session_key,
        session_hash="" if key else actor.user.get_session_auth_hash(),
        scopes=None if scope is None else scope.texts,
        expires_at=until if key is None else min(until, key.expires_at),
    )
    changes = {"for": {"new": f"key {key.prefix}" if key else "session"}, "scopes": {"new": row.scopes}}
    _tell(actor, "KEY_CREATED", row, changes)
    return Issued(row.pk, _sign(row, now), row.expires_at, scope)


@transaction.atomic
def revoke(*, actor: Actor, token_id: UUID) -> None:
    """This function will end a token at once: the actor's own, or as who manages access anybody's.

    :raises NotFound: there is no such token that the actor may end
    """
    row = _ended_by(actor).select_for_update(of=("self",)).filter(pk=token_id).first()
    if row is None:
        raise NotFound("There is no such token: it may have ended already.")
    _tell(actor, "KEY_REVOKED", row, {"user": {"old": row.user.get_username()}})
    row.delete()


def authenticate(text: str, address: str | None) -> Credential:
    """This function will return what a token that comes from an address lets its bearer do.

    :raises AuthenticationRequired: it is forged, has expired or was revoked, is not ours or for others, or its
        session, key or user is not good any more; the message does not say which
    """
    claims = _verified(text)
    now = timezone.now()
    found = _find(_id(claims))
    if found is None or str(found.user.pk) != claims["sub"] or not found.is_good(address, now):
        raise credentials.refused()
    scope = None if found.token.scopes is None else Scope.of(found.token.scopes)
    about = {"token": str(found.token.pk)}
    if found.key is None:
        return Credential(found.user, scope, about)
    key_use.note_use(found.key, address, now)
    narrowest = Scope.of(found.key.scopes)
    whole = narrowest if scope is None else narrowest & scope
    return Credential(found.user, whole, {"key": found.key.prefix, **about})


def _verified(text: str) -> Mapping[str, Any]:
    """The claims of a token of ours; the algorithm is that of the key which the token names, whatever it says."""
    if not is_token(text):
        raise credentials.refused()
    try:
        header = jwt.get_unverified_header(text)
        key = jwt_keys.find(header.get("kid"))
        if key is None or header.keys() != _HEADER or (header["typ"], header["alg"]) != (TYPE, key.algorithm):
            raise credentials.refused()
        claims: Mapping[str, Any] = jwt.decode(
            text,
            key.verifies,
            algorithms=[key.algorithm],
            audience=settings.JWT_AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": _CLAIMS, "strict_aud": True},
        )
    except jwt.PyJWTError as error:
        raise credentials.refused() from error
    return claims


def _sign(row: AccessToken, now: datetime) -> str:
    key = jwt_keys.newest()
    claims = {
        "iss": ISSUER,
        "aud": settings.JWT_AUDIENCE,
        "sub": str(row.user_id),
        "client_id": row.key.prefix if row.key else "session",
        "iat": now,
        "nbf": now,
        "exp": row.expires_at,
        "jti": str(row.pk),
    }
    return jwt.encode(claims, key.signs, key.algorithm, headers={"typ": TYPE, "kid": key.id})


@dataclass(frozen=True)
class _Found:
    """A token with all that says whether it is good."""

    token: AccessToken
    user: User
    is_of_program: bool
    key: ApiKey | None
    session_user_id: int | None  # None also where the session has ended
    session_ends_at: datetime | None

    def is_good(self, address: str | None, now: datetime) -> bool:
        ends_at = self.token.expires_at + timedelta(seconds=LEEWAY_S)
        if ends_at <= now or not self.user.is_active or self.is_of_program:
            return False
        if self.token.key_id is not None:
            return self.key is not None and key_use.is_usable(self.key, address, now)
        if self.session_ends_at is None or self.session_ends_at <= now:
            return False
        return self.session_user_id == self.user.pk and _is_same_password(self.user, self.token.session_hash)


def _find(token_id: UUID) -> _Found | None:
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [token_id])
        row = cursor.fetchone()
    if row is None:
        return None
    is_of_program, session_user_id, session_ends_at, *rest = row
    token, key, user = rest[: len(_TOKEN)], rest[len(_TOKEN) : -len(USER)], rest[-len(USER) :]
    return _Found(
        AccessToken.from_db(connection.alias, _TOKEN, token),
        User.from_db(connection.alias, USER, user),
        is_of_program,
        None if key[0] is None else ApiKey.from_db(connection.alias, KEY, key),
        session_user_id,
        session_ends_at,
    )


def _is_same_password(user: User, kept: str) -> bool:
    """Whether the password is what it was: as Django ends sessions when it changes."""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(compare_digest(found, kept) for found in hashes)


def _key_of(actor: Actor) -> ApiKey | None:
    prefix = actor.credential.get("key")
    if prefix is None:
        return None
    key = ApiKey.objects.select_for_update(no_key=True).filter(prefix=prefix, user=actor.user).first()
    if key is None:
        raise AuthenticationRequired
    return key


def _ended_by(actor: Actor) -> QuerySet[AccessToken]:
    """The tokens that the actor may end: of a program, those of its key, or the one that it came with."""
    policy.require_account(actor)
    found = AccessToken.objects.select_related("user")
    if policy.holds(actor, Right.MANAGE_ACCESS).allowed:
        return found
    found = found.filter(user=actor.user)
    match actor.credential:
        case {"token": token}:
            return found.filter(pk=token)
        case {"key": prefix}:
            return found.filter(key__prefix=prefix)
        case _:
            return found


def _id(claims: Mapping[str, Any]) -> UUID:
    try:
        return UUID(str(claims["jti"]))
    except ValueError as error:
        raise credentials.refused() from error


def _tell(actor: Actor, operation: str, row: AccessToken, changes: dict[str, Any]) -> None:
    access_changed.send(
        AccessToken, actor=actor, operation=operation, subject=f"token {row.pk}", changes=changes
    )
