"""Importing and exporting as people do it: a file is brought, mapped, previewed, and imported by a job."""

from __future__ import annotations

from html import unescape
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog import registry
from jobs import running
from jobs.models import Job
from tests.faces.samples import url

AUTHORS = registry.get("authors")
IMPORT = url(AUTHORS, "import")
EXPORT = url(AUTHORS, "export")


def bring(
    client: Client, content: str | bytes, name: str = "authors.csv", *, page: str = IMPORT, **more: Any
) -> Any:
    """Upload a file."""
    data = content.encode() if isinstance(content, str) else content
    return client.post(page, {"resource": "0", "import_file": SimpleUploadedFile(name, data), **more})


def mapped(client: Client, address: str, *columns: str, on_conflict: str = "error", **more: str) -> Any:
    """Say what goes where."""
    fields = {f"to_{place}": column for place, column in enumerate(columns)}
    return client.post(address, {**fields, "on_conflict": on_conflict, **more})


def previewed(
    client: Client, content: str | bytes, *columns: str, name: str = "authors.csv", **terms: str
) -> str:
    """Come as far as the preview, and return its address."""
    answer = mapped(client, bring(client, content, name).url, *columns, **terms)
    assert answer.status_code == 302, text_of(answer)
    return str(answer.url)


def text_of(answer: Any) -> str:
    """Return a page as a person reads it."""
    return unescape(answer.content.decode())


def downloaded(answer: Any) -> bytes:
    """Return the file that was sent."""
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"], text_of(answer)
    return b"".join(answer.streaming_content)


def work(answer: Any) -> Job:
    """Do the job that an answer leads to, and return it."""
    job = Job.objects.get(pk=int(answer.url.split("/")[-3]))
    running.run(job.pk)
    job.refresh_from_db()
    return job
