"""API keys over REST: one's own, and for those who manage access everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from pydantic import BeforeValidator, WithJsonSchema
from rest_framework.request import Request

from accesscontrol import keys, policy, scopes
from accesscontrol.actor import Actor
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.view import ServiceView
from accesscontrol.arguments import Arguments
from accesscontrol.errors import LimitExceeded, NotFound
from accesscontrol.keys import Made
from accesscontrol.models import ApiKey
from accesscontrol.policy import Right


def _moment(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time such as 2030-01-31T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""2030-01-31T12:00:00Z; without an offset, UTC"""


Scopes = Annotated[
    list[str],
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "pattern": scopes.PATTERN},
            "minItems": 1,
            "maxItems": scopes.MAX_SCOPES,
        }
    ),
]
"""["read", "update:books", "view_audit"]"""


KeyName = Annotated[
    str,
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": keys.MAX_NAME_CHARS}),
]


class NewKey(Arguments):
    """What a new key is made of. A scope is a right, everywhere or on one table: `read`, `update:books`."""

    name: KeyName
    scopes: Scopes
    expires_at: Moment | None = None
    networks: list[str] = []


class KeyChanges(Arguments):
    """What can be changed of a key: its name, and its scopes to narrower ones."""

    name: KeyName | None = None
    scopes: Scopes | None = None


class Rotation(Arguments):
    """How a key gets a new secret."""

    overlap_hours: int = keys.OVERLAP_HOURS
    expires_at: Moment | None = None


@dataclass(frozen=True)
class KeyInfo:
    """A key as everybody may know it who may know of it."""

    prefix: str
    user: str
    name: str
    scopes: list[str]
    networks: list[str]
    created_at: datetime
    expires_at: datetime
    is_expired: bool
    last_used_at: datetime | None
    last_used_from: str | None
    old_secret_expires_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey, /, **more: str) -> Self:
        """This function will return what is told of a key."""
        now = timezone.now()
        is_rotating = key.old_expires_at is not None and key.old_expires_at > now
        return cls(
            prefix=key.prefix,
            user=key.user.get_username(),
            name=key.name,
            scopes=key.scopes,
            networks=key.networks,
            created_at=key.created_at,
            expires_at=key.expires_at,
            is_expired=key.expires_at <= now,
            last_used_at=key.last_used_at,
            last_used_from=key.last_used_from or None,
            old_secret_expires_at=key.old_expires_at if is_rotating else None,
            **more,
        )


@dataclass(frozen=True)
class ShownKey(KeyInfo):
    """A key with its text, which is shown this once."""

    key: str


@dataclass(frozen=True)
class KeyList:
    """Some keys, the newest first."""

    keys: list[KeyInfo]


class _KeyView(ServiceView):
    """What views of keys have in common."""

    tag = "account"

    def is_for(self, actor: Actor, method: str) -> bool:
        """Show to keys and tokens what they may do."""
        is_person = actor.scope is None and not actor.credential
        return super().is_for(actor, method) and (is_person or method in {"GET", "HEAD", "DELETE"})

    def variables(self, name: str) -> dict[str, Any]:
        """The prefix of a key."""
        return {"type": "string", "pattern": "^[A-Za-z0-9]{12}$"}


class KeysView(_KeyView):
    """One's own keys."""

    operations = {"GET": "QUERY", "HEAD": "QUERY", "POST": "KEY_CREATED"}

    @describes(answers={200: KeyList})
    def get(self, request: Request) -> HttpResponse:
        """List one's own API keys, the newest first; a key is shown itself alone."""
        return answer(KeyList([KeyInfo.of(key) for key in keys.own(self.actor)]))

    @describes(body=NewKey, answers={201: ShownKey}, sends={201: ("Location",)}, refuses=(LimitExceeded,))
    def post(self, request: Request) -> HttpResponse:
        """Make an API key. Its text is in this answer and nowhere else. Keys and tokens may not do this."""
        given = NewKey.read(request.data)
        made = keys.create(
            actor=self.actor,
            name=given.name,
            scopes=given.scopes,
            expires_at=given.expires_at,
            networks=given.networks,
        )
        return _shown_once(request, made)


class KeyView(_KeyView):
    """One of one's own keys."""

    operations = {"GET": "QUERY", "HEAD": "QUERY", "PATCH": "USER_CHANGED", "DELETE": "KEY_REVOKED"}

    @describes(answers={200: KeyInfo}, refuses=(NotFound,))
    def get(self, request: Request, prefix: str) -> HttpResponse:
        """Read what is told of one's API key."""
        return answer(KeyInfo.of(keys.get(actor=self.actor, prefix=prefix)))

    @describes(body=KeyChanges, answers={200: KeyInfo}, refuses=(NotFound,))
    def patch(self, request: Request, prefix: str) -> HttpResponse:
        """Give one's API key another name, or narrower scopes. Keys and tokens may not do this."""
        given = KeyChanges.read(request.data)
        key = keys.change(actor=self.actor, prefix=prefix, name=given.name, scopes=given.scopes)
        return answer(KeyInfo.of(key))

    @describes(answers={204: None}, refuses=(NotFound,))
    def delete(self, request: Request, prefix: str) -> HttpResponse:
        """Revoke one's API key, and every token that was given for it, at once. A key may revoke itself."""
        keys.revoke(actor=self.actor, prefix=keys.get(actor=self.actor, prefix=prefix).prefix)
        return answer(None, 204)


class RotateView(_KeyView):
    """A new secret for one of one's own keys."""

    operations = {"POST": "KEY_CREATED"}

    @describes(body=Rotation, answers={201: ShownKey}, sends={201: ("Location",)}, refuses=(NotFound,))
    def post(self, request: Request, prefix: str) -> HttpResponse:
        """Give one's API key a new secret; the present one is good for some hours more. Keys and tokens may not."""
        given = Rotation.read(request.data)
        made = keys.rotate(
            actor=self.actor, prefix=prefix, overlap_hours=given.overlap_hours, expires_at=given.expires_at
        )
        return _shown_once(request, made)


class AllKeysView(_KeyView):
    """Everybody's keys, for those who manage access."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}
    rights = {"GET": Right.MANAGE_ACCESS}

    @describes(answers={200: KeyList})
    def get(self, request: Request) -> HttpResponse:
        """List everybody's API keys, the newest first, as who manages access."""
        policy.require_right(self.actor, Right.MANAGE_ACCESS)
        return answer(KeyList([KeyInfo.of(key) for key in keys.seen_by(self.actor)]))


class AnyKeyView(_KeyView):
    """Anybody's key, for those who manage access."""

    operations = {"DELETE": "KEY_REVOKED"}
    rights = {"DELETE": Right.MANAGE_ACCESS}

    @describes(answers={204: None}, refuses=(NotFound,))
    def delete(self, request: Request, prefix: str) -> HttpResponse:
        """Revoke anybody's API key, and every token that was given for it, at once, as who manages access."""
        policy.require_right(self.actor, Right.MANAGE_ACCESS)
        keys.revoke(actor=self.actor, prefix=prefix)
        return answer(None, 204)


def _shown_once(request: Request, made: Made) -> HttpResponse:
    """The answer that shows a key: kept by nobody on its way."""
    where: Any = request.build_absolute_uri(reverse("api:key", args=[made.key.prefix]))
    return answer(ShownKey.of(made.key, key=made.text), 201, {"Location": where, "Cache-Control": "no-store"})
