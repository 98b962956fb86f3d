"""An agent that comes with an API key: it may what the key may, for as long as the key is good."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from mcp import Client

from accesscontrol import keys
from accesscontrol.actor import Actor
from accesscontrol.models import ApiKey
from audit.models import AuditLog
from mcp_bridge import auth, server, stdio
from tests.mcp_bridge.conftest import Agent, wired

pytestmark = pytest.mark.django_db(transaction=True)


def key_of(actor: Actor, *scopes: str, **how: Any) -> str:
    return keys.create(actor=actor, name="agent", scopes=list(scopes), **how).text


@pytest.fixture
def connect_with() -> Any:
    """Return a function that gives a key its agent."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def connect(text: str) -> Agent:
            client = Client(wired(server.build(auth.by_key(text))))
            stack.enter_context(portal.wrap_async_context_manager(client))
            return Agent(portal, client)

        yield connect


def test_it_acts_within_the_scope_and_is_named_by_the_prefix(
    connect_with: Callable[[str], Agent], editor: Actor, admin: Actor
) -> None:
    text = key_of(editor, "read:authors", "insert:authors")
    agent = connect_with(text)

    agent.ask("db_insert_record", table="authors", data={"name": "Jane"})
    refused = agent.refused("db_update_records", table="authors", where={"name": "Jane"}, data={"name": "J."})
    assert "the key's scope does not include update on authors" in refused["message"]
    assert agent.refused("db_query_records", table="books")["code"] == "PERMISSION_DENIED"
    listed = agent.tools()
    assert "db_insert_record" in listed
    assert not {"db_update_records", "db_export_csv", "db_undo_change"} & {
        name for name in listed if name != "db_undo_change"
    }
    rows = AuditLog.objects.filter(channel="mcp")
    assert {(row.user_id, row.client_info["key"]) for row in rows} == {("edith", text[5:17])}
    assert not [row for row in rows if text[18:] in str(row.client_info)]


@pytest.mark.parametrize("how", ["revoked", "expired", "rotated", "narrowed", "disabled"])
def test_what_becomes_of_the_key_holds_at_the_next_call(
    connect_with: Callable[[str], Agent], editor: Actor, how: str
) -> None:
    text = key_of(editor, "read")
    agent = connect_with(text)
    agent.ask("db_query_records", table="authors")

    if how == "revoked":
        keys.revoke(actor=editor, prefix=text[5:17])
    if how == "expired":
        ApiKey.objects.update(expires_at=timezone.now())
    if how == "rotated":
        keys.rotate(actor=editor, prefix=text[5:17], overlap_hours=0)
    if how == "narrowed":
        keys.change(actor=editor, prefix=text[5:17], scopes=["read:books"])
    if how == "disabled":
        User.objects.update(is_active=False)

    code = agent.refused("db_query_records", table="authors")["code"]
    assert code == ("PERMISSION_DENIED" if how == "narrowed" else "AUTHENTICATION_REQUIRED")
    refused = AuditLog.objects.filter(success=False).latest("id")
    assert (refused.channel, refused.error_code) == ("mcp", code)


def test_it_is_taken_out_of_the_environment(editor: Actor, monkeypatch: Any) -> None:
    text = key_of(editor, "read")
    seen: list[str | None] = []
    monkeypatch.setattr(stdio, "serve", lambda _server: _note(seen))
    monkeypatch.setenv("DBADMIN_API_KEY", text)

    call_command("mcp_serve")
    assert seen == [None]


async def _note(seen: list[str | None]) -> None:
    seen.append(os.environ.get("DBADMIN_API_KEY"))


def test_it_must_be_good_and_alone(editor: Actor, monkeypatch: Any) -> None:
    for text, user in (("dbas_nothing", None), (key_of(editor, "read"), "edith"), (None, None), ("", None)):
        if text is not None:
            monkeypatch.setenv("DBADMIN_API_KEY", text)
        with pytest.raises(CommandError) as refused:
            call_command("mcp_serve", user=user)
        assert refused.value.returncode == 2
        assert not text or text not in str(refused.value)
    far = key_of(editor, "read", networks=["192.0.2.0/24"])
    monkeypatch.setenv("DBADMIN_API_KEY", far)
    with pytest.raises(CommandError):
        call_command("mcp_serve")
