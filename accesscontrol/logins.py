"""The sessions of somebody: how each began, and the end of one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound
from accesscontrol.models import Session
from accesscontrol.signals import access_changed
from accesscontrol.web import visitor

LOGIN = "login"  # what a session remembers of how it began


@dataclass(frozen=True)
class Login:
    """One session of somebody, without its key, which would let whoever sees it in."""

    id: str
    is_this: bool
    since: datetime | None
    until: datetime
    address: str
    program: str


def begin(request: HttpRequest, user: User) -> None:
    """This function will let a session remember when, from where and with what somebody logged in."""
    info = visitor(request, user).client_info
    request.session[LOGIN] = {
        "since": timezone.now().isoformat(timespec="seconds"),
        "address": info["ip"] or "",
        "program": info["user_agent"],
    }


def of(actor: Actor, current: str | None) -> list[Login]:
    """This function will return the actor's sessions, the present one first, then the latest.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    """
    found = [_login(row, current) for row in _rows(actor)]
    return sorted(found, key=lambda login: (not login.is_this, -login.until.timestamp()))


def end(*, actor: Actor, id: str) -> None:  # noqa: A002 - as Login has it
    """This function will end one session of the actor's.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    :raises NotFound: there is no such session, or it is another's
    """
    keys = [row.session_key for row in _rows(actor) if _id(row.session_key) == id]
    if not _delete(actor, keys):
        raise NotFound("There is no such session: it has ended already.")


def end_others(*, actor: Actor, current: str | None) -> int:
    """This function will end all sessions of the actor's but the present one, and return how many those were.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    """
    return _delete(actor, [row.session_key for row in _rows(actor) if row.session_key != current])


@transaction.atomic
def expire(*, actor: Actor) -> int:
    """This function will forget all sessions that are over, whosever they were, and return how many those were.

    :raises AuthenticationRequired: the account is disabled
    """
    policy.require_account(actor)
    count, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    if count:
        access_changed.send(
            Session,
            actor=actor,
            operation="EXPIRE_SESSIONS",
            subject="all sessions",
            changes={"over": {"old": count, "new": 0}},
        )
    return count


def _rows(actor: Actor) -> QuerySet[Session]:
    policy.require_whole_account(actor)
    number = actor.user.pk if actor.user else None
    return Session.objects.filter(user_id=number, expire_date__gt=timezone.now())


@transaction.atomic
def _delete(actor: Actor, keys: list[str]) -> int:
    count, _ = _rows(actor).filter(session_key__in=keys).delete()
    if count:
        access_changed.send(
            User,
            actor=actor,
            operation="LOGOUT",
            subject=f"user {actor.username}",
            changes={"sessions": {"old": count, "new": 0}},
        )
    return count


def _login(row: Session, current: str | None) -> Login:
    told = row.get_decoded().get(LOGIN, {})
    since = told.get("since")
    return Login(
        id=_id(row.session_key),
        is_this=row.session_key == current,
        since=datetime.fromisoformat(since) if since else None,
        until=row.expire_date,
        address=told.get("address", ""),
        program=told.get("program", ""),
    )


def _id(key: str) -> str:
    """A name of a session by which nobody gets in."""
    return hashlib.sha256(key.encode()).hexdigest()[:24]
