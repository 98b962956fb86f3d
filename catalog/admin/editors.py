"""What the scripts beside a form's areas need to know: which editor an area gets, and the words on it."""

from __future__ import annotations

import json

from django.utils.translation import gettext as _

from catalog.table import AnyField

CONTENT, COUNT = "content", "word_count"  # the text of a record, and how many words it is said to have


def of_texts(column: AnyField) -> dict[str, str]:
    """This function will return what an area for a long text is told: its words are counted."""
    counted = {"words": _("Words:")}
    has_count = any(field.column == COUNT for field in column.model._meta.concrete_fields)
    if column.column == CONTENT and has_count:
        counted["take"] = _("Take over as word count")
    return counted


def of_lists() -> dict[str, str]:
    """This function will return what an area for a list of texts is told."""
    return {"editor": "list", "texts": json.dumps(_of_rows(), ensure_ascii=False)}


def of_objects() -> dict[str, str]:
    """This function will return what an area for a JSON object is told."""
    kinds = {
        "text": _("Text"),
        "number": _("Number"),
        "truth": _("Yes or no"),
        "list": _("List of texts"),
        "nothing": _("Nothing"),
        "json": _("JSON"),
    }
    texts = {
        **_of_rows(),
        "add_entry": _("Add an attribute"),
        "name": _("Name"),
        "kind": _("Kind of value"),
        "value": _("Value"),
        "kinds": kinds,
        "yes": _("Yes"),
        "no": _("No"),
        "nothing_here": _("nothing (null)"),
        "no_number": _("This is no number: write it as 12 or 1.5."),
        "unreadable": _("This can't be shown in rows: it is not an object, or no JSON."),
    }
    return {"editor": "object", "texts": json.dumps(texts, ensure_ascii=False)}


def _of_rows() -> dict[str, str]:
    return {
        "item": _("Item %s"),
        "add": _("Add an item"),
        "up": _("Move up"),
        "down": _("Move down"),
        "remove": _("Remove"),
        "as_text": _("Edit as text"),
        "as_rows": _("Edit in rows"),
        "unreadable": _("This can't be shown in rows: it is no list of texts."),
    }
