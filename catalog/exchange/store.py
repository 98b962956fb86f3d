"""The files of exports: what was exported, and what may be imported."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final

from django.conf import settings

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound, quoted
from accesscontrol.policy import Operation
from catalog.exchange.formats import Format
from catalog.table import Table
from jobs.files import FileStore, NameTaken, NewFile

MAX_TRIES: Final = 60


def files() -> FileStore:
    """This function will return the folder of exports."""
    return FileStore(settings.EXPORT_DIR)


def publish(file: NewFile, table: Table, format: Format) -> str:  # noqa: A002 - what callers call it
    """This function will give a new export its name, which says table and time; return the name."""
    moment = datetime.now(UTC)
    for second in range(MAX_TRIES):
        name = f"export_{table.name}_{moment + timedelta(seconds=second):%Y%m%dT%H%M%SZ}.{format}"
        try:
            file.publish(name)
        except NameTaken:
            continue
        return name
    raise NameTaken(table.name)


def open_for_import(actor: Actor, table: Table, name: str) -> BinaryIO:
    """This function will open an export of a table, or a file that was put beside them as `import_TABLE_….csv`.

    Of no other table: what is wrong with a file is told with its values, to somebody who may not see that table.

    :raises Forbidden: the actor may not read the table
    :raises NotFound: there is no such file
    """
    policy.require(actor, Operation.READ, table)
    pattern = rf"(?:export_{table.name}_\d{{8}}T\d{{6}}Z|import_{table.name}(?:_[0-9-]+)?)\.(?:csv|json)"
    if not (isinstance(name, str) and re.fullmatch(pattern, name, re.ASCII)):
        raise NotFound(
            f"There is no file {quoted(name)!r} for {table.name}.",
            hint=f"Name an export of {table.name}, or a file import_{table.name}_1.csv in the folder of exports.",
            file_name=quoted(name),
        )
    return files().open(name)
