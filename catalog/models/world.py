"""The world of the stories: places, organizations, and what else has rules of its own."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from catalog.models.base import Record, Trashable, up_to


class Location(Trashable):
    """A place; places lie in places."""

    series = models.ForeignKey(
        "catalog.Series", models.RESTRICT, null=True, blank=True, related_name="locations"
    )
    parent_location = models.ForeignKey(
        "self", models.RESTRICT, null=True, blank=True, related_name="locations_within"
    )
    name = models.TextField(validators=up_to(500))
    type = models.TextField(null=True, blank=True, validators=up_to(200))
    description = models.TextField(null=True, blank=True)

    class Meta(Trashable.Meta):
        db_table = "locations"
        constraints = [
            models.CheckConstraint(
                condition=~Q(parent_location=F("id")), name="locations_parent_is_another_check"
            )
        ]

    def __str__(self) -> str:
        return self.name


class WorldElement(Trashable):
    """A law, thing, custom or magic of a world."""

    series = models.ForeignKey(
        "catalog.Series", models.RESTRICT, null=True, blank=True, related_name="world_elements"
    )
    element_type = models.TextField(validators=up_to(200))
    name = models.TextField(validators=up_to(500))
    description = models.TextField(null=True, blank=True)
    rules = models.JSONField(db_default={}, blank=True)

    class Meta(Trashable.Meta):
        db_table = "world_elements"

    def __str__(self) -> str:
        return self.name


class Organization(Trashable):
    """A group of people with a name: a family, a crew, a ministry."""

    series = models.ForeignKey(
        "catalog.Series", models.RESTRICT, null=True, blank=True, related_name="organizations"
    )
    name = models.TextField(validators=up_to(500))
    type = models.TextField(null=True, blank=True, validators=up_to(200))
    description = models.TextField(null=True, blank=True)
    headquarters_location = models.ForeignKey(
        Location, models.RESTRICT, null=True, blank=True, related_name="organizations"
    )

    class Meta(Trashable.Meta):
        db_table = "organizations"

    def __str__(self) -> str:
        return self.name


class WorldElementUsage(Record):
    """Where a world element matters: in a scene, a chapter, or both."""

    world_element = models.ForeignKey(WorldElement, models.RESTRICT, related_name="usages")
    scene = models.ForeignKey(
        "catalog.Scene", models.RESTRICT, null=True, blank=True, related_name="world_elements_used"
    )
    chapter = models.ForeignKey(
        "catalog.Chapter", models.RESTRICT, null=True, blank=True, related_name="world_elements_used"
    )
    usage_type = models.TextField(null=True, blank=True, validators=up_to(200))
    notes = models.TextField(null=True, blank=True)

    class Meta(Record.Meta):
        db_table = "world_element_usage"
        verbose_name_plural = "world element usage"
        constraints = [
            models.CheckConstraint(
                condition=Q(scene__isnull=False) | Q(chapter__isnull=False),
                name="world_element_usage_somewhere_check",
            )
        ]

    def __str__(self) -> str:
        place = f"scene {self.scene_id}" if self.scene_id else f"chapter {self.chapter_id}"
        return f"{self.usage_type or 'used'} in {place}"
