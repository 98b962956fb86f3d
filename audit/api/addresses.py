"""The addresses of the audit trail, under /api/v1/."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from audit.api.views import EntryView, SummaryView, TrailView


def urls() -> Iterator[URLPattern]:
    """This function will return the addresses."""
    yield path("audit/", TrailView.as_view(), name="audit")
    yield path("audit/summary/", SummaryView.as_view(), name="audit-summary")
    yield path("audit/<int:key>/", EntryView.as_view(), name="audit-entry")
