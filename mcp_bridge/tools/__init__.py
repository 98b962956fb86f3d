"""All tools, in the order in which an agent needs them. A new tool is one declaration in one of these modules."""

from __future__ import annotations

from typing import Any, Final

from accesscontrol.arguments import MAX_NAME_CHARS
from accesscontrol.errors import InvalidInput, did_you_mean
from accesscontrol.limits import Work
from mcp_bridge.tool import Tool
from mcp_bridge.tools import audit, backups, batch, exchange, records, schema

TOOLS: Final[dict[str, Tool[Any]]] = {
    tool.name: tool
    for tool in (
        *schema.TOOLS,
        *records.TOOLS,
        *batch.TOOLS,
        *exchange.TOOLS,
        *backups.TOOLS,
        *audit.TOOLS,
    )
}


def get(name: str) -> Tool[Any]:
    """This function will return the tool of that name.

    :raises InvalidInput: there is none; the message proposes the nearest
    """
    if name not in TOOLS:
        raise InvalidInput(
            f"There is no tool {name[:MAX_NAME_CHARS]!r}.{did_you_mean(name, TOOLS)}", allowed=list(TOOLS)
        )
    return TOOLS[name]


def operation_of(name: str) -> str:
    """This function will return what a tool does, as the trail names it; a call of one that there is not is a query."""
    return TOOLS[name].operation if name in TOOLS else "QUERY"


def work_of(name: str) -> Work:
    """This function will return the class of work that a tool is; to look for one that there is not is to read."""
    return TOOLS[name].work if name in TOOLS else Work.READ


def is_long(name: str) -> bool:
    """This function will say whether there is a tool of that name that may take minutes."""
    return name in TOOLS and TOOLS[name].is_long
