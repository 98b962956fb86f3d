"""What a tool is. One declaration per tool, in the modules of mcp_bridge.tools."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

import mcp_types as types
from pydantic import TypeAdapter

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.limits import Work, work_of
from accesscontrol.policy import Operation, Right
from catalog import registry
from catalog.table import Table
from jobs.progress import Progress
from mcp_bridge import schemas
from mcp_bridge.arguments import Arguments

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

A = TypeVar("A", bound=Arguments)
Handler = Callable[[Actor, A], "DataclassInstance"]
LongHandler = Callable[[Actor, A, Progress], "DataclassInstance"]

READS = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
ADDS = types.ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
REVIVES = ADDS.model_copy(update={"idempotent_hint": True})
CHANGES = REVIVES.model_copy(update={"destructive_hint": True})


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One tool: what callers read about it, what it takes and gives, and the function that does it.

    `right` is what a caller needs: on a table, with `on_all` on every table, or on the whole; None where an account is
    enough. Who has it nowhere is not shown the tool. `operation` is what the audit trail calls it. A handler that takes
    a progress as well is that of a tool that may take minutes.
    """

    handler: Handler[A] | LongHandler[A]
    title: str
    operation: str
    effect: types.ToolAnnotations
    right: Operation | Right | None
    suits: Callable[[Table], bool]
    on_all: bool

    @property
    def name(self) -> str:
        """The name that callers use: that of the function."""
        return self.handler.__name__

    @cached_property
    def description(self) -> str:
        """What callers read: the function's docstring."""
        return inspect.cleandoc(self.handler.__doc__ or "")

    @cached_property
    def arguments(self) -> type[A]:
        """The model of the arguments, from the function's annotations."""
        model: type[A] = get_type_hints(self.handler)["arguments"]
        return model

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments, the same for everyone."""
        return schemas.of_arguments(self.arguments)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """The JSON schema of the answer, from the function's annotations."""
        return schemas.of_answer(TypeAdapter(get_type_hints(self.handler)["return"]))

    @cached_property
    def work(self) -> Work:
        """What a call is counted as."""
        return work_of(self.operation, reads=bool(self.effect.read_only_hint))

    @cached_property
    def is_long(self) -> bool:
        """Whether a call may take minutes, and so tells how far it is."""
        return "progress" in inspect.signature(self.handler).parameters

    def run(self, actor: Actor, given: Mapping[str, Any], progress: Progress) -> DataclassInstance:
        """This function will check the arguments and do what the tool does.

        :raises Refused: bad arguments, or whatever the service refuses
        """
        handler: Callable[..., DataclassInstance] = self.handler
        further = (progress,) if self.is_long else ()
        return handler(actor, self.arguments.read(given), *further)

    def tables_for(self, actor: Actor) -> list[str]:
        """This function will return the tables on which the actor may use the tool."""
        right = self.right
        if not isinstance(right, Operation):
            return []
        return [
            table.name
            for table in registry.all_tables()
            if self.suits(table) and policy.decide(actor, right, table).allowed
        ]

    def is_for(self, actor: Actor, tables: list[str]) -> bool:
        """This function will say whether the actor may use the tool, on these tables or at all."""
        if self.right is None:
            return actor.grants.is_active
        if isinstance(self.right, Right):
            return policy.holds(actor, self.right).allowed
        if self.on_all:
            return len(tables) == len(registry.all_tables()) and not policy.has_hidden_columns(actor)
        return bool(tables)

    def listing_for(self, actor: Actor) -> types.Tool | None:
        """This function will return the tool as the actor may use it, or None where they may not at all."""
        tables = self.tables_for(actor)
        if not self.is_for(actor, tables):
            return None
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=schemas.with_tables(self.input_schema, tables) if self.right else self.input_schema,
            output_schema=self.output_schema,
            annotations=self.effect,
        )


def tool(
    *,
    title: str,
    operation: str,
    effect: types.ToolAnnotations,
    right: Operation | Right | None = None,
    suits: Callable[[Table], bool] = lambda _: True,
    on_all: bool = False,
) -> Callable[[Handler[A] | LongHandler[A]], Tool[A]]:
    """This function will make a tool of a function (actor, arguments) -> answer, whose docstring callers read.

    One that may take minutes takes (actor, arguments, progress).
    """

    def declare(handler: Handler[A] | LongHandler[A]) -> Tool[A]:
        return Tool(handler, title, operation, effect, right, suits, on_all)

    return declare
