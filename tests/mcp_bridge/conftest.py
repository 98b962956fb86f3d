"""Agents: clients of the SDK, in front of a server in this process, with lines of JSON between them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import anyio
import jsonschema
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client
from mcp.server import Server
from mcp.shared.message import SessionMessage
from mcp_types import CallToolResult, Implementation, Tool, jsonrpc_message_adapter

from accesscontrol.actor import Actor
from catalog import registry
from catalog.services import records
from mcp_bridge import auth, server, wire


class Agent:
    """A client whose calls block, as a test likes it."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self.portal, self.client = portal, client
        self._forms: dict[str, jsonschema.Draft202012Validator] = {}

    def tools(self) -> dict[str, Tool]:
        """Return the tools that the server lists, by name."""
        listed = self.portal.call(self.client.list_tools).tools
        self._forms = {tool.name: jsonschema.Draft202012Validator(tool.output_schema) for tool in listed}
        return {tool.name: tool for tool in listed}

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool, and see to it that its text is its structured content, compact."""
        result = self.portal.call(self.client.call_tool, tool, arguments)
        (content,) = result.content
        assert json.loads(content.text) == result.structured_content
        return result

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer of a call that must not fail, of the form that the tool publishes."""
        result = self.call(tool, **arguments)
        assert not result.is_error, result.structured_content
        if not self._forms:
            self.tools()
        form = self._forms[tool]
        form.validate(result.structured_content)
        assert result.structured_content.keys() == form.schema["properties"].keys()
        return result.structured_content

    def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the error object of a call that must fail."""
        result = self.call(tool, **arguments)
        assert result.is_error, result.structured_content
        assert result.structured_content.keys() == {"error", "code", "message", "details", "hint"}
        return result.structured_content


Connect = Callable[[Actor], Agent]


@asynccontextmanager
async def wired(serving: Server[Any]) -> AsyncIterator[Any]:
    """A transport to a server: what either says is a line to the other, as on standard input and output."""
    asking, asked = anyio.create_memory_object_stream[SessionMessage]()
    reading, read = anyio.create_memory_object_stream[SessionMessage]()
    writing, written = anyio.create_memory_object_stream[SessionMessage]()
    answering, answers = anyio.create_memory_object_stream[SessionMessage]()

    async def requests() -> None:
        async with reading:
            async for sent in asked:
                line = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
                await reading.send(SessionMessage(wire.read(line)))

    async def responses() -> None:
        async with answering:
            async for sent in written:
                line = b"".join(wire.write(sent.message))
                await answering.send(SessionMessage(jsonrpc_message_adapter.validate_json(line)))

    with asking, asked, read, written, answers:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(requests)
            tasks.start_soon(responses)
            tasks.start_soon(serving.run, read, writing, serving.create_initialization_options())
            yield answers, asking
            tasks.cancel_scope.cancel()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that gives an account its agent."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def connect(actor: Actor, mode: str = "auto") -> Agent:
            client = Client(
                wired(server.build(auth.by_name(actor.username))),
                mode=mode,
                client_info=Implementation(name="the test's agent", version="7"),
            )
            stack.enter_context(portal.wrap_async_context_manager(client))
            return Agent(portal, client)

        yield connect


@pytest.fixture
def agent(connect: Connect, editor: Actor) -> Agent:
    """An agent that acts for an editor."""
    return connect(editor)


@pytest.fixture
def carroll(admin: Actor) -> dict[str, Any]:
    """An author, inserted by somebody else."""
    author = registry.get("authors")
    return records.insert_record(actor=admin, table=author, data={"name": "Lewis Carroll"}).records[0]


@pytest.fixture
def alice(admin: Actor, carroll: dict[str, Any]) -> dict[str, Any]:
    """A book of that author."""
    data = {"title": "Alice", "author_id": carroll["id"], "word_count": 26_500}
    return records.insert_record(actor=admin, table=registry.get("books"), data=data).records[0]
