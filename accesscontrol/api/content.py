"""What comes in and goes out: JSON, taken strictly and written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from accesscontrol import answers
from accesscontrol.actor import Actor
from accesscontrol.answers import Json
from accesscontrol.api import problems
from accesscontrol.errors import InvalidInput, RangeNotSatisfiable, Refused, TooLarge


class JsonParser(BaseParser):
    """Reads a body as RFC 8259 has it: UTF-8, no member twice, no NaN."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value.

        :raises TooLarge: the body has more bytes than DATA_UPLOAD_MAX_MEMORY_SIZE
        :raises InvalidInput: it is no JSON, or such that readers would differ about it
        """
        try:
            body = stream.body if hasattr(stream, "body") else stream.read()
        except RequestDataTooBig as error:
            raise TooLarge(
                "The request's body is too large.", maximum_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            ) from error
        return read(body)


class JsonRenderer(BaseRenderer):
    """Says that answers are JSON; `answer` writes them."""

    media_type = "application/json"
    format = "json"
    charset = None  # JSON is UTF-8

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the bytes of an answer."""
        return b"" if data is None else write(data)


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """This function will return an answer: `Json`, an object whose members may be such, or None without a body."""
    if data is None:
        response = HttpResponse(status=status, headers=headers)
        del response["Content-Type"]
        return response
    return _with_body(write(data), "application/json", status, headers)


def refuse(refusal: Refused, actor: Actor) -> HttpResponse:
    """This function will return the answer to a refused request, in the form of problems whatever it accepts."""
    body = answers.write_error(problems.problem_of(refusal, actor))
    headers = None
    if isinstance(refusal, RangeNotSatisfiable):
        headers = {"Content-Range": f"bytes */{refusal.details['size_bytes']}"}
    return _with_body(_bytes(body), problems.MEDIA_TYPE, refusal.status, headers)


def _with_body(
    body: bytes, media_type: str, status: int, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(
        body, media_type, status, headers={**(headers or {}), "Content-Length": str(len(body))}
    )


def write(data: Any) -> bytes:
    """This function will return the bytes of an answer."""
    return _bytes(data.text if isinstance(data, Json) else answers.write(data))


def _bytes(text: str) -> bytes:
    """UTF-8; half a character, which a caller may have sent, is written as JSON's escape."""
    return text.encode("utf-8", "backslashreplace")


def read(body: bytes) -> Any:
    """This function will return the value of a JSON text.

    :raises InvalidInput: it is none, a member is named twice, or it is nested deeper than Python reads
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The body is not UTF-8: byte {error.start} can't be read.") from error
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            line=error.lineno,
            column=error.colno,
        ) from error
    except RecursionError as error:
        raise InvalidInput("The body is nested too deeply.") from error
    except ValueError as error:  # an integer of more digits than Python reads
        raise InvalidInput(f"The body has a number that can't be read: {str(error)[:80]}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"The body names {twice[:80]!r} twice in one object.", member=twice[:80])
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidInput(f"The body has {name}, which JSON does not know.")
