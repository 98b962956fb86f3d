"""The 28 tables people and agents write to (audit_logs is the audit app's), by subject; and the lists people keep."""

from __future__ import annotations

from catalog.models.classification import BookGenre, BookTrope, Genre, LookupValue, SeriesGenre, Trope
from catalog.models.manuscript import Author, Book, Chapter, Scene, Series
from catalog.models.people import (
    Character,
    CharacterArc,
    CharacterKnowledge,
    CharacterRelationship,
    CharacterScene,
    CharacterTimelineEvent,
)
from catalog.models.plot import EventParticipant, PlotThread, PlotThreadRelationship, TimelineEvent
from catalog.models.views import SavedView
from catalog.models.work import Export, WritingGoal, WritingSession
from catalog.models.world import Location, Organization, WorldElement, WorldElementUsage

__all__ = [
    "Author",
    "Book",
    "BookGenre",
    "BookTrope",
    "Chapter",
    "Character",
    "CharacterArc",
    "CharacterKnowledge",
    "CharacterRelationship",
    "CharacterScene",
    "CharacterTimelineEvent",
    "EventParticipant",
    "Export",
    "Genre",
    "Location",
    "LookupValue",
    "Organization",
    "PlotThread",
    "PlotThreadRelationship",
    "SavedView",
    "Scene",
    "Series",
    "SeriesGenre",
    "TimelineEvent",
    "Trope",
    "WorldElement",
    "WorldElementUsage",
    "WritingGoal",
    "WritingSession",
]
