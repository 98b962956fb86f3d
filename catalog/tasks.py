"""The kinds of jobs about files of records: previews of imports, imports and exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from django.utils.translation import gettext_noop

from accesscontrol.actor import Actor
from catalog import registry
from catalog.exchange import steps, uploads
from catalog.exchange.exporting import export
from catalog.exchange.formats import Format
from jobs import kinds
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
    return {
        "table": table.name,
        "imported": done.imported,
        "updated": done.updated,
        "skipped": done.skipped,
        "change_id": str(done.change_id),
    }


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
    }


for _format in get_args(Format):
    _operation = f"IMPORT_{_format.upper()}"
    kinds.register(f"preview_{_format}", operation=_operation, title=gettext_noop("Preview of an import"))(
        preview
    )
    kinds.register(f"import_{_format}", title=gettext_noop("Import"))(run_import)
    kinds.register(f"export_{_format}", title=gettext_noop("Export"))(run_export)
