"""The audit trail and the dashboard at a browser: charts that are drawn, and numbers that lead to their rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from accesscontrol.actor import Actor, Channel
from audit import trail
from audit.trail import Entry
from tests.browser.conftest import Visitor

DRAWN = (
    "[...document.querySelectorAll('figure canvas')].map((canvas) => Boolean(window.Chart.getChart(canvas)))"
)


@pytest.fixture
def entries(transactional_db: None) -> None:
    """Work of two agents, a part of which failed."""
    for number in range(12):
        agent = Actor(User(username=f"agent{number % 2}"), Channel.MCP)
        entry = Entry(agent, "UPDATE", "books", record_id=str(number), execution_time_ms=number + 1.0)
        if number % 4 == 0:
            entry.success, entry.error_code = False, "CONFLICT"
        trail.record(entry)


def click_bar(page: Page, figure: int) -> None:
    """Click in the middle of the last bar of a chart."""
    place = page.evaluate(
        """(figure) => {
            const canvas = document.querySelectorAll('figure canvas')[figure], chart = window.Chart.getChart(canvas);
            const bar = chart.getDatasetMeta(0).data.at(-1).getProps(['x', 'y', 'base', 'horizontal'], true);
            const along = (bar.base + (bar.horizontal ? bar.x : bar.y)) / 2;
            return bar.horizontal ? {x: along, y: bar.y} : {x: bar.x, y: along};
        }""",
        figure,
    )
    page.locator("figure canvas").nth(figure).click(position=place)


def test_an_auditor_drills_from_a_number_and_from_a_bar_to_the_rows(
    visit: Callable[..., Visitor], entries: None
) -> None:
    somebody = visit("Auditor")
    page = somebody.go("")
    assert page.evaluate(DRAWN) == [True]
    assert somebody.wrong() == []

    page.get_by_role("link", name="Overview of the audit trail").click()
    expect(page.get_by_role("heading", name="Overview of the audit trail")).to_be_visible()
    assert page.evaluate(DRAWN) == [True, True, True]
    for summary in page.locator("figure summary").all():
        summary.click()
    assert somebody.wrong() == []

    page.locator(".numbers .bad").get_by_role("link", name="3", exact=True).click()
    expect(page.get_by_role("heading", name="3 entries")).to_be_visible()
    expect(page.locator(".entries .tag.bad")).to_have_text(["CONFLICT"] * 3)
    assert somebody.wrong() == []
    page.locator(".entries tbody a").first.click()
    expect(page.get_by_role("heading", name="Change: books #8")).to_be_visible()
    assert somebody.wrong() == []

    somebody.go("audit/auditlog/overview/?success__exact=0")
    click_bar(page, 2)
    expect(page.get_by_role("heading", name="3 entries")).to_be_visible()


def test_filters_are_filled_in_and_taken_away(visit: Callable[..., Visitor], entries: None) -> None:
    page = visit("Auditor").go("audit/auditlog/")

    page.get_by_label("Who", exact=True).fill("agent1")
    page.get_by_label("Operation", exact=True).select_option("All of: Writing")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="6 entries")).to_be_visible()
    page.get_by_role("link", name="Who: agent1").click()

    expect(page.get_by_role("heading", name="12 entries")).to_be_visible()
    expect(page.get_by_label("Operation", exact=True)).to_have_value("writing")
