"""Rows to test with, made past the services: what a test is about goes through them."""

from __future__ import annotations

from itertools import count
from typing import Any

from catalog import models, registry
from catalog.table import Table

AUTHORS = registry.get("authors")
SERIES = registry.get("series")
BOOKS = registry.get("books")
CHAPTERS = registry.get("chapters")
SCENES = registry.get("scenes")
CHARACTERS = registry.get("characters")
APPEARANCES = registry.get("character_scenes")
LOCATIONS = registry.get("locations")
EVENTS = registry.get("timeline_events")
GOALS = registry.get("writing_goals")
SESSIONS = registry.get("writing_sessions")
EXPORTS = registry.get("exports")
GENRES = registry.get("genres")
AUDIT_LOGS = registry.get("audit_logs")

SQL_TEXTS = (
    "Robert'); DROP TABLE public.books; --",
    "' OR '1'='1",
    '"; DELETE FROM authors; --',
    "$$; SELECT pg_sleep(60); $$",
    "%s %(name)s %% {} {0} :name ?",
    "\\'; --",
    "public.authors",
    "NULL",
    "${jndi:ldap://x}",
)

_number = count(1)


def author(**values: Any) -> models.Author:
    """Make an author."""
    return models.Author.objects.create(**{"name": f"Author {next(_number)}", **values})


def series(**values: Any) -> models.Series:
    """Make a series."""
    return models.Series.objects.create(**{"title": f"Series {next(_number)}", **values})


def book(**values: Any) -> models.Book:
    """Make a book, with an author unless one is given."""
    if not {"author", "author_id"} & set(values):
        values["author"] = author()
    return models.Book.objects.create(**{"title": f"Book {next(_number)}", **values})


def chapter(**values: Any) -> models.Chapter:
    """Make a chapter, with a book unless one is given."""
    if "book" not in values:
        values["book"] = book()
    return models.Chapter.objects.create(**{"chapter_num": next(_number), **values})


def scene(**values: Any) -> models.Scene:
    """Make a scene, with a chapter unless one is given."""
    if "chapter" not in values:
        values["chapter"] = chapter()
    return models.Scene.objects.create(**{"scene_num": next(_number), **values})


def character(**values: Any) -> models.Character:
    """Make a character."""
    return models.Character.objects.create(**{"name": f"Character {next(_number)}", **values})


def location(**values: Any) -> models.Location:
    """Make a location."""
    return models.Location.objects.create(**{"name": f"Location {next(_number)}", **values})


def event(**values: Any) -> models.TimelineEvent:
    """Make an event on the time line."""
    return models.TimelineEvent.objects.create(**{"title": f"Event {next(_number)}", **values})


def goal(**values: Any) -> models.WritingGoal:
    """Make a goal."""
    return models.WritingGoal.objects.create(**{"goal_type": "words", "target": 1000, **values})


def appearance(**values: Any) -> models.CharacterScene:
    """Let a character appear in a scene, both new unless given."""
    values.setdefault("character", None)
    values.setdefault("scene", None)
    values["character"] = values["character"] or character()
    values["scene"] = values["scene"] or scene()
    return models.CharacterScene.objects.create(**values)


def stored(table: Table, **key: Any) -> dict[str, Any]:
    """Return one row as it is in the table, past the services."""
    return dict(table.model._default_manager.values().get(**key))
