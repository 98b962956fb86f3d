"""Messages as lines: what is written twice is the same, and what can't be read is answered where it can be."""

from __future__ import annotations

import json

import mcp_types as types
import pytest

from mcp_bridge import wire

TEXT = '{"name":"Zoë \\"Z\\" 🦊\\u0001","price":1.10000000000000000000000000001,"lines":["a\\nb\\\\"]}'
BROKEN = {
    "digits": ('{"jsonrpc":"2.0","id":1,"method":"m","params":{"n":DIGITS}}', 1, -32700),
    "text-id": ('{"jsonrpc":"2.0","id":"a\\"b","method":"m","params":{"n":DIGITS}}', 'a"b', -32700),
    "deep": ('{"jsonrpc":"2.0","method":"m","params":DEEP,"id":-7}', -7, -32700),
    "half": ('{"jsonrpc":"2.0","id":1,"method":"m","params":{"id":2,"text":"a', 1, -32700),
    "two": ('{"jsonrpc":"2.0","id":1,"method":"m"}{"jsonrpc":"2.0","id":2,"method":"m"}', 1, -32700),
    "cut": ('{"jsonrpc":"2.0","id":1,"method":"m"}\0', 1, -32700),
    "surrogate-and-digits": ('{"jsonrpc":"2.0","id":1,"method":"\\ud800","params":{"n":DIGITS}}', 1, -32700),
    "no-version": ('{"id":1,"method":"m"}', 1, -32600),
    "method-number": ('{"jsonrpc":"2.0","id":1,"method":5}', 1, -32600),
    "params-list": ('{"jsonrpc":"2.0","id":1,"method":"m","params":[{"id":2}]}', 1, -32600),
    "same-name-twice": ('{"jsonrpc":"2.0","id":1,"id":2,"method":5}', 2, -32600),
}  # fmt: skip
UNANSWERABLE = {
    "nothing": "",
    "word": "hello",
    "list": '[{"jsonrpc":"2.0","id":1,"method":5}]',
    "no-id": '{"jsonrpc":"2.0","method":5}',
    "id-of-another-object": '{"jsonrpc":"2.0","method":5,"params":{"id":1}}',
    "id-object": '{"jsonrpc":"2.0","id":{"a":1},"method":5}',
    "id-fraction": '{"jsonrpc":"2.0","id":1.5,"method":5}',
    "id-of-many-digits": '{"jsonrpc":"2.0","id":DIGITS,"method":5}',
    "id-surrogate": '{"jsonrpc":"2.0","id":"\\ud800","method":"m"}',
    "id-half": '{"jsonrpc":"2.0","id":"a',
    "an-answer": '{"jsonrpc":"2.0","id":1,"result":[DIGITS]}',
    "an-error": '{"jsonrpc":"2.0","id":1,"error":5}',
    "10000-lists": "[" * 10_000,
    "10000-objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
}  # fmt: skip


def read(line: str) -> types.JSONRPCMessage:
    """Read a line of these, with what is too long to write down."""
    return wire.read(line.replace("DIGITS", "9" * 5_000).replace("DEEP", "[" * 9_999 + "]" * 9_999))


@pytest.mark.parametrize(("line", "request_id", "code"), BROKEN.values(), ids=BROKEN)
def test_a_broken_request_is_answered_under_its_id(line: str, request_id: types.RequestId, code: int) -> None:
    with pytest.raises(wire.Unreadable) as raised:
        read(line)

    answer = raised.value.answer
    assert answer is not None
    assert (answer.id, answer.error.code) == (request_id, code)
    assert "99999" not in answer.error.message


@pytest.mark.parametrize("line", UNANSWERABLE.values(), ids=UNANSWERABLE)
def test_what_nobody_could_tell_an_answer_to_has_none(line: str) -> None:
    with pytest.raises(wire.Unreadable) as raised:
        read(line)

    assert raised.value.answer is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud800", "\0"),
        (r"a\udfff\ud800\uDFFF", "a\0\U000103ff"),
        (r"\\ud800\ud800", "\\ud800\0"),
        (r"\ud83e\udd8a\udd8a", "🦊\0"),
    ],
)
def test_a_lone_surrogate_becomes_a_nul(written: str, read: str) -> None:
    message = wire.read(f'{{"jsonrpc":"2.0","id":"é","method":"m","params":{{"text":"{written}"}}}}')

    assert isinstance(message, types.JSONRPCRequest)
    assert (message.id, message.params) == ("é", {"text": read})


@pytest.mark.parametrize("pieces", [3, wire.PIECE_CHARS])
def test_an_answer_is_written_as_text_and_as_it_is(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    monkeypatch.setattr(wire, "PIECE_CHARS", pieces)
    result = wire.result(TEXT, is_error=True).model_dump(by_alias=True, mode="json", exclude_none=True)

    written = list(wire.write(types.JSONRPCResponse(jsonrpc="2.0", id='"1"', result=result)))

    line = b"".join(written).decode()
    assert line.endswith("}\n")
    assert json.loads(line) == {
        "jsonrpc": "2.0",
        "id": '"1"',
        "result": {
            "content": [{"type": "text", "text": TEXT}],
            "structuredContent": json.loads(TEXT),
            "isError": True,
            "resultType": "complete",
        },
    }
    assert f'"structuredContent":{TEXT},' in line


def test_a_long_answer_is_never_written_as_a_whole() -> None:
    text = json.dumps({"text": '"' * 1_000_000})
    result = wire.result(text, is_error=False).model_dump(by_alias=True, mode="json", exclude_none=True)

    written = list(wire.write(types.JSONRPCResponse(jsonrpc="2.0", id=1, result=result)))

    assert max(map(len, written)) <= 3 * wire.PIECE_CHARS
    assert json.loads(b"".join(written))["result"]["content"][0]["text"] == text
