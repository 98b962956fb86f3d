"""The whitelist: one line per table. What is not here does not exist for any face.

The subjects group the navigation, in this order. READ_ONLY tables are written by no face, superusers
included: genres and lookup_values come with migrations, audit_logs is written by the trail alone.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from audit.models import AuditLog
from catalog import models
from catalog.table import Table

MANUSCRIPT = gettext_noop("Manuscript")
PEOPLE = gettext_noop("Characters")
WORLD = gettext_noop("World")
PLOT = gettext_noop("Plot")
CLASSIFICATION = gettext_noop("Classification")
WORK = gettext_noop("Work")
RECORDS = gettext_noop("System")

TABLES = (
    Table.of(models.Author, "core", MANUSCRIPT),
    Table.of(models.Series, "core", MANUSCRIPT),
    Table.of(models.Book, "core", MANUSCRIPT),
    Table.of(models.Chapter, "core", MANUSCRIPT),
    Table.of(models.Scene, "core", MANUSCRIPT),
    Table.of(models.Character, "core", PEOPLE),
    Table.of(models.CharacterArc, "story", PEOPLE),
    Table.of(models.CharacterRelationship, "story", PEOPLE),
    Table.of(models.CharacterTimelineEvent, "story", PEOPLE),
    Table.of(models.CharacterKnowledge, "story", PEOPLE),
    Table.of(models.CharacterScene, "junction", PEOPLE),
    Table.of(models.Location, "story", WORLD),
    Table.of(models.WorldElement, "story", WORLD),
    Table.of(models.Organization, "story", WORLD),
    Table.of(models.WorldElementUsage, "story", WORLD),
    Table.of(models.PlotThread, "story", PLOT),
    Table.of(models.PlotThreadRelationship, "story", PLOT),
    Table.of(models.TimelineEvent, "story", PLOT),
    Table.of(models.EventParticipant, "junction", PLOT),
    Table.of(models.Trope, "metadata", CLASSIFICATION),
    Table.of(models.Genre, "metadata", CLASSIFICATION, read_only=True),
    Table.of(models.LookupValue, "metadata", CLASSIFICATION, read_only=True),
    Table.of(models.SeriesGenre, "junction", CLASSIFICATION),
    Table.of(models.BookGenre, "junction", CLASSIFICATION),
    Table.of(models.BookTrope, "junction", CLASSIFICATION),
    Table.of(models.WritingSession, "metadata", WORK),
    Table.of(models.WritingGoal, "metadata", WORK),
    Table.of(models.Export, "system", RECORDS),
    Table.of(AuditLog, "system", RECORDS, read_only=True, append_only=True),
)
