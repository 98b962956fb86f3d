"""Where a page ended, as a signed text: the cursor of the next page.

A cursor belongs to its caller and its query, and expires after a day, or when the whole catalog is restored.
"""

from __future__ import annotations

import json
import time
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from hmac import compare_digest
from hmac import digest as hmac
from typing import Any, Final

from accesscontrol import secret_keys
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from audit import epochs

GOOD_FOR = timedelta(hours=24)
MAX_CHARS = 20_000
_LONG = 200  # characters; what is shorter packs to nearly the same
_PURPOSE: Final = "cursors"
_write = json.JSONEncoder(sort_keys=True, default=str).encode
_compact = json.JSONEncoder(separators=(",", ":")).encode


def seal(actor: Actor, query: Sequence[object], last: Sequence[Any]) -> str:
    """This function will return the cursor of a page that ended with a row whose order columns are `last`."""
    return _signed([actor.username, _digest(query), list(last), time.time()])


def unseal(actor: Actor, query: Sequence[object], cursor: object) -> list[Any]:
    """This function will return what `seal` was given as `last`.

    :raises InvalidInput: no cursor of ours, too old, another caller's, or of another query
    :raises Conflict: the catalog was restored since
    """
    last, sealed_at = opened(actor, query, cursor)
    epochs.require_same(sealed_at, "The cursor")
    return last


def opened(actor: Actor, query: Sequence[object], cursor: object) -> tuple[list[Any], datetime]:
    """This function will return what `seal` was given as `last`, and when: it is good if no epoch began since.

    :raises InvalidInput: no cursor of ours, too old, another caller's, or of another query
    """
    if not isinstance(cursor, str) or len(cursor) > MAX_CHARS:
        raise _invalid("is not one that a page has given")
    try:
        username, digest, last, sealed_at = _content(cursor)
    except ValueError as error:
        raise _invalid("is not one that a page has given") from error
    if time.time() - sealed_at > GOOD_FOR.total_seconds():
        raise _invalid("has expired")
    if username != actor.username or digest != _digest(query):
        raise _invalid("belongs to another query: keep what is asked for as it was, but for the limit")
    return list(last), datetime.fromtimestamp(sealed_at, UTC)


def _signed(content: Sequence[Any]) -> str:
    """A JSON value as `BASE64.SIGNATURE`, packed where it is long."""
    data = _compact(content).encode()
    if len(data) > _LONG:
        data = zlib.compress(data)
    text = urlsafe_b64encode(data).rstrip(b"=")
    return f"{text.decode()}.{hmac(secret_keys.derived(_PURPOSE)[0], text, sha256).hex()}"


def _content(cursor: str) -> Any:
    """What was signed.

    :raises ValueError: nothing that we did sign
    """
    text, _, signature = cursor.encode().rpartition(b".")
    made = [hmac(key, text, sha256).hex().encode() for key in secret_keys.derived(_PURPOSE)]
    if not any(compare_digest(signature, one) for one in made):
        raise ValueError("the signature is not ours")
    data = urlsafe_b64decode(text + b"==")  # more than it takes is as good
    return json.loads(data if data.startswith(b"[") else zlib.decompress(data))


def _digest(query: Sequence[object]) -> str:
    text = _write(query)
    return blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _invalid(problem: str) -> InvalidInput:
    return InvalidInput(f"The cursor {problem}.", hint="Start again without a cursor.", argument="cursor")
