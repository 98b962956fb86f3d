"""The addresses of jobs, under /api/v1/."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from jobs.api.views import CancelView, JobsView, JobView


def urls() -> Iterator[URLPattern]:
    """This function will return the addresses."""
    yield path("jobs/", JobsView.as_view(), name="jobs")
    yield path("jobs/<int:job_id>/", JobView.as_view(), name="job")
    yield path("jobs/<int:job_id>/cancel/", CancelView.as_view(), name="job-cancel")
