"""The first page that somebody sees: how much of it travels, and that nothing on it moves."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Response

from tests.browser import looking
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.usefixtures("library")

MAX_BYTES = 150_000


def transferred(answer: Response) -> int:
    """Return how many bytes an answer has, with its head.

    The server of the tests sends files of pages as they are; the real one packs them, as it does pages.
    """
    sizes = answer.request.sizes()
    is_file = "/static/" in answer.url
    return sizes["responseHeadersSize"] + (
        len(gzip.compress(answer.body())) if is_file else sizes["responseBodySize"]
    )


@pytest.mark.parametrize(
    "path",
    [
        "login/",
        "",
        "catalog/book/",
        "catalog/character/1/change/",
        "catalog/book/export/",
        "audit/auditlog/overview/",
    ],
)
def test_is_light_and_stays_where_it_is(visit: Callable[..., Visitor], path: str) -> None:
    visitor = visit(name="ada", is_superuser=True, is_first=True)
    if path == "login/":
        visitor.context.clear_cookies()
    answers: list[Response] = []
    visitor.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright takes no builtin

    visitor.go(path)
    visitor.page.wait_for_load_state("networkidle")

    sizes = {answer.url: transferred(answer) for answer in answers if answer.status == 200}
    assert sum(sizes.values()) < MAX_BYTES, sizes
    assert looking.moved(visitor.page) == []
