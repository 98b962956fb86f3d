"""Characters: who they are, what they go through, whom they know and what they know."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalog.models.base import NOT_DELETED, Record, Table, Trashable, one_of, up_to


class Character(Trashable):
    """Somebody in a story."""

    series = models.ForeignKey(
        "catalog.Series", models.RESTRICT, null=True, blank=True, related_name="characters"
    )
    name = models.TextField(validators=up_to(500))
    role = models.TextField(null=True, blank=True, validators=up_to(200))
    description = models.TextField(null=True, blank=True)
    age = models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100_000)]
    )
    aliases = ArrayField(models.TextField(), null=True, blank=True)
    appearance = models.TextField(null=True, blank=True)
    personality = models.TextField(null=True, blank=True)
    backstory = models.TextField(null=True, blank=True)
    goals = models.TextField(null=True, blank=True)
    attributes = models.JSONField(db_default={}, blank=True)

    class Meta(Trashable.Meta):
        db_table = "characters"

    def __str__(self) -> str:
        return self.name


class CharacterArc(Trashable):
    """How a character changes, in one book or over all."""

    character = models.ForeignKey(Character, models.RESTRICT, related_name="arcs")
    book = models.ForeignKey(
        "catalog.Book", models.RESTRICT, null=True, blank=True, related_name="character_arcs"
    )
    arc_name = models.TextField(validators=up_to(500))
    description = models.TextField(null=True, blank=True)
    starting_state = models.TextField(null=True, blank=True)
    ending_state = models.TextField(null=True, blank=True)
    key_events = ArrayField(models.TextField(), null=True, blank=True)

    class Meta(Trashable.Meta):
        db_table = "character_arcs"
        constraints = [
            models.UniqueConstraint(
                fields=["character", "book", "arc_name"],
                condition=NOT_DELETED,
                name="character_arcs_character_id_book_id_arc_name_key",
            )
        ]

    def __str__(self) -> str:
        return self.arc_name


class CharacterRelationship(Record):
    """What one character is to another."""

    character = models.ForeignKey(Character, models.RESTRICT, related_name="relationships")
    related_character = models.ForeignKey(Character, models.RESTRICT, related_name="relationships_to")
    relationship_type = models.TextField(validators=up_to(200))
    description = models.TextField(null=True, blank=True)
    status = models.TextField(null=True, blank=True, validators=up_to(200))

    class Meta(Record.Meta):
        db_table = "character_relationships"
        constraints = [
            models.UniqueConstraint(
                fields=["character", "related_character", "relationship_type"],
                name="character_relationships_pair_type_key",
            ),
            models.CheckConstraint(
                condition=~Q(character=F("related_character")), name="character_relationships_different_check"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.relationship_type} ({self.character_id} → {self.related_character_id})"


class CharacterTimelineEvent(Record):
    """What happens to a character, and when."""

    character = models.ForeignKey(Character, models.RESTRICT, related_name="timeline")
    event = models.ForeignKey(
        "catalog.TimelineEvent", models.RESTRICT, null=True, blank=True, related_name="character_events"
    )
    chapter = models.ForeignKey(
        "catalog.Chapter", models.RESTRICT, null=True, blank=True, related_name="character_events"
    )
    event_type = models.TextField(null=True, blank=True, validators=up_to(200))
    description = models.TextField()
    story_date = models.TextField(null=True, blank=True, validators=up_to(200))

    class Meta(Record.Meta):
        db_table = "character_timeline_events"

    def __str__(self) -> str:
        return self.description[:80]


class CharacterKnowledge(Record):
    """What a character knows, suspects, believes wrongly or forgot."""

    character = models.ForeignKey(Character, models.RESTRICT, related_name="knowledge")
    knowledge_type = models.TextField(
        null=True, blank=True, choices=one_of("fact", "secret", "skill", "person", "place", "event")
    )
    description = models.TextField()
    level = models.TextField(
        null=True, blank=True, choices=one_of("knows", "suspects", "believes_wrongly", "forgot")
    )
    acquired_chapter = models.ForeignKey(
        "catalog.Chapter", models.RESTRICT, null=True, blank=True, related_name="knowledge_acquired"
    )

    class Meta(Record.Meta):
        db_table = "character_knowledge"
        verbose_name_plural = "character knowledge"

    def __str__(self) -> str:
        return self.description[:80]


class CharacterScene(Table):
    """A character appears in a scene."""

    pk = models.CompositePrimaryKey("character_id", "scene_id")
    character = models.ForeignKey(Character, models.CASCADE, related_name="appearances")
    scene = models.ForeignKey("catalog.Scene", models.CASCADE, related_name="appearances")
    role = models.TextField(null=True, blank=True, validators=up_to(200))

    class Meta(Table.Meta):
        db_table = "character_scenes"

    def __str__(self) -> str:
        return f"character {self.character_id} in scene {self.scene_id}"
