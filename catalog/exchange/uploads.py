"""Files that people bring to import: kept for a day, for nobody but who brought them, and out of reach of agents."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final

from django.conf import settings

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, NotFound
from catalog.exchange import store
from catalog.exchange.formats import Format
from catalog.exchange.reading import Content
from catalog.table import Table
from jobs.files import FileStore, NameTaken
from jobs.progress import SILENT

KEPT_FOR: Final = timedelta(days=1)
MAX_KEPT: Final = 5  # for one person
MAX_NAME_CHARS: Final = 200

_ENDINGS: Final[dict[str, Format]] = {
    "csv": "csv", "tsv": "csv", "txt": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "xlsx": "xlsx",
}  # fmt: skip
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Upload:
    """A file that somebody brought for a table."""

    base: str
    token: str
    format: Format
    file_name: str  # as the person's machine calls it
    size_bytes: int
    sha256: str = ""  # of what has just been brought

    def open(self) -> BinaryIO:
        """This function will open the file for reading.

        :raises NotFound: it is gone
        """
        return _files().open(f"{self.base}.data")

    def note(self, what: str, data: Mapping[str, Any]) -> None:
        """This function will keep something beside the file, in place of what was kept there."""
        name = f"{self.base}.{what}"
        with _files().create() as file:
            file.write(json.dumps(data).encode())
            while True:
                _files().delete(name)
                with contextlib.suppress(NameTaken):  # by who does the same in another window
                    file.publish(name)
                    return

    def noted(self, what: str) -> dict[str, Any] | None:
        """This function will return what was kept beside the file, or None."""
        return _read(f"{self.base}.{what}")

    def drop(self, what: str) -> None:
        """This function will forget what was kept beside the file."""
        _files().delete(f"{self.base}.{what}")


def keep(
    *,
    actor: Actor,
    table: Table,
    file_name: str,
    source: BinaryIO,
    now: datetime,
    format: Format | None = None,  # noqa: A002 - what callers call it
) -> Upload:
    """This function will keep a file that somebody brings, and forget what was brought more than a day ago.

    Without a `format` the end of its name says it.

    :raises InvalidInput: its name says no format that we read, it is no UTF-8, or it is empty
    :raises LimitExceeded: it is larger than IMPORT_MAX_UPLOAD_MB
    :raises StoreFailed: the disk is full, or fails
    """
    format_ = format or _format_of(file_name)
    forget_all(left_before(now - KEPT_FOR))
    _make_room(actor)
    token = secrets.token_hex(16)
    base = _base(actor, table, token)
    content = Content(source, SILENT, settings.IMPORT_MAX_UPLOAD_MB)
    with _files().create() as file:
        for block in content.raw() if format_ == "xlsx" else content.blocks():
            file.write(block)
        file.publish(f"{base}.data")
    sha256 = content.digest.hexdigest()
    upload = Upload(base, token, format_, file_name[:MAX_NAME_CHARS], content.size, sha256)
    upload.note("about", {"format": format_, "file_name": upload.file_name, "size_bytes": upload.size_bytes})
    return upload


def find(*, actor: Actor, table: Table, token: str) -> Upload:
    """This function will return a file that the actor brought for a table.

    :raises NotFound: there is none, or it is somebody else's
    """
    if not _TOKEN.fullmatch(token):
        raise _gone()
    base = _base(actor, table, token)
    about = _read(f"{base}.about")
    if about is None:
        raise _gone()
    return Upload(base, token, about["format"], about["file_name"], about["size_bytes"])


def forget(upload: Upload) -> None:
    """This function will delete a file with all that was kept beside it."""
    _delete_all(upload.base)


def left_before(moment: datetime) -> list[str]:
    """This function will return by what names files are kept that were brought before a moment, to be forgotten."""
    files = _files()
    found: dict[str, None] = {}
    for name in files.names():
        with contextlib.suppress(NotFound):  # somebody else was faster
            if files.modified(name) < moment:
                found[name.rpartition(".")[0]] = None
    return list(found)


def forget_all(names: Iterable[str]) -> None:
    """This function will delete files with all that was kept beside them, and what interrupted uploads have left."""
    for base in names:
        _delete_all(base)
    _files().sweep()


def _format_of(file_name: str) -> Format:
    ending = file_name.rpartition(".")[2].lower()
    if ending not in _ENDINGS:
        raise InvalidInput(
            "What kind of file it is must show at the end of its name: .csv, .tsv, .json, .jsonl or .xlsx.",
            hint="Save an old workbook (.xls, .ods) as .xlsx or .csv first.",
            allowed=list(_ENDINGS),
        )
    return _ENDINGS[ending]


def _base(actor: Actor, table: Table, token: str) -> str:
    if actor.user is None:
        raise _gone()
    return f"{table.name}.{actor.user.pk}.{token}"


def _read(name: str) -> dict[str, Any] | None:
    try:
        with _files().open(name) as file:
            found: dict[str, Any] = json.load(file)
    except NotFound:
        return None
    return found


def _make_room(actor: Actor) -> None:
    """Forget somebody's oldest files, so that there is room for one more."""
    files = _files()
    mine = rf"\w+\.{actor.user.pk if actor.user else 0}\.[0-9a-f]{{32}}"
    found = [name for name in files.names() if re.fullmatch(rf"{mine}\.about", name)]
    for about in sorted(found, key=files.modified)[: max(0, len(found) - MAX_KEPT + 1)]:
        _delete_all(about.removesuffix(".about"))


def _delete_all(base: str) -> None:
    for name in _files().names():
        if name.startswith(f"{base}."):
            _files().delete(name)


def _files() -> FileStore:
    return store.files().below("uploads")


def _gone() -> NotFound:
    return NotFound("This file is not there any more.", hint="Upload it again: files are kept for a day.")
