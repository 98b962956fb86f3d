"""Logins on the pages: too many that fail from one address are stopped before a password is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.test import Client
from django.urls import reverse

from accesscontrol import limits, throttling
from accesscontrol.actor import Actor
from audit.models import AuditLog

pytestmark = pytest.mark.django_db

numbers = count(1)


@pytest.fixture
def limit(settings: Any) -> Iterator[Callable[[str], None]]:
    """Return a function that sets limits."""

    def limit(text: str) -> None:
        throttling.forget()
        settings.RATE_LIMITS = limits.read(text)

    yield limit
    throttling.forget()


@pytest.fixture
def visitor() -> Client:
    """Somebody at an address of their own."""
    return Client(REMOTE_ADDR=f"2001:db8:0:{next(numbers):x}::1")


def log_in(visitor: Client, password: str) -> int:
    return visitor.post(reverse("admin:login"), {"username": "ada", "password": password}).status_code


def test_too_many_that_fail_stop_all_from_that_address(
    limit: Callable[[str], None], visitor: Client, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit("login=3/h")
    assert [log_in(visitor, "wrong") for _ in range(3)] == [200, 200, 200]
    monkeypatch.setattr(ModelBackend, "authenticate", None)  # nothing is looked at

    refused = visitor.post(reverse("admin:login"), {"username": "ada", "password": "correct horse"})

    assert refused.status_code == 429
    assert int(refused["Retry-After"]) == pytest.approx(1_200, abs=30)
    assert "address.login" in refused.text
    assert AuditLog.objects.filter(operation="LOGIN_FAILED", error_code="RATE_LIMITED").count() == 1


def test_one_that_succeeds_counts_for_nothing(
    limit: Callable[[str], None], visitor: Client, admin: Actor
) -> None:
    limit("login=2/h")
    for _ in range(4):
        assert log_in(visitor, "correct horse") == 302
        visitor.post(reverse("admin:logout"))

    assert [log_in(visitor, "wrong") for _ in range(3)] == [200, 200, 429]


def test_other_addresses_are_not_concerned(
    limit: Callable[[str], None], visitor: Client, admin: Actor
) -> None:
    limit("login=1/h")
    log_in(visitor, "wrong")
    log_in(visitor, "wrong")

    assert log_in(Client(REMOTE_ADDR="2001:db8:0:ffff::1"), "correct horse") == 302
