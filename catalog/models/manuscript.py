"""Authors and what they write: series, books, chapters, scenes."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower

from catalog.models.base import NOT_DELETED, Record, Trashable, one_of, up_to


class Author(Record):
    """A person who writes."""

    name = models.TextField(validators=up_to(500))
    email = models.TextField(null=True, blank=True, validators=up_to(254))
    bio = models.TextField(null=True, blank=True)

    class Meta(Record.Meta):
        db_table = "authors"
        constraints = [models.UniqueConstraint(Lower("email"), name="authors_email_key")]

    def __str__(self) -> str:
        return self.name


class Series(Record):
    """Books that belong together, and the world they share."""

    author = models.ForeignKey(Author, models.RESTRICT, null=True, blank=True, related_name="series")
    title = models.TextField(validators=up_to(500))
    description = models.TextField(null=True, blank=True)
    start_year = models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(-10000), MaxValueValidator(10000)]
    )
    status = models.TextField(
        null=True, blank=True, choices=one_of("planned", "ongoing", "complete", "hiatus", "abandoned")
    )

    class Meta(Record.Meta):
        db_table = "series"
        verbose_name_plural = "series"

    def __str__(self) -> str:
        return self.title


class Book(Trashable):
    """A book, alone or in a series."""

    author = models.ForeignKey(Author, models.RESTRICT, related_name="books")
    series = models.ForeignKey(Series, models.RESTRICT, null=True, blank=True, related_name="books")
    book_number = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    title = models.TextField(validators=up_to(500))
    genre = models.TextField(null=True, blank=True, validators=up_to(200))
    status = models.TextField(
        db_default="draft", choices=one_of("planned", "draft", "editing", "published", "archived")
    )
    description = models.TextField(null=True, blank=True)
    word_count = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta(Trashable.Meta):
        db_table = "books"
        constraints = [
            models.UniqueConstraint(
                fields=["series", "book_number"],
                condition=NOT_DELETED,
                name="books_series_id_book_number_key",
            )
        ]

    def __str__(self) -> str:
        return self.title


class Chapter(Trashable):
    """A chapter of a book."""

    book = models.ForeignKey(Book, models.RESTRICT, related_name="chapters")
    chapter_num = models.IntegerField(validators=[MinValueValidator(0)])
    title = models.TextField(null=True, blank=True, validators=up_to(500))
    content = models.TextField(null=True, blank=True)
    status = models.TextField(null=True, blank=True, choices=one_of("planned", "draft", "revised", "final"))
    word_count = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])

    class Meta(Trashable.Meta):
        db_table = "chapters"
        constraints = [
            models.UniqueConstraint(
                fields=["book", "chapter_num"], condition=NOT_DELETED, name="chapters_book_id_chapter_num_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.chapter_num}. {self.title}" if self.title else f"Chapter {self.chapter_num}"


class Scene(Trashable):
    """A scene of a chapter: one place, one stretch of time."""

    chapter = models.ForeignKey(Chapter, models.RESTRICT, related_name="scenes")
    scene_num = models.IntegerField(validators=[MinValueValidator(0)])
    title = models.TextField(null=True, blank=True, validators=up_to(500))
    content = models.TextField(null=True, blank=True)
    summary = models.TextField(null=True, blank=True)
    pov_character = models.ForeignKey(
        "catalog.Character", models.RESTRICT, null=True, blank=True, related_name="scenes_told"
    )
    location = models.ForeignKey(
        "catalog.Location", models.RESTRICT, null=True, blank=True, related_name="scenes"
    )
    word_count = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])

    class Meta(Trashable.Meta):
        db_table = "scenes"
        constraints = [
            models.UniqueConstraint(
                fields=["chapter", "scene_num"],
                condition=NOT_DELETED,
                name="scenes_chapter_id_scene_num_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.scene_num}. {self.title}" if self.title else f"Scene {self.scene_num}"
