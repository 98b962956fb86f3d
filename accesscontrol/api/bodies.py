"""What requests bring beside JSON: nothing at all, or a file, read as it comes and never more than there may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, Final, cast

from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework.request import Request

from accesscontrol.api.parameters import given_in
from accesscontrol.errors import InvalidInput, LengthRequired, Refused, TooLarge, UnsupportedContent, quoted

BLOCK_BYTES: Final = 1 << 16
FORM_BYTES: Final = 1 << 20  # what a form has beside its file

_FORM: Final = "multipart/form-data"
_FILE_NAME: Final = re.compile(r'filename="([^"\\/\x00-\x1f]{1,200})"')


@dataclass(frozen=True)
class Brought:
    """A file that a request brings, with what it says of it."""

    file: BinaryIO
    name: str  # "" where nobody says
    media_type: str
    fields: Mapping[str, str]  # of its form
    others: Mapping[str, BinaryIO]  # that come along


class Incoming:
    """The body of a request as a file that is read once."""

    def __init__(self, request: HttpRequest, most: int) -> None:
        # Django knows no body without a length; the server ends it where it ends.
        in_chunks = is_in_chunks(request)
        self._source: Any = request.META["wsgi.input"] if in_chunks else request
        self._expected = None if in_chunks else length_of(request)
        self._most, self._size = most, 0

    def read(self, size: int = -1) -> bytes:
        """This function will return some more of the body, b"" at its end.

        :raises TooLarge: there is more of it than there may be
        :raises InvalidInput: it ends early
        """
        try:
            block: bytes = self._source.read(self._most + 1 if size < 0 else size)
        except OSError as error:  # UnreadablePostError is one
            raise _broken() from error
        self._size += len(block)
        if self._size > self._most:
            raise _too_large(self._most)
        if not block and self._expected is not None and self._size < self._expected:
            raise _broken()
        return block


def is_in_chunks(request: HttpRequest) -> bool:
    """This function will say whether a body comes in chunks, and so without its length.

    :raises LengthRequired: it does, and this server does not read such
    """
    if "HTTP_TRANSFER_ENCODING" not in request.META:
        return False
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequired
    return True


def collect(request: HttpRequest, most: int) -> None:
    """This function will let a body that comes in chunks be read as one whose length is known.

    :raises TooLarge: there is more of it than there may be
    :raises InvalidInput: it ends early
    """
    if is_in_chunks(request):
        body = b"".join(iter(partial(Incoming(request, most).read, BLOCK_BYTES), b""))
        request.META["CONTENT_LENGTH"] = str(len(body))
        request._stream = BytesIO(body)  # noqa: SLF001 - what Django reads


def require_none(request: Request) -> None:
    """This function will do nothing where a request has no body, or an empty object.

    :raises InvalidInput: it says something that nobody reads
    """
    if not isinstance(request.data, dict) or request.data:
        raise InvalidInput("This takes no body.", hint="Leave it out.")


def require_readable(request: HttpRequest) -> None:
    """This function will do nothing where a body is sent as it is.

    :raises UnsupportedContent: it is packed
    """
    coding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
    if coding != "identity":
        raise UnsupportedContent("Packed bodies are not read.", hint="Leave Content-Encoding out.")


def require_within(request: HttpRequest, most: int) -> None:
    """This function will do nothing where a request says that its body is no larger than it may be.

    :raises TooLarge: it is
    """
    if length_of(request) > most:
        raise _too_large(most)


def length_of(request: HttpRequest) -> int:
    """This function will return how many bytes the body has, as the request says."""
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isascii() and text.isdecimal() else 0


def brought(request: HttpRequest, media_types: Mapping[str, str], most: int) -> Brought:
    """This function will return the file of a request: its body, or the part `file` of its form.

    :raises UnsupportedContent: it is of no type that is taken here, `media_types`
    :raises InvalidInput: the form has no file, or can't be read
    :raises TooLarge: it is larger than it may be
    """
    media_type = (request.content_type or "").lower()
    if media_type == _FORM:
        if is_in_chunks(request):  # a form is read by its length
            raise LengthRequired
        return _of_form(request, media_types)
    if media_type not in media_types:
        raise UnsupportedContent(
            f"A file of type {quoted(media_type)!r} is not taken here.", allowed=[*media_types, _FORM]
        )
    named = _FILE_NAME.search(request.META.get("HTTP_CONTENT_DISPOSITION", ""))
    file = cast("BinaryIO", Incoming(request, most))
    return Brought(file, named[1] if named else "", media_type, {}, {})


def refusal_of(error: Exception) -> Refused | None:
    """This function will return what the framework says of a body that can't be read, as one of our refusals."""
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, DisallowedHost):
        return InvalidInput("This server has another name.", hint="Mind the header Host.", header="Host")
    if isinstance(error, MultiPartParserError | SuspiciousOperation):
        return InvalidInput("The request's body can't be read.")
    return _broken() if isinstance(error, UnreadablePostError) else None


def _of_form(request: HttpRequest, media_types: Mapping[str, str]) -> Brought:
    fields = given_in(request.POST)
    files: dict[str, Any] = request.FILES.dict()
    file = files.pop("file", None)
    if file is None:
        raise InvalidInput("The form has no file: give it as the part `file`.", argument="file")
    media_type = file.content_type if file.content_type in media_types else ""
    others = {name: cast("BinaryIO", other.file) for name, other in files.items()}
    return Brought(cast("BinaryIO", file.file), file.name or "", media_type, fields, others)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The request's body has more than {most:,} bytes.", maximum_bytes=most)


def _broken() -> InvalidInput:
    return InvalidInput("The request's body ended before all of it came.", hint="Send it again.")
