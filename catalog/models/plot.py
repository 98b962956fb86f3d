"""The plot: its threads, how they hang together, and the events on the time line."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from catalog.models.base import Record, Table, Trashable, one_of, up_to


class PlotThread(Trashable):
    """A line of the story that runs through scenes and chapters."""

    series = models.ForeignKey(
        "catalog.Series", models.RESTRICT, null=True, blank=True, related_name="plot_threads"
    )
    book = models.ForeignKey(
        "catalog.Book", models.RESTRICT, null=True, blank=True, related_name="plot_threads"
    )
    title = models.TextField(validators=up_to(500))
    thread_type = models.TextField(
        null=True, blank=True, choices=one_of("main", "subplot", "romance", "mystery", "character")
    )
    description = models.TextField(null=True, blank=True)
    status = models.TextField(
        null=True, blank=True, choices=one_of("planned", "active", "resolved", "dropped")
    )
    resolution = models.TextField(null=True, blank=True)

    class Meta(Trashable.Meta):
        db_table = "plot_threads"

    def __str__(self) -> str:
        return self.title


class PlotThreadRelationship(Record):
    """What one plot thread does to another."""

    thread = models.ForeignKey(PlotThread, models.RESTRICT, related_name="relationships")
    related_thread = models.ForeignKey(PlotThread, models.RESTRICT, related_name="relationships_to")
    relationship_type = models.TextField(choices=one_of("causes", "blocks", "mirrors", "feeds"))
    description = models.TextField(null=True, blank=True)

    class Meta(Record.Meta):
        db_table = "plot_thread_relationships"
        constraints = [
            models.UniqueConstraint(
                fields=["thread", "related_thread", "relationship_type"],
                name="plot_thread_relationships_pair_type_key",
            ),
            models.CheckConstraint(
                condition=~Q(thread=F("related_thread")), name="plot_thread_relationships_different_check"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.relationship_type} ({self.thread_id} → {self.related_thread_id})"


class TimelineEvent(Record):
    """Something that happens in the time of the story."""

    series = models.ForeignKey(
        "catalog.Series", models.RESTRICT, null=True, blank=True, related_name="timeline_events"
    )
    book = models.ForeignKey(
        "catalog.Book", models.RESTRICT, null=True, blank=True, related_name="timeline_events"
    )
    title = models.TextField(validators=up_to(500))
    description = models.TextField(null=True, blank=True)
    story_date = models.TextField(null=True, blank=True, validators=up_to(200))
    position = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)

    class Meta(Record.Meta):
        db_table = "timeline_events"

    def __str__(self) -> str:
        return self.title


class EventParticipant(Table):
    """A character takes part in an event."""

    pk = models.CompositePrimaryKey("event_id", "character_id")
    event = models.ForeignKey(TimelineEvent, models.CASCADE, related_name="participants")
    character = models.ForeignKey("catalog.Character", models.CASCADE, related_name="participations")
    role = models.TextField(null=True, blank=True, validators=up_to(200))

    class Meta(Table.Meta):
        db_table = "event_participants"

    def __str__(self) -> str:
        return f"character {self.character_id} in event {self.event_id}"
