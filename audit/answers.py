"""Answers to writes, kept so that a caller who lost one can ask again without writing twice.

The answer is kept in the transaction of the write: both are there or neither. A key belongs to its
user and is good for 24 hours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Protocol, Self, runtime_checkable

from django.utils import timezone

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput
from audit.models import KeptAnswer
from audit.trail import Entry

KEPT_FOR = timedelta(hours=24)
MAX_KEY_CHARS = 200
_FORGOTTEN_AT_ONCE = 1_000
NOT_ARGUMENTS = ("actor", "terms")


class Answer(Protocol):
    """What a write answers: something that can be kept as text."""

    def dump(self) -> str:
        """This function will return the answer as text."""

    @classmethod
    def load(cls, text: str) -> Self:
        """This function will return the answer that a text was made of."""


@runtime_checkable
class Veiled(Answer, Protocol):
    """An answer of which not everybody may see everything."""

    def seen_by(self, actor: Actor) -> Self:
        """This function will return the answer as far as the actor may see it now."""


def find(entry: Entry, key: str | None, arguments: Mapping[str, Any], kind: type[Answer]) -> Answer | None:
    """This function will return the answer kept under a key, or None, with the key taken for this call.

    A second call with the same key waits here until the first has ended.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    :raises InvalidInput: a key that is empty or too long
    :raises Conflict: the key was used for something else, or with another scope: an answer may tell what is beyond it
    """
    if key is None:
        return None
    policy.require_account(entry.actor)
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARS or not key.isprintable():
        raise InvalidInput(f"idempotency_key must have 1 to {MAX_KEY_CHARS} printable characters.")
    user = entry.actor.username or ""
    _forget_old(user, key)
    asked = digest(entry.operation, _as_credential_may(entry.actor, arguments))
    kept, is_new = KeptAnswer.objects.get_or_create(user_id=user, key=key, defaults={"digest": asked})
    if is_new:
        return None
    if kept.digest != asked:
        raise Conflict(
            "This idempotency_key was used for another operation, or with other arguments.",
            hint="Take a new key for each write; repeat one only to repeat the same call.",
        )
    entry.client_info["repeats"] = str(kept.change_id)
    answer = kind.load(kept.answer)
    return answer.seen_by(entry.actor) if isinstance(answer, Veiled) else answer


def keep(entry: Entry, key: str, answer: Answer) -> None:
    """This function will keep the answer of a write under the key that `find` took for it."""
    KeptAnswer.objects.filter(user_id=entry.actor.username or "", key=key).update(
        answer=answer.dump(), change_id=entry.change_id
    )


def _as_credential_may(actor: Actor, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of a call, with the scope that they came within."""
    return arguments if actor.scope is None else {**arguments, "scope": actor.scope.texts}


def _forget_old(user: str, key: str) -> None:
    """Delete what is too old, but for what another write is just forgetting: nobody waits for that."""
    old = KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    old.filter(user_id=user, key=key).delete()
    free = old.select_for_update(skip_locked=True).values("pk")[:_FORGOTTEN_AT_ONCE]
    KeptAnswer.objects.filter(pk__in=list(free.values_list("pk", flat=True))).delete()


def digest(operation: str, arguments: Mapping[str, Any]) -> str:
    """This function will return a digest of what was asked for, the same for the same arguments in any process."""
    asked = {name: value for name, value in arguments.items() if name not in NOT_ARGUMENTS}
    text = json.dumps([operation, asked], sort_keys=True, default=str)
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
