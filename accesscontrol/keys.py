"""API keys: made, rotated, narrowed and revoked by people, for programs. See key_use for what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accesscontrol import credentials, key_secrets, policy, service_users
from accesscontrol import scopes as scoping
from accesscontrol.actor import Actor, on_this_machine
from accesscontrol.errors import Forbidden, InvalidInput, LimitExceeded, NotFound, quoted
from accesscontrol.models import ApiKey, CatalogTable
from accesscontrol.policy import Operation, Right
from accesscontrol.scopes import Scope
from accesscontrol.signals import access_changed

MAX_KEYS: Final = 50  # of one user
MAX_NETWORKS: Final = 20
MAX_NAME_CHARS: Final = 80
DEFAULT_DAYS: Final = 90
MAX_DAYS: Final = 36_500  # that anybody may ask for; API_KEY_MAX_DAYS says how many are given
OVERLAP_HOURS: Final = 24
MAX_OVERLAP_HOURS: Final = 7 * 24


@dataclass(frozen=True)
class Made:
    """A key with the text that is shown this once."""

    key: ApiKey
    text: str


@transaction.atomic
def create(
    *,
    actor: Actor,
    name: str,
    scopes: object,
    expires_at: datetime | None = None,
    networks: object = (),
) -> Made:
    """This function will make a key of the actor's, and return it with its text, which nobody can read again.

    :raises Forbidden: the actor came with a key or token, or the account is a program's
    :raises InvalidInput: a name, scope, time or network that is none, or a scope that the actor has no right to
    :raises LimitExceeded: the actor has 50 keys
    """
    user = _require_person(actor)
    scope = scoping.parse(scopes)
    _require_held(actor, scope)
    return _make(actor, user, name, scope, expires_at, networks)


@transaction.atomic
def create_for(
    *,
    user: User,
    name: str,
    scopes: object,
    expires_at: datetime | None = None,
    networks: object = (),
) -> Made:
    """This function will make a key of a user's at the word of who runs a command here, who needs no right.

    :raises Forbidden: the account is a program's
    :raises InvalidInput: as `create`
    :raises LimitExceeded: the user has 50 keys
    """
    scope = scoping.parse(scopes)
    _require_held(Actor(user, on_this_machine().channel), scope)
    return _make(on_this_machine(), user, name, scope, expires_at, networks)


@transaction.atomic
def rotate(
    *,
    actor: Actor,
    prefix: str,
    overlap_hours: int = OVERLAP_HOURS,
    expires_at: datetime | None = None,
) -> Made:
    """This function will give a key of the actor's a new secret; the present one is good for some hours more.

    The one before that is good no more. `expires_at` stays unless one is given.

    :raises Forbidden: the actor came with a key or token
    :raises InvalidInput: the overlap is none, or the time
    :raises NotFound: the actor has no such key
    """
    _require_person(actor)
    if type(overlap_hours) is not int or not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise InvalidInput(
            f"overlap_hours must be a whole number from 0 to {MAX_OVERLAP_HOURS}.", argument="overlap_hours"
        )
    key = _locked(own(actor), prefix)
    text = key_secrets.renew(key, keep_until=timezone.now() + timedelta(hours=overlap_hours))
    if expires_at is not None:
        key.expires_at = _expiry(expires_at)
    key.save()
    told = {"secret": {"old": f"(good for {overlap_hours} h)", "new": "(made)"}}
    _tell(actor, "KEY_CREATED", key, {**told, "expires_at": {"new": key.expires_at.isoformat()}})
    return Made(key, text)


@transaction.atomic
def change(*, actor: Actor, prefix: str, name: str | None = None, scopes: object = None) -> ApiKey:
    """This function will give a key of the actor's another name, or narrower scopes.

    :raises Forbidden: the actor came with a key or token
    :raises InvalidInput: no name, or scopes that are none or that the key does not have
    :raises NotFound: the actor has no such key
    """
    _require_person(actor)
    key = _locked(own(actor), prefix)
    before = {"name": key.name, "scopes": key.scopes}
    if name is not None:
        key.name = _name(name)
    if scopes is not None:
        key.scopes = _narrowed(key, scopes)
    after = {"name": key.name, "scopes": key.scopes}
    changes = {
        what: {"old": before[what], "new": after[what]} for what in before if before[what] != after[what]
    }
    if changes:
        key.save()
        _tell(actor, "REVOKE" if "scopes" in changes else "USER_CHANGED", key, changes)
    return key


@transaction.atomic
def revoke(*, actor: Actor, prefix: str) -> None:
    """This function will end a key, and every token that was given for it, at once.

    People revoke theirs, those who manage access anybody's, and a key may end itself.

    :raises NotFound: there is no such key that the actor may revoke
    """
    key = _locked(seen_by(actor), prefix)
    _tell(actor, "KEY_REVOKED", key, {"name": {"old": key.name, "new": None}})
    key.delete()


def own(actor: Actor) -> QuerySet[ApiKey]:
    """This function will return the actor's keys, the newest first; of a program, the one that it came with.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    """
    policy.require_account(actor)
    found = ApiKey.objects.filter(user=actor.user).select_related("user")
    if actor.scope is None:
        return found
    return found.filter(prefix=actor.credential.get("key", ""))


def seen_by(actor: Actor) -> QuerySet[ApiKey]:
    """This function will return the keys that the actor may see and revoke: their own, or as manager of access all.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    """
    if policy.holds(actor, Right.MANAGE_ACCESS).allowed:
        return ApiKey.objects.select_related("user")
    return own(actor)


