"""Plans: what an operation that destroys much answers first, and the tokens by which its caller agrees to just that."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import ConfirmationRequired
from accesscontrol.policy import Planned
from audit import answers, epochs
from audit.models import Plan

GOOD_FOR: Final = timedelta(minutes=10)

_TOKEN_BYTES: Final = 24
_FORGET = "DELETE FROM app.audit_plan WHERE expires_at < %s"
_KEEP = """
INSERT INTO app.audit_plan (digest, user_id, operation, asked, state, expires_at) VALUES (%s, %s, %s, %s, %s, %s)
"""


def require(
    actor: Actor,
    operation: str,
    arguments: Mapping[str, Any],
    state: Any,
    plan: Mapping[str, Any],
    token: str | None,
    *,
    asks: bool = False,
) -> None:
    """This function will do nothing where the actor has agreed to the plan, or a role frees them from plans.

    They agree by the token that the refusal gave them, once and within ten minutes. It is good for the same
    `arguments` and the same `state` alone: what the plan counted, as JSON values, the catalog's epoch being added
    here. Where the caller's transaction is rolled back, the token was not used. A face that `asks` wants the plan,
    whoever is freed from it.

    :raises ConfirmationRequired: they have not; its details hold the plan and a new token
    """
    if not asks and policy.is_free_of_plans(actor, Planned(operation)):
        return
    call = _Call.of(actor, operation, arguments, state)
    reason = None
    if token is not None:
        mine = Plan.objects.filter(
            digest=_digest(token), user_id=call.user_id, expires_at__gte=timezone.now()
        )
        used, _ = mine.filter(operation=operation, asked=call.asked, state=call.state).delete()
        if used:  # of two who come at once, one deletes the row
            return
        reason = _reason(mine, call)
    new = _propose(call)
    raise ConfirmationRequired(
        reason,
        hint="Read the plan. If it is what is wanted, make the same call again with this plan_token. It is good once.",
        plan=plan,
        plan_token=new.token,
        expires_at=new.expires_at.isoformat(),
    )


@dataclass(frozen=True)
class Proposal:
    """The token by which somebody agrees to a plan, and until when it is good."""

    token: str
    expires_at: datetime


def propose(actor: Actor, operation: str, arguments: Mapping[str, Any], state: Any) -> Proposal:
    """This function will return the token of a plan that a face shows by itself, on the terms of `require`."""
    return _propose(_Call.of(actor, operation, arguments, state))


def _propose(call: _Call) -> Proposal:
    new = Proposal(secrets.token_urlsafe(_TOKEN_BYTES), timezone.now() + GOOD_FOR)
    _keep(new.token, call, new.expires_at)
    return new


@dataclass(frozen=True)
class _Call:
    """Who asks for what, and what there is: what a token is bound to."""

    user_id: int | None
    operation: str
    asked: str
    state: str

    @classmethod
    def of(cls, actor: Actor, operation: str, arguments: Mapping[str, Any], state: Any) -> _Call:
        epoch = epochs.current()
        seen = {"state": state, "epoch": epoch.pk if epoch else None}
        return cls(
            actor.user.pk if actor.user else None,
            operation,
            answers.digest(operation, arguments),
            answers.digest(operation, seen),
        )


def _reason(mine: QuerySet[Plan], call: _Call) -> str:
    """Why a token is not good for a call."""
    kept = mine.first()
    if kept is None:
        return "This plan_token is none that you were given, has expired or was used: here is a new plan."
    if (kept.operation, kept.asked) != (call.operation, call.asked):
        return "This plan_token was given for something else: here is the plan of this call."
    return "What the plan counted has changed since: here is a new plan."


def _keep(token: str, call: _Call, expires_at: datetime) -> None:
    """Keep a plan, on a connection of its own: the refusal rolls back whatever transaction it is made in."""
    apart = connection.copy()
    try:
        with apart.cursor() as cursor:
            cursor.execute(_FORGET, [timezone.now()])
            values = [_digest(token), call.user_id, call.operation, call.asked, call.state, expires_at]
            cursor.execute(_KEEP, values)
    finally:
        apart.close()


def _digest(token: object) -> str:
    return sha256(str(token).encode("utf-8", "replace")).hexdigest()
