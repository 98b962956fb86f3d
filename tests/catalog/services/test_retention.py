"""How long the trash keeps what is in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from catalog import models
from catalog.services import retention
from jobs import kinds, schedule
from jobs.progress import SILENT
from tests.catalog.services import builders

NOW = timezone.now()
OLD, NEW = NOW - timedelta(days=31), NOW - timedelta(days=29)


@pytest.fixture(autouse=True)
def thirty_days(settings: Any) -> None:
    settings.TRASH_DAYS = 30


def test_lets_go_of_what_was_there_longer(admin: Any, trail: Any) -> None:
    builders.book(deleted_at=OLD)
    kept = [builders.book(deleted_at=NEW), builders.book()]

    done = retention.expire(actor=admin, now=NOW)

    assert done == {"deleted": {"books": 1}, "not_allowed": []}
    assert list(models.Book.objects.order_by("id")) == kept
    assert [row.record_count for row in trail(operation="PURGE")] == [1]


def test_keeps_what_something_in_use_refers_to(admin: Any) -> None:
    book = builders.book(deleted_at=OLD)
    builders.chapter(book=book)

    assert retention.expire(actor=admin, now=NOW)["deleted"] == {}
    assert models.Book.objects.get() == book


def test_takes_children_first_and_of_a_tree_the_leaves(admin: Any, monkeypatch: Any) -> None:
    chapter = builders.chapter(book=builders.book(deleted_at=OLD), deleted_at=OLD)
    builders.scene(chapter=chapter, deleted_at=OLD)
    root = builders.location(deleted_at=OLD)
    builders.location(parent_location=root, deleted_at=OLD)
    monkeypatch.setattr(retention, "MAX_AFFECTED", 1)

    done = retention.expire(actor=admin, now=NOW)

    assert done["deleted"] == {"scenes": 1, "chapters": 1, "books": 1, "locations": 2}


def test_takes_with_it_what_goes_along(admin: Any) -> None:
    appearance = builders.appearance(character=builders.character(deleted_at=OLD))

    retention.expire(actor=admin, now=NOW)

    assert not models.CharacterScene.objects.exists()
    assert models.Scene.objects.get() == appearance.scene


def test_does_only_what_the_actor_may_purge_and_says_so(granted: Any) -> None:
    builders.book(deleted_at=OLD)
    builders.scene(deleted_at=OLD)

    done = retention.expire(actor=granted(purge=["scenes"]), now=NOW)

    assert done["deleted"] == {"scenes": 1}
    assert "books" in done["not_allowed"]
    assert models.Book.objects.exists()


def test_by_default_keeps_everything(admin: Any, settings: Any) -> None:
    settings.TRASH_DAYS = 0
    builders.book(deleted_at=OLD)

    assert retention.expire(actor=admin, now=NOW) == {"deleted": {}, "not_allowed": []}
    assert retention.kept_until(OLD) is None
    assert models.Book.objects.exists()


def test_is_on_the_schedule(admin: Any) -> None:
    builders.book(deleted_at=OLD)

    assert "Retention of the trash" in schedule.install()
    done = kinds.get("expire_trash").run(admin, {}, SILENT)

    assert done["deleted"] == {"books": 1}
    assert retention.kept_until(OLD) == OLD + timedelta(days=django_settings.TRASH_DAYS)