def get(*, actor: Actor, prefix: str) -> ApiKey:
    """This function will return a key of the actor's.

    :raises NotFound: the actor has no such key
    """
    return _one(own(actor), prefix)


def find(*, actor: Actor, prefix: str) -> ApiKey:
    """This function will return a key that the actor may see and revoke.

    :raises NotFound: there is none
    """
    return _one(seen_by(actor), prefix)


def require_there(actor: Actor) -> None:
    """This function will do nothing where the key that work was asked for with has not been revoked since.

    :raises AuthenticationRequired: it has
    """
    prefix = actor.credential.get("key")
    if prefix is not None and not ApiKey.objects.filter(prefix=prefix, user=actor.user).exists():
        raise credentials.refused()


def _make(
    actor: Actor, user: User, name: str, scope: Scope, expires_at: datetime | None, networks: object
) -> Made:
    if service_users.is_service_user(user):
        raise Forbidden(f"{user.get_username()} is the account of a program of ours: it has no keys.")
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # the keys of one user are counted one by one
    if ApiKey.objects.filter(user=user).count() >= MAX_KEYS:
        raise LimitExceeded(
            f"There are {MAX_KEYS} keys of this account.", hint="Revoke one first.", maximum=MAX_KEYS
        )
    key = ApiKey(
        user=user,
        prefix=key_secrets.new_prefix(),
        name=_name(name),
        scopes=scope.texts,
        networks=_networks(networks),
        expires_at=_expiry(expires_at or timezone.now() + timedelta(days=min(DEFAULT_DAYS, _max_days()))),
    )
    text = key_secrets.renew(key)
    key.save()
    told = {"name": key.name, "user": user.get_username(), "scopes": key.scopes, "networks": key.networks}
    changes: dict[str, Any] = {what: {"old": None, "new": value} for what, value in told.items() if value}
    _tell(actor, "KEY_CREATED", key, {**changes, "expires_at": {"new": key.expires_at.isoformat()}})
    return Made(key, text)


def _require_person(actor: Actor) -> User:
    """Refuse to let a key or token make or change keys: who finds one would stay for ever."""
    policy.require_whole_account(actor)
    if actor.credential or actor.user is None:
        raise Forbidden("A key or token can't make or change keys.", hint="Log in to do this.")
    return actor.user


def _locked(keys: QuerySet[ApiKey], prefix: str) -> ApiKey:
    return _one(keys.select_for_update(of=("self",)), prefix)


def _one(keys: QuerySet[ApiKey], prefix: str) -> ApiKey:
    key = keys.filter(prefix=prefix).first() if key_secrets.is_prefix(prefix) else None
    if key is None:
        raise NotFound("There is no such key.")
    return key


def _require_known(scope: Scope) -> None:
    """Refuse scopes on tables that there are not: names like theirs may come to be one day."""
    named = {table for _right, table in scope.rights if table}
    if unknown := sorted(named.difference(CatalogTable.objects.values_list("name", flat=True)))[:5]:
        raise InvalidInput(f"There are no such tables: {', '.join(unknown)}.", argument="scopes")


def _require_held(actor: Actor, scope: Scope) -> None:
    """Refuse scopes that would begin to work only when somebody gives the user a right one day."""
    _require_known(scope)
    if idle := [text for text, right in _by_text(scope) if not _holds(actor, *right)][:5]:
        raise InvalidInput(
            f"You may not do this yourself: {', '.join(idle)}.", argument="scopes", scopes=idle
        )


def _by_text(scope: Scope) -> list[tuple[str, tuple[str, str]]]:
    return [(text, next(iter(Scope.of([text]).rights))) for text in scope.texts]


def _holds(actor: Actor, right: str, table: str) -> bool:
    if policy.has(actor, right, table):
        return True
    return right in set(Operation) and not table and bool(actor.grants.tables(right))


def _narrowed(key: ApiKey, texts: object) -> list[str]:
    wanted = scoping.parse(texts)
    scoping.narrowed(Scope.of(key.scopes), wanted)
    return wanted.texts


def _name(name: object) -> str:
    text = " ".join(name.split()) if isinstance(name, str) else ""
    if not text or len(text) > MAX_NAME_CHARS or not text.isprintable():
        raise InvalidInput(
            f"A key needs a name of 1 to {MAX_NAME_CHARS} printable characters.", argument="name"
        )
    return text


def _max_days() -> int:
    days: int = settings.API_KEY_MAX_DAYS
    return days


def _expiry(moment: datetime) -> datetime:
    now = timezone.now()
    if not now < moment <= now + timedelta(days=_max_days(), minutes=1):
        raise InvalidInput(
            f"expires_at must lie in the future, at most {_max_days()} days from now.", argument="expires_at"
        )
    return moment


def _networks(texts: object) -> list[str]:
    if not isinstance(texts, list | tuple) or len(texts) > MAX_NETWORKS:
        raise InvalidInput(f"networks must be a list of at most {MAX_NETWORKS}.", argument="networks")
    return sorted(set(map(_network, texts)))


def _network(text: object) -> str:
    try:
        return str(ip_network(text.strip() if isinstance(text, str) else "", strict=False))
    except ValueError as error:
        raise InvalidInput(
            f"{quoted(text)!r} is no network, such as 192.0.2.0/24 or 2001:db8::/32.", argument="networks"
        ) from error


def _tell(actor: Actor, operation: str, key: ApiKey, changes: dict[str, Any]) -> None:
    access_changed.send(
        ApiKey, actor=actor, operation=operation, subject=f"key {key.prefix}", changes=changes
    )
