"""Looking at a page: what is wrong with it in each look, as it comes and with everything open that opens by a click."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ElementHandle, JSHandle, Page, ViewportSize

SCRIPT = AXE_SCRIPT + Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}

NO_STYLES = {"preload": False}  # axe would read style sheets into the page, which our policy forbids
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, **NO_STYLES}
COLOURS = ["color-contrast", "link-in-text-block"]
RULES_ON_COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": COLOURS}, **NO_STYLES}
SIZES = ["target-size", "scrollable-region-focusable"]
RULES_ON_SIZES: dict[str, Any] = {"runOnly": {"type": "rule", "values": [*SIZES, *COLOURS]}, **NO_STYLES}

SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


@dataclass
class Known:
    """What need not be looked at again.

    Colours that are good together; and what opens, or stands around the main part of a page, by the window's width.
    """

    colours: set[str] = field(default_factory=set)
    kinds: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))


def violations(page: Page, known: Known, parts: JSHandle | None = None) -> list[str]:
    """Return what axe finds wrong with the page as it is, or with parts of it."""
    return _ask(page, known, "wrong", RULES, parts)


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window, once its style sheets are there."""
    page.wait_for_load_state()
    by: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return by


def too_wide(page: Page) -> list[str]:
    """Say by how much the page is wider than the window, if it is."""
    by = overflow(page)
    return [f"{by} pixels wider than the window"] if by > 0 else []


def moved(page: Page) -> list[str]:
    """Say what moved on the page since it came, before anybody typed or clicked."""
    page.wait_for_load_state()
    page.evaluate(SETTLED)
    found: list[str] = page.evaluate("looks.moved")
    return found


def looks(page: Page, known: Known) -> Iterator[tuple[str, list[str]]]:
    """Show the page in a wide window, and in a narrow one; yield what is wrong with it there.

    In the narrow one only what came in sight is asked for everything; the rest, in the dark, for what depends on that
    and on the width.
    """
    _show(page, WIDE)
    yield "wide", faults(page, known)
    before = page.evaluate_handle("new Set(looks.shown())")
    _show(page, NARROW)
    _dress(page, "dark")
    found = [f"dark: {fault}" for fault in _ask(page, known, "wrong", RULES_ON_SIZES, None)] + too_wide(page)
    _dress(page, "light")
    kinds = known.kinds[NARROW["width"]]
    came = page.evaluate_handle("([before, kinds]) => looks.cameAnew(before, kinds)", [before, list(kinds)])
    if came.evaluate("(came) => came.length"):
        kinds.update(came.evaluate("(came) => looks.kindsOfParts(came)"))
        found += faults(page, known, came)
    yield "narrow", found


def one_look(page: Page, known: Known, size: ViewportSize) -> tuple[str, list[str]]:
    """Return what is wrong with the page, wide and light or narrow and dark; of the other, whether it fits."""
    is_wide = size == WIDE
    _show(page, NARROW if is_wide else WIDE)
    found = too_wide(page)
    _show(page, size)
    _dress(page, "light" if is_wide else "dark")
    return "wide" if is_wide else "narrow and dark", [*found, *faults(page, known)]


def _dress(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.evaluate(SETTLED)


def _show(page: Page, size: ViewportSize) -> None:
    if page.viewport_size != size:
        page.set_viewport_size(size)
        page.evaluate(SETTLED)


def faults(page: Page, known: Known, parts: JSHandle | None = None) -> list[str]:
    """Return what is wrong with the page in a window of this width; in a narrow one, in the dark as well."""
    found = violations(page, known, parts) + too_wide(page)
    if page.viewport_size == NARROW and page.evaluate("matchMedia('(prefers-color-scheme: light)').matches"):
        _dress(page, "dark")
        found += [f"dark: {fault}" for fault in _ask(page, known, "wrongColours", RULES_ON_COLOURS, parts)]
        _dress(page, "light")
    return found


def faults_of_what_opens(page: Page, known: Known) -> list[str]:
    """Return the same of what opens by a click, if it is of no known kind."""
    opened = openings(page, known.kinds[page.evaluate("innerWidth")])
    return [f"with “{name}” open: {fault}" for name, came in opened for fault in faults(page, known, came)]


def openings(page: Page, known: set[str]) -> Iterator[tuple[str, JSHandle]]:
    """Open one thing after the other that is of no known kind; yield its name, and what came in sight by a click."""
    opened: list[ElementHandle] = []
    while opener := _next(page, known) or (opened and _closed(page) and _next(page, known)):
        known.update(opener.evaluate("(opener) => looks.kinds(opener)"))
        opened.append(opener)
        name = opener.evaluate("(it) => it.ariaLabel || it.labels?.[0]?.textContent || it.textContent")
        before = page.evaluate_handle("new Set(looks.shown())")
        opener.click()
        opener.evaluate("(opener) => looks.open(opener)")
        came = page.evaluate_handle("(before) => looks.came(before)", before)
        if came.evaluate("(came) => came.length"):
            yield " ".join(name.split()), came
    for opener in opened:
        opener.evaluate("(it) => { if (it.matches('summary')) it.parentElement.open = false; }")


def _next(page: Page, known: set[str]) -> ElementHandle | None:
    return page.evaluate_handle("(known) => looks.next(known)", list(known)).as_element()


def _closed(page: Page) -> bool:
    page.keyboard.press("Escape")
    return True


def _ask(page: Page, known: Known, what: str, rules: dict[str, Any], parts: JSHandle | None) -> list[str]:
    page.wait_for_load_state()
    kinds = known.kinds[page.evaluate("innerWidth")]
    before = {"colours": list(known.colours), "kinds": list(kinds)}
    asked = f"([rules, known, parts]) => looks.{what}(rules, known, parts)"
    found = page.evaluate(asked, [rules, before, parts])
    known.colours.update(found["colours"])
    kinds.update(found["kinds"])
    wrong: list[str] = found["faults"]
    return wrong
