"""The manual's links and pictures: each leads to something, and no picture lies there for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURES = {path.name for path in (ROOT / "docs" / "images").iterdir()}
MAX_PICTURES_BYTES = 2_500_000


def links(document: Path) -> Iterator[tuple[Path, str]]:
    """Yield (file, place in it) of what a document leads to inside the project."""
    for address in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", document.read_text()):
        path, _, place = "".join(address).partition("#")
        if "://" not in path:
            yield (document.parent / path).resolve() if path else document, place


def places(document: Path) -> set[str]:
    """The names of a document's headings, as Markdown makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_and_picture_leads_to_something() -> None:
    found = [(document.name, *link) for document in DOCUMENTS for link in links(document)]

    assert [each for each in found if not each[1].exists()] == []
    assert [each for each in found if each[2] and each[2] not in places(each[1])] == []


def test_every_picture_is_shown_in_each_look_and_they_are_small() -> None:
    shown = {
        path.name for document in DOCUMENTS for path, _ in links(document) if path.parent.name == "images"
    }

    assert shown == PICTURES
    assert {name.replace("-light", "-dark") for name in shown if "-light" in name} == {
        name for name in shown if "-dark" in name
    }
    assert sum((ROOT / "docs" / "images" / name).stat().st_size for name in PICTURES) < MAX_PICTURES_BYTES
