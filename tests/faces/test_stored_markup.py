"""Markup in every text of every table, of people and of roles: each page that can be reached shows it as text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from html import escape, unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.test import Client
from django.urls import Resolver404, resolve

from catalog import registry
from catalog.table import Table
from tests.faces.addresses import need
from tests.faces.samples import made

pytestmark = pytest.mark.usefixtures("no_navigation")

MARKUP = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
RAW = ("<script>alert(", "<img src=x", "onerror=alert(1)>")
SHOWING = ("changelist", "change", "delete", "history")
EACH = 1  # addresses of one kind that are looked at
LEAVES = ("/admin/logout/", "/download", "/manifest")


def texts(table: Table) -> dict[str, Any]:
    """Return markup for every column that takes any text."""
    found: dict[str, Any] = {}
    for field in table.columns.values():
        if isinstance(field, ArrayField):
            found[field.name] = [MARKUP]
        elif isinstance(field, models.JSONField):
            found[field.name] = {MARKUP: [MARKUP, {"deep": MARKUP}]}
        elif isinstance(field, models.TextField) and not field.flatchoices and field.name != "sha256":
            found[field.name] = MARKUP
    return found


def addresses(page: str, base: str) -> Iterator[str]:
    """Yield every address of ours that a page leads to."""
    for found in re.findall(r'\s(?:href|data-href|data-url)="([^"#]+)', page):
        parts = urlsplit(urljoin(base, unescape(found)))
        if parts.path.startswith("/admin/") and not parts.netloc:
            yield parts.path + (f"?{parts.query}" if parts.query else "")


def kind(address: str) -> str | None:
    """Return what pages of one kind have in common: how they are found, and what they are asked first.

    Of every table those pages are looked at that show records; of the others those of a few tables.
    """
    path, _, query = address.partition("?")
    try:
        name = resolve(path).url_name or ""
    except Resolver404:
        return None
    found = need(name)
    if found and found.table:
        page = name.removeprefix(f"{found.table.model._meta.app_label}_{found.table.model._meta.model_name}_")
        return name if page in SHOWING and not query else f"{page}?{query.partition('=')[0]}"
    return f"{name}?{query.partition('=')[0]}"


@pytest.fixture
def marked(admin: Any, browser: Any) -> Client:
    """A browser of somebody who may see everything, where everything is called as an attacker would call it."""
    for table in registry.all_tables():
        if not table.read_only:
            made(table, **texts(table))
    admin.user.first_name = admin.user.last_name = MARKUP[:30]
    admin.user.email = "x@example.org"
    admin.user.save()
    Group.objects.create(name=MARKUP)
    client: Client = browser(admin)
    client.defaults["HTTP_USER_AGENT"] = MARKUP
    return client


@pytest.mark.long
def test_is_text_on_every_page_that_can_be_reached(marked: Client) -> None:
    seen: dict[str, int] = {}
    waiting, known = deque(["/admin/"]), {"/admin/"}
    wrong, told = [], 0
    while waiting:
        address = waiting.popleft()
        answer = marked.get(address)
        if answer.streaming or not answer["Content-Type"].startswith("text/html"):
            continue
        page = answer.content.decode()
        told += escape(MARKUP) in page
        wrong += [f"{address}: {raw}" for raw in RAW if raw in page]
        if answer.status_code >= 500:
            wrong.append(f"{address}: {answer.status_code}")
        for found in addresses(page, address):
            of = kind(found)
            if (
                of
                and found not in known
                and seen.get(of, 0) < EACH
                and not any(end in found for end in LEAVES)
            ):
                known.add(found)
                seen[of] = seen.get(of, 0) + 1
                waiting.append(found)

    assert wrong == []
    assert told > len(registry.all_tables())
    unseen = [
        table.name
        for table in registry.all_tables()
        if not any(table.model._meta.model_name in of for of in seen)
    ]
    assert unseen == []
