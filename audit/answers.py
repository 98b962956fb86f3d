"""Answers to writes, kept so that a caller who lost one can ask again without writing twice.

The answer is kept in the transaction of the write: both are there or neither. A key belongs to its
user and is good for 24 hours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Protocol, Self, runtime_checkable
from uuid import UUID

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


@dataclass(frozen=True)
class Once:
    """What somebody asks for under a key: it is done once, however often they ask."""

    actor: Actor
    key: str
    operation: str
    asked: Mapping[str, Any]

    def about(self, **more: Any) -> Once:
        """This function will return the same, of which more is known by now."""
        return replace(self, asked={**self.asked, **more})

    def take(self) -> KeptAnswer | None:
        """This function will return what is kept under the key, or None, with the key taken for this transaction.

        A second one with the same key waits here until the first has ended.

        :raises AuthenticationRequired: nobody is logged in, or the account is disabled
        :raises InvalidInput: a key that is empty or too long
        :raises Conflict: it was used for something else, or with another scope: an answer may tell what is beyond it
        """
        self._require_key()
        _forget_old(self._user, self.key)
        kept, is_new = KeptAnswer.objects.get_or_create(
            user_id=self._user, key=self.key, defaults={"digest": self._digest}
        )
        return None if is_new else self._same(kept)

    def find(self) -> KeptAnswer | None:
        """This function will return what is kept under the key, or None, and leave the key to be taken.

        :raises AuthenticationRequired, InvalidInput, Conflict: as `take`
        """
        self._require_key()
        good = KeptAnswer.objects.filter(created_at__gte=timezone.now() - KEPT_FOR)
        kept = good.filter(user_id=self._user, key=self.key).first()
        return None if kept is None else self._same(kept)

    def keep(self, answer: str, change_id: UUID | None = None) -> None:
        """This function will keep an answer under the key that was taken for it."""
        mine = KeptAnswer.objects.filter(user_id=self._user, key=self.key)
        mine.update(answer=answer, change_id=change_id)

    @property
    def _user(self) -> str:
        return self.actor.username or ""

    @property
    def _digest(self) -> str:
        scope = self.actor.scope
        return digest(self.operation, self.asked if scope is None else {**self.asked, "scope": scope.texts})

    def _require_key(self) -> None:
        policy.require_account(self.actor)
        key: object = self.key
        if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARS or not key.isprintable():
            raise InvalidInput(f"idempotency_key must have 1 to {MAX_KEY_CHARS} printable characters.")

    def _same(self, kept: KeptAnswer) -> KeptAnswer:
        if kept.digest != self._digest:
            raise Conflict(
                "This idempotency_key was used for another operation, or with other arguments.",
                hint="Take a new key for each write; repeat one only to repeat the same call.",
            )
        return kept


def repeated(entry: Entry, once: Once, kind: type[Answer]) -> Answer | None:
    """This function will return what a write answered before, as far as the actor may see it now; None the first time.

    :raises AuthenticationRequired, InvalidInput, Conflict: as `Once.take`
    """
    kept = once.take()
    if kept is None:
        return None
    entry.client_info["repeats"] = str(kept.change_id)
    answer = kind.load(kept.answer)
    return answer.seen_by(entry.actor) if isinstance(answer, Veiled) else answer


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
