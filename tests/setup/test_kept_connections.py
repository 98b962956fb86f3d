"""Threads of the web server keep their connections between requests, and notice when one is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection

from config.postgresql import base
from config.postgresql.base import DatabaseWrapper, keep_in_threads
from tests import databases

pytestmark = pytest.mark.django_db(transaction=True)

Ask = Callable[[], tuple[int, bool]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Return what makes a request in a thread: the session that serves it, and whether the thread keeps it."""
    monkeypatch.setattr(DatabaseWrapper, "is_kept", False)

    def request() -> tuple[int, bool]:
        request_started.send(None)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (session,) = cursor.fetchone()
        request_finished.send(None)
        return session, connection.connection is not None

    with ThreadPoolExecutor(max_workers=1) as thread:
        yield lambda: thread.submit(request).result()
        thread.submit(lambda: connection.close()).result()  # noqa: PLW0108 - the thread's own


def test_as_many_as_the_pool_has_keep_theirs(ask: Ask) -> None:
    keep_in_threads(20)
    first, is_kept = ask()
    assert is_kept
    assert ask() == (first, True)


def test_more_than_that_give_theirs_back(ask: Ask) -> None:
    keep_in_threads(21)

    _, is_kept = ask()

    assert not is_kept


def test_they_are_given_back_after_a_while(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_in_threads(8)
    monkeypatch.setattr(base, "KEPT_S", 0)

    _, is_kept = ask()

    assert not is_kept


def test_one_that_is_gone_is_replaced(ask: Ask) -> None:
    keep_in_threads(8)
    first, _ = ask()
    with databases.owner() as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [first])

    second, is_kept = ask()

    assert second != first
    assert is_kept


def test_one_in_which_a_statement_failed_is_kept_if_it_works(ask: Ask) -> None:
    keep_in_threads(8)

    def fail(*_: Any, **__: Any) -> None:
        connection.errors_occurred = True

    request_finished.connect(fail)
    try:
        first, _ = ask()
    finally:
        request_finished.disconnect(fail)

    assert ask() == (first, True)
