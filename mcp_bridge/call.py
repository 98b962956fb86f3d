"""The one path every call takes: account, tool, arguments, service, answer; and what becomes of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import mcp_types as types
import structlog
from django.db import Error, connection

from accesscontrol import answers, policy, throttling
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, InternalError, RateLimited, Refused
from accesscontrol.limits import Work
from audit import faults, refusals
from jobs.progress import SILENT, Progress
from mcp_bridge import tools
from mcp_bridge.arguments import snake_case
from mcp_bridge.auth import Account

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a call gives back: a JSON object as text."""

    text: str
    is_error: bool = False


def call_tool(
    account: Account,
    client: Mapping[str, Any],
    name: str,
    given: Mapping[str, Any],
    progress: Progress = SILENT,
) -> Answer:
    """This function will run a tool for the caller and return its answer, or the error object.

    The account is read anew by the tool's first statement; where that was never reached, for the refusal. Nothing
    escapes: a refusal is audited and answered, anything else is logged with its traceback and answered as
    INTERNAL with the id that the log has.
    """
    started = perf_counter()
    actor = Actor(account.user, Channel.MCP, client)
    with structlog.contextvars.bound_contextvars(request_id=str(actor.request_id), tool=name[:100]):
        try:
            actor = account.within(actor)
            throttling.take(actor, tools.work_of(name))
            result = tools.get(name).run(actor, given, progress)
            policy.require_account(actor)
            answer = Answer(answers.write(result))
        except Exception as error:  # noqa: BLE001 - the boundary to a caller who must get an answer
            actor, refusal = _judged(account, actor, refusal_of(error, actor))
            elapsed_ms = (perf_counter() - started) * 1000
            _audit(actor, name, given, refusal, elapsed_ms)
            throttling.charge(actor, elapsed_ms / 1000)
            logger.info("call_refused", code=refusal.code, ms=round(elapsed_ms, 1))
            return Answer(answers.write_error(refusal.as_dict()), is_error=True)
        elapsed_ms = (perf_counter() - started) * 1000
        throttling.charge(actor, elapsed_ms / 1000)
        logger.info("call_answered", ms=round(elapsed_ms, 1))
        return answer


def list_tools(account: Account, client: Mapping[str, Any]) -> list[types.Tool]:
    """This function will return the tools that the caller may use, each with the tables that they may use it on.

    :raises Refused: the account can't be read
    """
    actor = Actor(account.user, Channel.MCP, client)
    with structlog.contextvars.bound_contextvars(request_id=str(actor.request_id)):
        try:
            actor = account.within(actor)
            throttling.take(actor, Work.READ)
            listed = [tool.listing_for(actor) for tool in tools.TOOLS.values()]
        except Exception as error:
            raise refusal_of(error, actor) from error
        return [tool for tool in listed if tool]


def refusal_of(error: Exception, actor: Actor) -> Refused:
    """This function will return what a caller is told of an error; a bug is logged, and nothing of it told."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Error) and (refusal := faults.translate(error)):
        return refusal
    logger.error("call_failed", exc_info=error)
    return InternalError(request_id=str(actor.request_id))


def _judged(account: Account, actor: Actor, refusal: Refused) -> tuple[Actor, Refused]:
    """Who was refused, and what: an account that doesn't work any more is told that alone.

    For who comes too often nothing is looked up.
    """
    if isinstance(refusal, RateLimited):
        return actor, refusal
    try:
        connection.close()  # the one at hand may be broken; a sound one comes from the pool
        actor = replace(actor, user=account.read())
        policy.require_account(actor)
    except AuthenticationRequired as error:
        return actor, error
    except Error:
        logger.warning("account_not_read", exc_info=True)
    return actor, refusal


def _audit(actor: Actor, name: str, given: Mapping[str, Any], refusal: Refused, elapsed_ms: float) -> None:
    """Write a refusal into the trail, or where that can't be, into the log."""
    operation, table = tools.operation_of(name), given.get("table")
    try:
        table_name = table if isinstance(table, str) else None
        is_trial = any(snake_case(key) == "dry_run" and value is True for key, value in given.items())
        refusals.record(actor, operation, table_name, refusal, elapsed_ms, dry_run=is_trial)
    except Error:
        logger.exception(
            "refusal_not_audited",
            user=actor.username,
            operation=operation,
            code=refusal.code,
            refusal=refusal.message,  # not the details: they may hold a plan_token
        )
