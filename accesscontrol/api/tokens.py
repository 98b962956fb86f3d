"""Access tokens over REST: given for the session or key that a request came with, and ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from accesscontrol import tokens
from accesscontrol.actor import Actor
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.keys import Scopes
from accesscontrol.api.view import ServiceView
from accesscontrol.arguments import Arguments
from accesscontrol.errors import NotFound


class NewToken(Arguments):
    """What a new token is made of: all that the session or key may, or less."""

    scopes: Scopes | None = None


@dataclass(frozen=True)
class GivenToken:
    """A token, which is shown this once; `scopes` null is all that its user may."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    expires_at: datetime
    id: str
    scopes: list[str] | None


class TokensView(ServiceView):
    """Access tokens."""

    operations = {"POST": "KEY_CREATED"}
    tag = "account"

    def is_for(self, actor: Actor, method: str) -> bool:
        """Show it to those who did not come with a token."""
        return super().is_for(actor, method) and "token" not in actor.credential

    @describes(body=NewToken, answers={201: GivenToken}, sends={201: ("Location",)})
    def post(self, request: Request) -> HttpResponse:
        """Give an access token for the session or API key of the request. It is in this answer and nowhere else."""
        given = NewToken.read(request.data)
        session = None if self.actor.credential else request.session.session_key
        issued = tokens.issue(actor=self.actor, session_key=session, scopes_=given.scopes)
        body = GivenToken(
            access_token=issued.text,
            token_type="Bearer",  # noqa: S106 - no secret
            expires_in=max(0, int((issued.expires_at - timezone.now()).total_seconds())),
            expires_at=issued.expires_at,
            id=str(issued.id),
            scopes=None if issued.scope is None else issued.scope.texts,
        )
        where = request.build_absolute_uri(reverse("api:token", args=[issued.id]))
        return answer(body, 201, {"Location": where, "Cache-Control": "no-store"})


class TokenView(ServiceView):
    """One access token."""

    operations = {"DELETE": "KEY_REVOKED"}
    tag = "account"

    def variables(self, name: str) -> dict[str, Any]:
        """The number of a token."""
        return {"type": "string", "format": "uuid"}

    @describes(answers={204: None}, refuses=(NotFound,))
    def delete(self, request: Request, token_id: UUID) -> HttpResponse:
        """End an access token at once."""
        tokens.revoke(actor=self.actor, token_id=token_id)
        return answer(None, 204)
