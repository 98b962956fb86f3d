"""The protocol's messages as lines of JSON. A line that is no message is answered where it says what it asks for.

What a tool answers is JSON text already. The protocol wants it twice, as text and as structured content: it
travels once, and is written twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import mcp_types as types
from pydantic import ValidationError

from accesscontrol.answers import COMPACT

MAX_LINE_BYTES = 16 * 1024 * 1024
CUT = "\0"  # ends what is left of a line that is longer
PIECE_CHARS = 64 * 1024

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]')
_COLON = re.compile(r"\s*+:\s*+")
_ID = re.compile(r'-?\d{1,18}+(?![\d.eE])|"(?:[^"\\]++|\\.)*+"')
_ESCAPE = re.compile(  # a pair of surrogates, a lone one, or anything else
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class Unreadable(Exception):
    """A line is no message. Its sender gets `answer`, or None where nobody could tell what that would answer."""

    def __init__(self, fault: types.ErrorData, request_id: types.RequestId | None) -> None:
        super().__init__(fault.message)
        self.answer = (
            None if request_id is None else types.JSONRPCError(jsonrpc="2.0", id=request_id, error=fault)
        )


def read(line: str) -> types.JSONRPCMessage:
    """This function will return the message that a line is.

    A lone surrogate becomes a NUL. Neither can be stored: a call that has one is refused by the same check, with
    the column's name.

    :raises Unreadable: it is none
    """
    try:
        return _parsed(line)
    except ValidationError as error:
        reason = error
    request_id = _id_of(line)
    if request_id is None:
        raise Unreadable(_fault(line, reason), None) from reason
    try:
        return _parsed(_ESCAPE.sub(lambda escape: r"\u0000" if escape["lone"] else escape[0], line))
    except ValidationError as error:
        raise Unreadable(_fault(line, error), request_id) from error


def result(text: str, *, is_error: bool) -> types.CallToolResult:
    """This function will return what a tool answered, with a place for the structured content that `write` fills."""
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], structured_content={}, is_error=is_error
    )


def write(message: types.JSONRPCMessage) -> Iterator[bytes]:
    """This function will yield a message as one line, in pieces: a long text is never there as a whole again."""
    match message:
        case types.JSONRPCResponse(
            id=request_id, result={"content": [{"text": str() as text}], "structuredContent": _, **others}
        ):
            head = f'{{"jsonrpc":"2.0","id":{json.dumps(request_id)},"result":{{"content":'
            yield f'{head}[{{"type":"text","text":"'.encode()
            for piece in _pieces(text):
                yield json.dumps(piece, ensure_ascii=False)[1:-1].encode()
            yield b'"}],"structuredContent":'
            for piece in _pieces(text):
                yield piece.encode()
            yield f",{json.dumps(others, separators=COMPACT)[1:]}}}\n".encode()
        case _:
            yield f"{message.model_dump_json(by_alias=True, exclude_unset=True)}\n".encode()


def _parsed(line: str) -> types.JSONRPCMessage:
    message: types.JSONRPCMessage = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    return message


def _fault(line: str, error: ValidationError) -> types.ErrorData:
    """What is wrong with a line, without anything of it."""
    if line.endswith(CUT):
        return types.ErrorData(
            code=types.PARSE_ERROR, message=f"A line may have {MAX_LINE_BYTES:,} bytes at most."
        )
    (first, *_) = error.errors(include_url=False, include_input=False, include_context=False)
    if first["type"] == "json_invalid":
        return types.ErrorData(code=types.PARSE_ERROR, message=first["msg"])
    return types.ErrorData(code=types.INVALID_REQUEST, message="This is no request of JSON-RPC 2.0.")


def _id_of(line: str) -> types.RequestId | None:
    """The id of what may be a request, however broken the rest of it is."""
    members = dict(_members(line))
    if "id" not in members or {"result", "error"} & members.keys():
        return None
    found = _ID.match(line, members["id"])
    try:
        request_id: types.RequestId | None = json.loads(found[0]) if found else None
        str(request_id).encode()  # which a lone surrogate can't be
    except ValueError:
        return None
    return request_id


def _members(line: str) -> Iterator[tuple[str, int]]:
    """The names in the line's outermost object, and where the value of each begins."""
    depth = 0
    if not line.lstrip().startswith("{"):
        return
    for token in _TOKEN.finditer(line):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth == 0:
                return
        elif depth == 1 and (colon := _COLON.match(line, token.end())):
            yield token[0][1:-1], colon.end()


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS))
