"""The manual's page about the tools, made from their declarations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, TypeGuard

from accesscontrol import errors
from accesscontrol.errors import Refused
from accesscontrol.policy import Right
from backups import errors as backup_errors
from catalog import errors as catalog_errors
from mcp_bridge.tool import Tool
from mcp_bridge.tools import TOOLS

Schema = dict[str, Any]

MAX_LISTED = 10  # names of an enumeration
MAX_WORTH_SAYING = 1_000_000

HEAD: Final = """\
<!-- Made by `manage.py tools_reference` from the tools in mcp_bridge/tools. Do not edit. -->

# The operations, as an agent calls them

Agents reach the database by MCP (Model Context Protocol), over standard input and output:

    script/mcp --user NAME

prepares what is missing (environment, database, schema), then serves the agent with the rights of that account.
There is no anonymous access. Where everything is prepared, `.venv/bin/python manage.py mcp_serve --user NAME` serves at
once. An MCP client starts it by itself; most take a configuration like this:

```json
{
  "mcpServers": {
    "library": {"command": "/path/to/the/clone/script/mcp", "args": ["--user", "admin"]}
  }
}
```

Instead of `--user` an agent may have an API key, in the environment variable `DBADMIN_API_KEY` (in a configuration:
`"env": {"DBADMIN_API_KEY": "dbas_…"}`). It then acts for the key's user within the key's scopes, and is refused from
the next call on when the key is revoked or has expired.

Give the agent an account of its own with a role such as Viewer or Editor. It is shown the tools that it may use, and in
each the tables that it may use it on. Rights are looked up at every call: what is given or taken counts from the next
one, and every call, refused ones too, is a row in the audit trail. The server logs to standard error.

`docs/examples/load_library.py` is a client to start from. It loads a folder of CSV files, one per table, and asks a few
questions:

    .venv/bin/python docs/examples/load_library.py FOLDER --companions-of "Alice"

## Calling

- Arguments are written in snake_case; camelCase (`orderBy`) is understood. An unknown argument, a name given twice or
  a value of another type (`"5"` for 5) is refused with a message that names it. Null stands for the default.
- An answer is one object, given twice: as structured content and as compact JSON text.
- Timestamps are ISO 8601 in UTC, decimals are text, so that no digit is lost. A record without an `id` of its own (in
  a junction) is known by the keys it joins.
- A write answers with a `change_id`, which finds it in the audit trail.
- What destroys much (restoring, importing, deleting a backup) takes two calls, but for roles that an administrator
  frees from it. The first is refused with CONFIRMATION_REQUIRED; its `details` hold a `plan` of what would change, a
  `plan_token`, and until when that is good. The same call with the `plan_token` does it. A token is good once, within
  ten minutes, for its caller, the same arguments, and as long as what the plan counted is as it was.
- What may take minutes (backups, restores, checks of them) tells how far it is, at most twice a second, to a client
  that gave a progress token, and ends when the client cancels the call. Other calls go on meanwhile.

### Where

| Condition | Holds for |
|---|---|
| `{"status": "published"}`, `{"status": {"$eq": "published"}}` | equal; `null` means IS NULL |
| `{"status": {"$ne": "draft"}}` | different, or NULL |
| `{"word_count": {"$gte": 50000, "$lt": 90000}}` | `$gt`, `$gte`, `$lt`, `$lte`: all must hold |
| `{"word_count": {"$between": [1, 9]}}` | from 1 to 9, both included |
| `{"id": {"$in": [1, 2]}}`, `{"id": {"$nin": [1, 2]}}` | in the list of at most 1,000, or not |
| `{"title": {"$like": "The %"}}`, `$ilike` | a pattern: `%` any text, `_` one character; `$ilike` in any case |
| `{"summary": {"$null": true}}` | NULL, or with false not NULL |
| `{"aliases": {"$contains": ["Mr Hyde"]}}` | lists and JSON that contain this |
| `{"$or": [{…}, {…}]}`, `{"$and": [{…}, {…}]}`, `{"$not": {…}}` | any, all, not |

