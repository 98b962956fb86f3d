"""The diagram of the tables: an SVG of the live catalog, the way between two tables, and the same as a list."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accesscontrol.errors import Refused
from accesscontrol.web import actor_of
from catalog.admin import diagram_layout
from catalog.admin.diagram_layout import Box, Layout
from catalog.services import diagram
from catalog.services.diagram import Diagram, Edge, Node

START, END = "from", "to"
MAX_NAME_CHARS: Final = 26  # as many as a box is wide


class DiagramPage:
    """The page of the diagram."""

    def __init__(self, site: AdminSite) -> None:
        self._site: Any = site

    def urls(self) -> list[URLPattern]:
        """This function will return the address, to be put under `diagram/`."""
        found: URLPattern = path("", self._site.admin_view(self.page), name="diagram")
        return [found]

    def page(self, request: HttpRequest) -> HttpResponse:
        """Show the tables that the person may read, and the way between two of them where it is asked for."""
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        try:
            found = diagram.get_diagram(actor=actor_of(request))
        except Refused as refusal:
            self._site.record_refusal(request, refusal, operation="GET_RELATIONSHIPS", table=None)
            refused: HttpResponse = self._site.refused_page(request, refusal)
            return refused
        names = [node.table.name for node in found.nodes]
        layout = diagram_layout.arrange(names, [(edge.table, edge.references) for edge in found.edges])
        start, end = request.GET.get(START, ""), request.GET.get(END, "")
        way = diagram.path(found.edges, start, end) if {start, end} <= set(names) else None
        on_way = {name for edge in way or () for name in (edge.table, edge.references)}
        context = {
            **self._site.each_context(request),
            "title": _("Diagram of the tables"),
            "layout": layout,
            "nodes": [_node(node, layout.boxes[node.table.name], found, on_way) for node in found.nodes],
            "lines": _lines(layout, found.edges, way or []),
            "labels": (labels := {node.table.name: _label(node) for node in found.nodes}),
            "start": start if start in labels else "",
            "end": end if end in labels else "",
            "steps": None if way is None else [_step(edge, labels) for edge in way],
            "is_asked": bool(start and end),
            "listed": [_listed(node, found, labels) for node in found.nodes],
            "box": {"width": diagram_layout.WIDTH, "height": diagram_layout.HEIGHT},
        }
        return TemplateResponse(request, "admin/diagram.html", context)


def _node(node: Node, box: Box, found: Diagram, on_way: set[str]) -> dict[str, Any]:
    """A table as the drawing shows it."""
    table = node.table
    name = _label(node)
    return {
        "name": table.name,
        "label": name if len(name) <= MAX_NAME_CHARS else f"{name[: MAX_NAME_CHARS - 1]}…",
        "full_label": name,
        "rows": node.row_estimate,
        "column_count": len(table.columns),
        "refers_to_itself": any(edge.table == edge.references == table.name for edge in found.edges),
        "is_junction": table.junction,
        "is_on_way": table.name in on_way,
        "url": _url(node),
        "x": box.x,
        "y": box.y,
    }


def _lines(layout: Layout, edges: list[Edge], way: list[Edge]) -> list[dict[str, Any]]:
    """The lines, one between two tables however many columns refer."""
    on_way = {(edge.table, edge.references) for edge in way}
    return [
        {
            "table": table,
            "references": references,
            "path": line,
            "columns": ", ".join(e.column for e in edges if (e.table, e.references) == (table, references)),
            "is_on_way": (table, references) in on_way,
        }
        for (table, references), line in layout.lines.items()
    ]


def _listed(node: Node, found: Diagram, labels: dict[str, str]) -> dict[str, Any]:
    """A table as the list tells it."""
    name = node.table.name
    return {
        "name": name,
        "label": _label(node),
        "url": _url(node),
        "outgoing": [(e.column, e.references, labels[e.references]) for e in found.edges if e.table == name],
        "incoming": [(e.column, e.table, labels[e.table]) for e in found.edges if e.references == name],
    }


def _step(edge: Edge, labels: dict[str, str]) -> dict[str, str]:
    return {
        "table": labels[edge.table],
        "column": f"{edge.table}.{edge.column}",
        "references": labels[edge.references],
    }


def _label(node: Node) -> str:
    return capfirst(str(node.table.model._meta.verbose_name_plural))


def _url(node: Node) -> str:
    meta = node.table.model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
