"""The addresses beside those of records, under /api/v1/: what the tables are, changes, versions, files."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from catalog import registry
from catalog.api.changes import PreviewView, UndoView
from catalog.api.exports import ExportFileView, ExportsView, ExportView
from catalog.api.groups import GroupsView
from catalog.api.history import VersionsView
from catalog.api.imports import BroughtView, ImportsView
from catalog.api.structure import ColumnsView, RelationshipsView, TableSchemaView, TablesView
from catalog.api.trashed import PurgeView, RestoreManyView


def urls() -> Iterator[URLPattern]:
    """This function will return the addresses."""
    yield path("schema/", TablesView.as_view(), name="schema")
    yield path("schema/<str:table>/", TableSchemaView.as_view(), name="schema-table")
    yield path("schema/<str:table>/columns/", ColumnsView.as_view(), name="schema-columns")
    yield path("schema/<str:table>/relationships/", RelationshipsView.as_view(), name="schema-relationships")
    yield path("changes/<uuid:change_id>/", PreviewView.as_view(), name="change")
    yield path("changes/<uuid:change_id>/undo/", UndoView.as_view(), name="change-undo")
    yield path("exchange/exports/", ExportsView.as_view(), name="exchange-exports")
    yield path("exchange/exports/<int:job_id>/file/", ExportFileView.as_view(), name="export-file")
    yield path("exchange/imports/", ImportsView.as_view(), name="imports")
    yield path("exchange/imports/<str:table>/<str:token>/", BroughtView.as_view(), name="import")
    for table in registry.all_tables():
        yield path(f"{table.name}/export/", ExportView.as_view(table=table), name=f"{table.name}-export")
        yield path(f"{table.name}/groups/", GroupsView.as_view(table=table), name=f"{table.name}-groups")
        if table.soft_delete:
            many = RestoreManyView.as_view(table=table)
            yield path(f"{table.name}/restore/", many, name=f"{table.name}-restore-many")
            yield path(f"{table.name}/purge/", PurgeView.as_view(table=table), name=f"{table.name}-purge")
        address, name = f"{table.name}/<str:key>/versions/", f"{table.name}-versions"
        yield path(address, VersionsView.as_view(table=table), name=name)
