"""Who one is to the API, and what one may do: as the policy decides, within the key or token of the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.http import HttpResponse
from rest_framework.request import Request

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.view import ServiceView
from accesscontrol.policy import Operation, Right
from catalog import registry
from catalog.services import columns
from catalog.table import Table


@dataclass(frozen=True)
class Came:
    """What a request came with, by what is no secret."""

    type: Literal["session", "key", "token"]
    key: str | None
    token: str | None


@dataclass(frozen=True)
class OnTable:
    """What may be done with a table; who reads it is told which columns there are for them."""

    operations: list[str]
    columns: list[str] | None = None
    read_only_columns: list[str] | None = None


@dataclass(frozen=True)
class Account:
    """Who asks, with what, and what they may do. `scopes` null is all that the user may."""

    username: str
    is_superuser: bool
    credential: Came
    scopes: list[str] | None
    rights: list[str]
    tables: dict[str, OnTable]


class AccountView(ServiceView):
    """Oneself."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}
    tag = "account"

    @describes(answers={200: Account})
    def get(self, request: Request) -> HttpResponse:
        """Say who asks, with what, and what they may do there. What they may do nothing with is left out."""
        actor = self.actor
        policy.require_account(actor)
        described = ((table, _operations(actor, table)) for table in registry.all_tables())
        return answer(
            Account(
                username=str(actor.username),
                is_superuser=policy.is_superuser(actor),
                credential=_credential(actor),
                scopes=None if actor.scope is None else actor.scope.texts,
                rights=[str(right) for right in Right if policy.holds(actor, right).allowed],
                tables={table.name: _on(actor, table, may) for table, may in described if may},
            )
        )


def _credential(actor: Actor) -> Came:
    named = actor.credential
    kind: Literal["session", "key", "token"] = (
        "token" if "token" in named else "key" if "key" in named else "session"
    )
    return Came(kind, named.get("key"), named.get("token"))


def _operations(actor: Actor, table: Table) -> list[str]:
    return [str(operation) for operation in Operation if policy.decide(actor, operation, table).allowed]


def _on(actor: Actor, table: Table, may: list[str]) -> OnTable:
    if Operation.READ not in may:
        return OnTable(may)
    shown = columns.shown(actor, table)
    kept = policy.read_only_columns(actor, Operation.UPDATE, table.name)
    return OnTable(may, [*shown.columns], [name for name in shown.columns if name in kept])
