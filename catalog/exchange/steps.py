"""An import in steps, for people: a file is brought, its terms are chosen, it is previewed, and then imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, NotFound
from audit.answers import Once
from catalog.exchange import previewing, uploads
from catalog.exchange.importing import Imported, import_records
from catalog.exchange.order import Order
from catalog.exchange.previewing import ImportPreview
from catalog.exchange.uploads import Upload
from catalog.table import Table
from jobs import services as jobs
from jobs.models import Job
from jobs.progress import SILENT, Progress

AT_ONCE_BYTES: Final = {"csv": 4_000_000, "json": 4_000_000, "xlsx": 500_000}  # what a page can wait for

_TERMS, _PREVIEW = "terms", "preview"


def choose(*, actor: Actor, table: Table, upload: Upload, terms: Mapping[str, Any]) -> None:
    """This function will keep on what terms a file is to be imported: the arguments of an `Order`.

    :raises Forbidden: the actor may not import on such terms
    :raises InvalidInput: there are no such terms
    """
    Order(actor, table, upload.format, **terms).require_allowed()
    upload.drop(_PREVIEW)
    upload.note(_TERMS, terms)


def chosen(upload: Upload) -> dict[str, Any] | None:
    """This function will return the terms that were chosen for a file, if any."""
    return upload.noted(_TERMS)


def look(*, actor: Actor, table: Table, upload: Upload, progress: Progress = SILENT) -> ImportPreview:
    """This function will preview an import, and keep what it found beside the file.

    :raises NotFound: no terms were chosen
    :raises Refused: whatever `preview` raises
    """
    with upload.open() as source:
        found = previewing.preview(order=_order(actor, table, upload), source=source, progress=progress)
    upload.note(_PREVIEW, asdict(found))
    return found


def found(*, actor: Actor, table: Table, upload: Upload) -> dict[str, Any] | None:
    """This function will return what a preview found, as far as the actor may see it now; None before there is one."""
    kept = upload.noted(_PREVIEW)
    return None if kept is None else previewing.visible(kept, _order(actor, table, upload).seen)


def start_look(*, actor: Actor, table: Table, upload: Upload, once: Once | None = None) -> Job | None:
    """This function will preview an import: at once and without a job where it takes a moment.

    :raises Refused: whatever `preview` raises
    """
    if upload.size_bytes <= AT_ONCE_BYTES[upload.format]:
        look(actor=actor, table=table, upload=upload)
        return None
    return _enqueue("preview", actor, table, upload, once)


def start(*, actor: Actor, table: Table, upload: Upload) -> Job:
    """This function will have a file imported whose preview found nothing wrong.

    :raises Forbidden: the actor may not import on the terms chosen
    :raises InvalidInput: it was not previewed, or something is wrong with it
    """
    _order(actor, table, upload).require_allowed()
    kept = upload.noted(_PREVIEW)
    if kept is None or kept["plan_token"] is None:
        raise InvalidInput("Look at a preview without faults first.", table=table.name)
    return _enqueue("import", actor, table, upload, None, plan_token=kept["plan_token"])


def start_agreed(
    *, actor: Actor, table: Table, upload: Upload, plan_token: str | None, once: Once | None = None
) -> Job:
    """This function will have a file imported by somebody who has agreed to its plan, or is freed from plans.

    :raises Forbidden: the actor may not import on the terms chosen
    """
    _order(actor, table, upload).require_allowed()
    return _enqueue("import", actor, table, upload, once, plan_token=plan_token)


def run(
    *, actor: Actor, table: Table, upload: Upload, plan_token: str | None, progress: Progress
) -> Imported:
    """This function will import a file as it was previewed, and forget the file.

    :raises ConfirmationRequired: what the preview counted has changed since, or it is too old
    :raises Refused: whatever `import_records` raises; of the file's values it tells nothing
    """
    order = _order(actor, table, upload)
    with upload.open() as source:
        try:
            done = import_records(
                actor=actor,
                table=table,
                format=upload.format,
                source=source,
                on_conflict=order.on_conflict,
                has_headers=order.has_headers,
                delimiter=order.delimiter,
                mapping=order.mapping,
                match=order.match,
                plan_token=plan_token,
                progress=progress,
            )
        except InvalidInput as refusal:
            if "errors" not in refusal.details:
                raise
            raise InvalidInput(
                f"By now the file has {refusal.details['error_count']:,} faults, and nothing was imported.",
                hint="Preview it again: the table has changed meanwhile.",
                table=table.name,
            ) from refusal
    uploads.forget(upload)
    return done


def job_of(*, actor: Actor, upload: Upload) -> Job | None:
    """This function will return the last job about a file."""
    mine = jobs.seen_by(actor).filter(user=actor.user, arguments__upload=upload.token)
    return mine.first()


def _order(actor: Actor, table: Table, upload: Upload) -> Order:
    terms = chosen(upload)
    if terms is None:
        raise NotFound("Nobody has said yet which column of this file goes where.")
    return Order(actor, table, upload.format, **terms)


def _enqueue(
    what: str, actor: Actor, table: Table, upload: Upload, once: Once | None, **more: str | None
) -> Job:
    arguments = {"table": table.name, "upload": upload.token, "file_name": upload.file_name, **more}
    return jobs.enqueue(actor=actor, kind=f"{what}_{upload.format}", arguments=arguments, once=once)
