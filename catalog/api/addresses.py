"""The addresses of the catalog's records, under /api/v1/: one line per table, whatever the table."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from catalog import registry
from catalog.api.account import AccountView
from catalog.api.collections import CollectionView
from catalog.api.records import RecordView, RestoreView
from catalog.table import Table


def urls() -> Iterator[URLPattern]:
    """This function will return the addresses of every table, and what one may do with them."""
    yield path("me/", AccountView.as_view(), name="me")
    for table in registry.all_tables():
        yield from _of(table)


def _of(table: Table) -> Iterator[URLPattern]:
    """The addresses below a table's own."""
    name = table.name
    yield path(f"{name}/", CollectionView.as_view(table=table), name=f"{name}-list")
    yield path(f"{name}/<str:key>/", RecordView.as_view(table=table), name=f"{name}-record")
    if table.soft_delete:
        yield path(f"{name}/<str:key>/restore/", RestoreView.as_view(table=table), name=f"{name}-restore")
