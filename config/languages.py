"""The languages that the pages can be read in: English, and each that somebody has translated them into."""

from __future__ import annotations

from pathlib import Path

from django.conf.locale import LANG_INFO
from django.utils.translation import to_language


def found(folder: Path) -> list[tuple[str, str]]:
    """This function will return (code, name) of the languages with a compiled catalogue in `folder`, and of English."""
    codes = sorted(to_language(catalogue.parts[-3]) for catalogue in folder.glob("*/LC_MESSAGES/django.mo"))
    return [(code, _name(code)) for code in ("en", *(code for code in codes if code != "en"))]


def _name(code: str) -> str:
    info = LANG_INFO.get(code) or LANG_INFO.get(code.partition("-")[0]) or {}
    return str(info.get("name_local", code))
