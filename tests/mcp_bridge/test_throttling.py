"""Agents are held to the limits of their user, whichever face the user has used them up through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mcp import MCPError

from accesscontrol import limits, throttling
from accesscontrol.actor import Actor, Channel
from accesscontrol.limits import Work
from audit.models import AuditLog
from catalog.models import Author

pytestmark = pytest.mark.django_db(transaction=True)

READ = {"table": "authors"}


@pytest.fixture
def limit(settings: Any, agent: Any) -> Iterator[Callable[[str], None]]:
    """Return a function that sets limits, once the agent has seen the tools."""
    agent.tools()

    def limit(text: str) -> None:
        throttling.forget()
        settings.RATE_LIMITS = limits.read(text)

    yield limit
    throttling.forget()


def test_who_calls_too_often_is_refused_and_nothing_is_done(limit: Callable[[str], None], agent: Any) -> None:
    limit("user.write=2/h")
    for name in ("Anne", "Emily"):
        agent.ask("db_insert_record", table="authors", data={"name": name})

    for _ in range(5):
        error = agent.refused("db_insert_record", table="authors", data={"name": "Charlotte"})

    assert error["code"] == "RATE_LIMITED"
    assert error["details"] == {"limit": "user.write", "retry_after_s": pytest.approx(1_800, abs=30)}
    assert agent.ask("db_query_records", **READ)["count"] == 2
    told = AuditLog.objects.filter(error_code="RATE_LIMITED")
    assert [(row.operation, row.user_id, row.channel) for row in told] == [("INSERT", "edith", "mcp")]


def test_a_batch_is_heavy(limit: Callable[[str], None], agent: Any) -> None:
    limit("user.heavy=1/h")
    agent.ask("db_batch_insert", table="authors", records=[{"name": "Anne"}])

    assert agent.refused("db_batch_delete", table="authors", conditions=[{"id": 1}])["code"] == "RATE_LIMITED"
    assert Author.objects.count() == 1


def test_the_list_of_tools_is_a_read(limit: Callable[[str], None], agent: Any) -> None:
    limit("user.read=1/h")
    agent.tools()

    with pytest.raises(MCPError, match=r"user\.read"):
        agent.tools()
    assert agent.refused("db_what")["code"] == "RATE_LIMITED"


def test_faces_share_the_limits_of_a_user(limit: Callable[[str], None], agent: Any, editor: Actor) -> None:
    limit("user.read=3/h")
    for _ in range(2):
        throttling.take(Actor(editor.user, Channel.API, {"ip": "192.0.2.7"}), Work.READ)
    agent.ask("db_query_records", **READ)

    assert agent.refused("db_query_records", **READ)["details"]["limit"] == "user.read"


def test_rows_count(limit: Callable[[str], None], agent: Any) -> None:
    limit("rows=1k/h")
    people = [{"name": f"Author {n}"} for n in range(1_000)]
    for _ in range(2):
        agent.ask("db_batch_insert", table="authors", records=people)

    assert agent.refused("db_query_records", **READ)["details"]["limit"] == "user.rows"
