"""Pages in another language, where somebody has translated them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from config import languages

GERMAN = {"": "Content-Type: text/plain; charset=UTF-8\n", "Keyboard shortcuts": "Tastenkürzel"}


def compiled(texts: Mapping[str, str]) -> bytes:
    """Return a catalogue as msgfmt makes it: places of the texts, places of their translations, then both."""
    parts = [text.encode() for text in (*sorted(texts), *(texts[text] for text in sorted(texts)))]
    place, table, strings = 28 + 8 * len(parts), b"", b""
    for part in parts:
        table += struct.pack("<2I", len(part), place + len(strings))
        strings += part + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(texts), 28, 28 + 8 * len(texts), 0, 0) + table + strings


@pytest.fixture
def german(tmp_path: Path, settings: Any) -> Iterator[None]:
    """A catalogue of one text."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(compiled(GERMAN))
    settings.LOCALE_PATHS, settings.LANGUAGES = [tmp_path], languages.found(tmp_path)
    yield
    translation.deactivate()


def test_are_those_that_have_a_catalogue(tmp_path: Path) -> None:
    for code in ("pt_BR", "de", "en"):
        (tmp_path / code / "LC_MESSAGES").mkdir(parents=True)
        (tmp_path / code / "LC_MESSAGES" / "django.mo").touch()
    (tmp_path / "fr" / "LC_MESSAGES").mkdir(parents=True)

    assert languages.found(tmp_path) == [
        ("en", "English"),
        ("de", "Deutsch"),
        ("pt-br", "Português Brasileiro"),
    ]
    assert languages.found(tmp_path / "nowhere") == [("en", "English")]


@pytest.mark.parametrize(
    ("wanted", "language", "shown"),
    [
        ("de-AT,de;q=0.9", "de", "Tastenkürzel"),
        ("fr", "en", "Keyboard shortcuts"),
        ("", "en", "Keyboard shortcuts"),
    ],
)
def test_a_page_is_in_the_language_of_its_reader(
    german: None, browser: Any, admin: Any, wanted: str, language: str, shown: str
) -> None:
    answer = browser(admin).get("/admin/profile/", headers={"accept-language": wanted})

    page = answer.content.decode()
    assert f'<html lang="{language}"' in page
    assert shown in page
    assert "accept-language" in answer.headers["Vary"].lower()
