"""Every text that people read can be translated: the catalogue extracts clean, and no source has a text beside it."""

from __future__ import annotations

import ast
import io
import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.template.base import Lexer, TokenType

ROOT = Path(settings.BASE_DIR)
PACKAGES = ("accesscontrol", "audit", "backups", "catalog", "config", "jobs", "templates")
MISSING = "no GNU gettext on this machine: `script/bootstrap --system` installs Debian's"
READ_ATTRIBUTES = {"title", "placeholder", "alt", "aria-label", "aria-description", "aria-roledescription"}
NOT_READ = {"script", "style", "kbd", "code", "pre"}  # keys and commands are called what they are
OF_CLASSES = (["bodyclass"], ["coltype"])  # blocks that stand in an attribute
WORD = re.compile(r"[^\W\d_]{2,}")
NAMES = re.compile(r"Database Admin Server|PostgreSQL|sha256|\bUTC\b")  # which are the same in every language
WRITTEN = re.compile(
    r"""(?:textContent|innerText|title|placeholder|ariaLabel|"aria-label")\s*[:=]\s*["'`]([^"'`]*)"""
    r"""|(?:alert|confirm|prompt|setCustomValidity|createTextNode)\(\s*["'`]([^"'`]*)"""
)


@pytest.fixture
def extracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> tuple[str, str]:
    """What `makemessages` says, and the catalogue that it writes, of a copy of all sources."""
    if shutil.which("xgettext") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(MISSING)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    settings.LOCALE_PATHS = [str(tmp_path / "locale")]
    (tmp_path / "locale").mkdir()
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    call_command("makemessages", locale=["de"], stdout=said, stderr=said, verbosity=1)
    return said.getvalue(), (tmp_path / "locale/de/LC_MESSAGES/django.po").read_text()


def test_the_catalogue_extracts_clean(extracted: tuple[str, str]) -> None:
    said, catalogue = extracted

    assert said.split("\n") == ["processing locale de", ""]
    assert re.findall(r"^#, .*fuzzy|^#~", catalogue.partition("\n\n")[2], re.MULTILINE) == []
    messages = re.findall(r"^msgid ((?:\"[^\n]*\"\n)+)", catalogue, re.MULTILINE)
    assert len(messages) > 1000
    assert [
        text for text in messages if text.count("%s") > 1
    ] == []  # whose order a language could not change
    assert '"Welcome, %(name)s"' in catalogue  # of a template
    assert '"Import into %(table)s"' in catalogue  # of a module


def test_no_text_is_put_together_before_it_is_translated() -> None:
    names = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
        and any(isinstance(part, ast.JoinedStr | ast.BinOp) for part in node.args[:2])
    ]

    assert found == []


class Texts(HTMLParser):
    """Collects what a page shows: the texts between tags, and those in attributes that are shown or read out."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag in NOT_READ:
            self._inside.append(tag)
        if tag == "input" and told.get("type") in ("submit", "button", "reset"):
            self.found.append(told.get("value") or "")
        self.found += [value or "" for name, value in attrs if name in READ_ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)


def bare(source: str) -> str:
    """A template's source without its tags, and without the texts that they translate."""
    parts, until = [], None
    for token in Lexer(source).tokenize():
        words = token.contents.split() if token.token_type == TokenType.BLOCK else []
        if until is None and (words[:1] in (["blocktranslate"], ["comment"]) or words[1:2] in OF_CLASSES):
            until = f"end{words[0]}"
        elif words[:1] == [until]:
            until = None
        elif token.token_type == TokenType.TEXT and until is None:
            parts.append(token.contents)
        else:
            parts.append(" ")
    return "".join(parts)


def untranslated(source: str) -> Iterator[str]:
    for text in Texts(bare(source)).found:
        if WORD.search(NAMES.sub("", text)):
            yield " ".join(text.split())


def test_what_a_source_says_by_itself_is_found() -> None:
    source = '<p{% if a %} title="told"{% endif %}>{% translate "kept" %} shown {{ a }}</p><input type=submit value=Go>'

    assert [*untranslated(source)] == ["told", "shown", "Go"]


def test_no_template_says_anything_by_itself() -> None:
    sources = [*(ROOT / "templates").rglob("*.html")]

    found = [
        f"{path.relative_to(ROOT)}: {text}" for path in sources for text in untranslated(path.read_text())
    ]

    assert len(sources) > 80
    assert found == []


def test_no_script_says_anything_by_itself() -> None:
    """Scripts take their texts from the page, where it has translated them."""
    found = [
        f"{path.name}: {text}"
        for path in (ROOT / "static" / "dbadmin").glob("*.js")
        for match in WRITTEN.finditer(path.read_text())
        for text in match.groups()
        if text and WORD.search(re.sub(r"\$\{.*?\}", "", text))
    ]

    assert found == []
