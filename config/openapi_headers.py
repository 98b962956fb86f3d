"""The headers that requests are read for, and those that answers have: what the OpenAPI document says of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from accesscontrol.api.described import Described, Schema

REQUEST: Final[dict[str, Schema]] = {
    "Prefer": {
        "schema": {"type": "string", "examples": ["dry-run", "return=minimal", "dry-run, return=minimal"]},
        "description": "dry-run: answer what it would do, and do nothing. return=minimal: answer without the record.",
    },
    "Idempotency-Key": {
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "pattern": "^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$",
        },
        "description": "A text of your own: a second request with it, within a day, gets the first one's answer.",
    },
    "If-Match": {
        "schema": {"type": "string", "pattern": '^(\\*|"[\\x21\\x23-\\x7e]*")$'},
        "description": "Write only if the record's ETag is this one; else 412.",
    },
    "Plan-Token": {
        "schema": {"type": "string", "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
        "description": "`details.plan_token` of the refusal that gave the plan: you agree to it. It is good once.",
    },
    "If-None-Match": {
        "schema": {"type": "string", "pattern": '^(\\*|"[\\x21\\x23-\\x7e]*")$'},
        "description": "Answer 304 if the ETag is this one still.",
    },
    "Range": {
        "schema": {"type": "string", "examples": ["bytes=1000-", "bytes=0-999", "bytes=-500"]},
        "description": "Send only this part: all but the first 1,000 bytes, only those, the last 500. Else the whole.",
    },
    "If-Range": {
        "schema": {"type": "string", "examples": ['"18eac19543e3c7a6-13dd"']},
        "description": "Send a part only of the file that has this ETag; the whole else.",
    },
}
ANSWER: Final[dict[str, Schema]] = {
    "X-Request-ID": {
        "schema": {"type": "string", "format": "uuid"},
        "description": "The request, as logs and trail know it: your own where you sent a UUID in this header.",
    },
    "RateLimit-Policy": {
        "schema": {"type": "string", "examples": ['"user.read";q=60;w=3600']},
        "description": "The limits that the request counts against: `q` requests in `w` seconds each.",
    },
    "RateLimit": {
        "schema": {"type": "string", "examples": ['"user.read";r=59;t=60']},
        "description": "What is left of each: `r` requests; in `t` seconds all are there again.",
    },
    "Retry-After": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "In how many seconds to ask again.",
    },
    "WWW-Authenticate": {
        "schema": {"type": "string", "examples": ['Bearer realm="api"']},
        "description": "Programs come with a key or a token.",
    },
    "Location": {
        "schema": {"type": "string", "format": "uri"},
        "description": "The address of what was made, or of the job that was begun.",
    },
    "Link": {
        "schema": {
            "type": "string",
            "examples": ['<https://example.org/api/v1/jobs/?cursor=…>; rel="next"'],
        },
        "description": "The addresses of the pages around this one (RFC 8288): first, next, prev.",
    },
    "ETag": {
        "schema": {"type": "string", "pattern": '^"[\\x21\\x23-\\x7e]+"$'},
        "description": "Stands for what is there now: for If-Match, If-None-Match and If-Range.",
    },
    "Change-Id": {
        "schema": {"type": "string", "format": "uuid"},
        "description": "The change that was made, by which it is looked at and undone.",
    },
    "Preference-Applied": {
        "schema": {"type": "string", "examples": ["dry-run", "return=minimal", "dry-run, return=minimal"]},
        "description": "What was heeded of Prefer.",
    },
    "Content-Disposition": {
        "schema": {"type": "string", "examples": ['attachment; filename="backup_20261122T020000Z.sql.gz"']},
        "description": "The name of the file.",
    },
    "Accept-Ranges": {
        "schema": {"type": "string", "enum": ["bytes"]},
        "description": "Parts of the file can be asked for with Range.",
    },
    "Content-Range": {
        "schema": {"type": "string", "examples": ["bytes 0-999/5000", "bytes */5000"]},
        "description": "Which part of the file this is, and how large the whole is.",
    },
    "Repr-Digest": {
        "schema": {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
        "description": "The sha256 of the whole file (RFC 9530).",
    },
}  # beside those of HTTP that say how an answer travels and is kept: Content-Length, Cache-Control, Vary …
_EVERYWHERE: Final = ("X-Request-ID", "RateLimit-Policy?", "RateLimit?")
_REFUSED: Final = {401: ("WWW-Authenticate",), 416: ("Content-Range",), 429: ("Retry-After",)}


def answered(described: Described, status: int) -> dict[str, bool]:
    """This function will return the headers of an answer, and of each whether it is always there."""
    return _sure_or_not(described.sends.get(status, ()))


def refused(status: int) -> dict[str, bool]:
    """This function will return the headers of a refusal, and of each whether it is always there."""
    return _sure_or_not(_REFUSED.get(status, ()))


def _sure_or_not(names: Iterable[str]) -> dict[str, bool]:
    return {name.removesuffix("?"): not name.endswith("?") for name in (*_EVERYWHERE, *names)}