Several keys must all hold. At most 200 conditions, nested at most 20 levels deep. A write needs a `where` that is not
empty.

### Errors

A call that fails is answered with `isError` and this object:

```json
{"error": true, "code": "FOREIGN_KEY_VIOLATION", "message": "author_id: there is no record 999 in authors.",
 "details": {"table": "books", "column": "author_id", "value": 999, "references": "authors"}, "hint": null}
```

| Code | Meaning |
|---|---|
"""


def page() -> str:
    """This function will return the whole page as Markdown."""
    lines = [*_errors(), "", "## Tools", ""]
    lines += [f"- [`{tool.name}`](#{tool.name}): {tool.title}" for tool in TOOLS.values()]
    for tool in TOOLS.values():
        lines += ["", *_tool(tool)]
    return HEAD + "\n".join(lines) + "\n"


def _errors() -> Iterator[str]:
    """A line per code, in the order of the modules that define them; the first to have it says what it means."""
    meanings: dict[str, str] = {}
    for module in (errors, catalog_errors, backup_errors):
        for refused in vars(module).values():
            if _is_refusal(refused) and refused.__module__ == module.__name__:
                meanings.setdefault(refused.code, refused().message)
    return (f"| {code} | {meaning} |" for code, meaning in meanings.items())


def _is_refusal(value: object) -> TypeGuard[type[Refused]]:
    return isinstance(value, type) and issubclass(value, Refused) and value is not Refused


def _tool(tool: Tool[Any]) -> Iterator[str]:
    yield from (f"### {tool.name}", "", tool.description, "")
    yield f"Needs {_needs(tool)}. {_effect(tool)}"
    yield from ("", "| Argument | Type | Default | |", "|---|---|---|---|")
    required = tool.input_schema.get("required", ())
    for name, schema in tool.input_schema["properties"].items():
        default = "**required**" if name in required else _code(schema.get("default"))
        yield _row(f"`{name}`", _type(schema), default, schema.get("description", ""))
    yield from ("", "| Answer | Type | |", "|---|---|---|")
    for name, schema in tool.output_schema["properties"].items():
        yield _row(f"`{name}`", _type(schema), schema.get("description", ""))


def _needs(tool: Tool[Any]) -> str:
    if tool.right is None:
        return "an account"
    if isinstance(tool.right, Right):
        return f"the right `{tool.right}`"
    if tool.on_all:
        return f"the right `{tool.right}` on every table, and no column hidden"
    return f"the right `{tool.right}` on {'the' if 'table' in tool.input_schema['properties'] else 'a'} table"


def _effect(tool: Tool[Any]) -> str:
    if tool.effect.read_only_hint:
        return "Reads only."
    kind = "Changes or deletes what is there" if tool.effect.destructive_hint else "Only adds"
    again = "the same call again changes nothing more" if tool.effect.idempotent_hint else "each call adds"
    return f"{kind}; {again}."


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


def _type(schema: Schema) -> str:
    """A JSON schema in words: "list of {column, direction}"."""
    if names := schema.get("enum"):
        more = ", …" if len(names) > MAX_LISTED else ""
        return f"one of {', '.join(map(_code, names[:MAX_LISTED]))}{more}"
    if choices := schema.get("anyOf"):
        return " or ".join(map(_type, choices))
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema['items'])}"
        case "object" if properties := schema.get("properties"):
            return f"{{{', '.join(properties)}}}"
        case "object" if isinstance(values := schema.get("additionalProperties"), dict):
            return f"{{name: {_type(values)}}}"
        case "string":
            return {"uuid": "UUID", "date-time": "timestamp"}.get(schema.get("format", ""), "text")
        case "integer" if "minimum" in schema:
            most = schema.get("maximum", MAX_WORTH_SAYING)
            return f"integer, {schema['minimum']} {f'to {most}' if most < MAX_WORTH_SAYING else 'or more'}"
        case None:
            return "anything"
        case str() as name:
            return name
        case _:
            raise TypeError(f"no words for {schema}")
