"""The kinds of jobs about records: previews of imports, imports, exports, undos, and what is not kept for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accesscontrol.actor import Actor
from catalog import registry
from catalog.exchange import retention as exported_files
from catalog.exchange import steps, uploads
from catalog.exchange.exporting import export
from catalog.exchange.formats import Format
from catalog.exchange.frame import long_transaction
from catalog.services import retention, undo
from jobs import kinds, schedule
from jobs.kinds import Link
from jobs.models import Job, State
from jobs.progress import Progress


def preview(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will preview an import, and tell no more than numbers: others may see the job."""
    table = registry.get(arguments["table"])
    upload = uploads.find(actor=actor, table=table, token=arguments["upload"])
    found = steps.look(actor=actor, table=table, upload=upload, progress=progress)
    return {
        "table": table.name,
        "rows": found.rows,
        "new": found.new,
        "changed": found.changed,
        "skipped": found.skipped,
        "faulty_rows": found.faulty,
    }


def run_import(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will import a file as it was previewed."""
    table = registry.get(arguments["table"])
    upload = uploads.find(actor=actor, table=table, token=arguments["upload"])
    done = steps.run(
        actor=actor, table=table, upload=upload, plan_token=arguments["plan_token"], progress=progress
    )
    return done.told()


def run_export(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will export what was chosen."""
    options = {**arguments, "table": registry.get(arguments["table"])}
    made = export(actor=actor, progress=progress, **options)
    return {
        "table": made.table,
        "export_file": made.export_file,
        "record_count": made.record_count,
        "size_bytes": made.size_bytes,
        "sha256": made.sha256,
        "columns": arguments["columns"],
        "formulas": "made harmless" if arguments.get("escape_formulas") else "as they are",
    }


def links_of_preview(job: Job) -> list[Link]:
    """This function will return the way to the preview, and back to it where it failed."""
    return [
        Link(_("Open the preview"), _address(job, "import_preview", job.arguments["upload"]), is_main=True)
    ]


def resources_of_import(job: Job) -> dict[str, str]:
    """This function will return where programs find what is known of the file, or undo what was imported."""
    if job.result and "change_id" in job.result:
        return undo_of(job)
    return {"import": reverse("api:import", args=[job.arguments["table"], job.arguments["upload"]])}


def links_of_import(job: Job) -> list[Link]:
    """This function will return the ways to what was imported, to undo it, or back to a preview."""
    if job.state == State.DONE and job.result:
        undo = reverse("admin:undo_change", args=[job.result["change_id"]])
        return [Link(_("Open the table"), _address(job, "changelist")), Link(_("Undo the import"), undo)]
    if job.is_finished:
        preview = _address(job, "import_preview", job.arguments["upload"])
        return [Link(_("Back to the preview"), preview, is_main=True)]
    return []


def resources_of_export(job: Job) -> dict[str, str]:
    """This function will return where programs fetch the file."""
    return {"file": reverse("api:export-file", args=[job.pk])} if job.state == State.DONE else {}


def links_of_export(job: Job) -> list[Link]:
    """This function will return the way to the file."""
    if job.state != State.DONE:
        return []
    return [Link(_("Download the file"), _address(job, "export_file", job.pk), is_main=True)]


def _address(job: Job, page: str, *arguments: Any) -> str:
    meta = registry.get(job.arguments["table"]).model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=arguments)


@kinds.register(
    "expire_trash", repeatable=True, operation="PURGE", title=gettext_noop("Retention of the trash")
)
def expire_trash(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will delete what was in the trash for long."""
    return retention.expire(actor=actor, now=timezone.now(), progress=progress, **arguments)


@kinds.register(
    "expire_exports", repeatable=True, operation="PURGE", title=gettext_noop("Retention of exports")
)
def expire_exports(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will delete the files of exports that have had their time, and uploads that nobody imported."""
    return exported_files.expire(actor=actor, now=timezone.now(), progress=progress, **arguments)


def links_of_undo(job: Job) -> list[Link]:
    """This function will return the way to undo what was undone."""
    if job.state != State.DONE or not job.result:
        return []
    return [Link(_("Undo the undo"), reverse("admin:undo_change", args=[job.result["change_id"]]))]


def undo_of(job: Job) -> dict[str, str]:
    """This function will return where programs undo what the job has changed."""
    if job.state != State.DONE or not job.result:
        return {}
    return {"undo": reverse("api:change-undo", args=[job.result["change_id"]])}


@kinds.register("undo", repeatable=True, title=gettext_noop("Undo"), links=links_of_undo, resources=undo_of)
def run_undo(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will undo a change of many records."""
    with long_transaction(progress):
        change = undo.undo_change(actor=actor, change_id=arguments["change_id"])
        result = {"change_id": str(change.change_id), "records": sum(change.counts)}
        progress.keep(result)
    return result


for _format in get_args(Format):
    kinds.register(
        f"preview_{_format}",
        repeatable=True,
        operation=f"IMPORT_{_format.upper()}",
        title=gettext_noop("Preview of an import"),
        links=links_of_preview,
        resources=resources_of_import,
    )(preview)
    kinds.register(
        f"import_{_format}",
        repeatable=True,
        title=gettext_noop("Import"),
        links=links_of_import,
        resources=resources_of_import,
    )(run_import)
    kinds.register(
        f"export_{_format}",
        repeatable=True,
        title=gettext_noop("Export"),
        links=links_of_export,
        resources=resources_of_export,
    )(run_export)

schedule.declare(
    "Retention of the trash",
    kind="expire_trash",
    crontab="0 4 * * *",
    description="Deletes for good what was in the trash for longer than TRASH_DAYS, where this account may purge.",
)
schedule.declare(
    "Retention of exports",
    kind="expire_exports",
    crontab="15 4 * * *",
    description="Deletes the files of exports that are older than EXPORT_DAYS, and uploads that nobody imported.",
)
