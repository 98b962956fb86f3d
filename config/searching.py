"""The global search: records by their names, and pages; as a page, and as JSON for the box that Ctrl-K opens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _

from accesscontrol.web import actor_of
from catalog.services import finding
from catalog.services.finding import Hit
from config import navigation

MAX_CHARS = 200
MIN_CHARS = 2  # of a name; one letter begins half of them
MAX_NOTE_CHARS = 40
MAX_PAGES = 8  # beside records; without a text all are listed


@dataclass(frozen=True)
class Item:
    """Something to go to."""

    name: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Things of one kind."""

    name: str
    items: list[Item]


def page(request: HttpRequest) -> HttpResponse:
    """Answer what was searched for."""
    text = " ".join(request.GET.get("q", "").replace("\0", "")[:MAX_CHARS].split())
    context = admin.site.each_context(request)
    found = {
        "records": list(_records(request, text)),
        "pages": list(_pages(context["available_apps"], text)),
    }
    if request.accepts("text/html"):
        extra = {"title": _("Search"), "text": text, "is_short": len(text) < MIN_CHARS}
        return TemplateResponse(request, "admin/search.html", {**context, **extra, **found})
    return JsonResponse({kind: list(map(asdict, groups)) for kind, groups in found.items()})


def _records(request: HttpRequest, text: str) -> Iterator[Group]:
    """The records whose names have the words of the text, by table."""
    if len(text) < MIN_CHARS:
        return
    hits = finding.find(actor=actor_of(request), text=text)
    for table, found in groupby(hits, key=lambda hit: hit.table):
        name = capfirst(str(table.model._meta.verbose_name_plural))
        yield Group(name, [_item(hit) for hit in found])


def _item(hit: Hit) -> Item:
    meta = hit.table.model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[hit.key])
    note = f"#{hit.key}" if not hit.within else f"{Truncator(hit.within).chars(MAX_NOTE_CHARS)} · #{hit.key}"
    return Item(hit.name, address, note)


def _pages(apps: list[dict[str, Any]], text: str) -> Iterator[Group]:
    """The pages whose names have words that begin so."""
    places = [
        Item(_("Welcome"), reverse("admin:index")),
        Item(_("Your profile"), reverse("admin:profile")),
        Item(_("What may I do?"), reverse("admin:rights_why")),
        *([Item(_("Diagram"), reverse("admin:diagram"))] if navigation.has_tables(apps) else []),
    ]
    for app in apps:
        places += [
            Item(one["name"], one["admin_url"], app["name"]) for one in app["models"] if one["admin_url"]
        ]
    makers = [
        Item(_("Add to %(name)s") % {"name": one["name"]}, one["add_url"], app["name"])
        for app in apps
        for one in app["models"]
        if one.get("add_url")
    ]
    words = text.casefold().split()
    for name, items in ((_("Go to"), places), (_("Add"), makers if text else [])):
        found = [item for item in items if _has(item.name, words)]
        if found:
            yield Group(name, found[:MAX_PAGES] if text else found)


def _has(name: str, words: list[str]) -> bool:
    parts = name.casefold().split()
    return all(any(part.startswith(word) for part in parts) for word in words)
