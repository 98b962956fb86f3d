"""What programs are shown of a file to be imported: what was found in it, its faults, and its plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.urls import reverse
from rest_framework.request import Request

from accesscontrol.actor import Actor
from accesscontrol.errors import ConfirmationRequired, InvalidInput, NotFound
from catalog.exchange import steps
from catalog.exchange.previewing import ImportPreview
from catalog.exchange.uploads import Upload
from catalog.services.wording import counted
from catalog.table import Table

FAULTS_TOLD: Final = 100  # in a refusal; the rest are at the file's own address
_HINT: Final = "Mend the file and bring it again; the address `import` lists up to 10,000 faults."


@dataclass(frozen=True)
class ImportShown:
    """A file that was brought, and what was found in it."""

    table: str
    format: Literal["csv", "json", "xlsx"]
    file_name: str
    size_bytes: int
    terms: dict[str, Any] | None
    preview: ImportPreview | None
    links: dict[str, str] = field(default_factory=dict)


def told(request: Request, actor: Actor, table: Table, upload: Upload) -> ImportShown:
    """This function will return a file that was brought, and what was found in it as far as the actor may see it.

    :raises NotFound: it was imported, or forgotten
    """
    found = steps.found(actor=actor, table=table, upload=upload)
    job = steps.job_of(actor=actor, upload=upload)
    paths = {"self": reverse("api:import", args=[table.name, upload.token])}
    if job is not None:
        paths["job"] = reverse("api:job", args=[job.pk])
    return ImportShown(
        table=table.name,
        format=upload.format,
        file_name=upload.file_name,
        size_bytes=upload.size_bytes,
        terms=steps.chosen(upload),
        preview=None if found is None else ImportPreview(**found),
        links={name: request.build_absolute_uri(path) for name, path in paths.items()},
    )


def require_sound(found: ImportShown) -> None:
    """This function will do nothing where nothing is wrong with a file.

    :raises InvalidInput: rows are at fault; `details.errors` lists them
    """
    preview = found.preview
    if preview is None or not preview.fault_count:
        return
    errors = preview.faults[:FAULTS_TOLD]
    first = f" Row {errors[0]['row']}: {errors[0]['message']}" if errors else ""
    raise InvalidInput(
        f"{counted(preview.fault_count, 'fault', 'faults')} in the file, and nothing was imported.{first}",
        hint=_HINT,
        table=found.table,
        errors=errors,
        error_count=preview.fault_count,
        **{"import": found.links["self"]},
    )


def confirmation(found: ImportShown) -> ConfirmationRequired:
    """This function will return what asks whoever brought a file whether its plan is what they want."""
    preview = found.preview
    if preview is None:
        raise NotFound("This file is not there any more.", hint="Bring it again.")
    plan = {
        "table": found.table,
        "rows": preview.rows,
        "imported": preview.new,
        "updated": preview.changed,
        "skipped": preview.skipped,
        "new_rows": preview.new_rows,
        "changed_rows": preview.changed_rows,
    }
    return ConfirmationRequired(
        hint="Read the plan. If it is what is wanted, POST to the address `import`, or make the same request again,"
        " with this plan_token as the header Plan-Token. It is good once.",
        plan=plan,
        plan_token=preview.plan_token,
        expires_at=preview.expires_at,
        **{"import": found.links["self"]},
    )
