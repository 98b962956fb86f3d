"""What books are about: genres, tropes, and the words that other columns may hold."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalog.models.base import Record, Table, up_to


class Trope(Record):
    """A pattern that stories share."""

    name = models.TextField(validators=up_to(500))
    category = models.TextField(null=True, blank=True, validators=up_to(200))
    description = models.TextField(null=True, blank=True)

    class Meta(Record.Meta):
        db_table = "tropes"
        constraints = [models.UniqueConstraint(fields=["name"], name="tropes_name_key")]

    def __str__(self) -> str:
        return self.name


class Genre(Record):
    """A kind of book; kinds have sub-kinds."""

    name = models.TextField(validators=up_to(500))
    description = models.TextField(null=True, blank=True)
    parent_genre = models.ForeignKey("self", models.RESTRICT, null=True, blank=True, related_name="subgenres")

    class Meta(Record.Meta):
        db_table = "genres"
        constraints = [
            models.UniqueConstraint(fields=["name"], name="genres_name_key"),
            models.CheckConstraint(condition=~Q(parent_genre=F("id")), name="genres_parent_is_another_check"),
        ]

    def __str__(self) -> str:
        return self.name


class LookupValue(Record):
    """A word that a column may hold, with its label."""

    lookup_type = models.TextField(validators=up_to(200))
    value = models.TextField(validators=up_to(200))
    label = models.TextField(null=True, blank=True, validators=up_to(500))
    display_order = models.IntegerField(null=True, blank=True)
    is_active = models.BooleanField(db_default=True)

    class Meta(Record.Meta):
        db_table = "lookup_values"
        constraints = [
            models.UniqueConstraint(
                fields=["lookup_type", "value"], name="lookup_values_lookup_type_value_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lookup_type}: {self.label or self.value}"


class SeriesGenre(Table):
    """A series belongs to a genre."""

    pk = models.CompositePrimaryKey("series_id", "genre_id")
    series = models.ForeignKey("catalog.Series", models.CASCADE, related_name="series_genres")
    genre = models.ForeignKey(Genre, models.RESTRICT, related_name="series_genres")

    class Meta(Table.Meta):
        db_table = "series_genres"

    def __str__(self) -> str:
        return f"series {self.series_id}, genre {self.genre_id}"


class BookGenre(Table):
    """A book belongs to a genre."""

    pk = models.CompositePrimaryKey("book_id", "genre_id")
    book = models.ForeignKey("catalog.Book", models.CASCADE, related_name="book_genres")
    genre = models.ForeignKey(Genre, models.RESTRICT, related_name="book_genres")

    class Meta(Table.Meta):
        db_table = "book_genres"

    def __str__(self) -> str:
        return f"book {self.book_id}, genre {self.genre_id}"


class BookTrope(Table):
    """A book uses a trope, more or less prominently."""

    pk = models.CompositePrimaryKey("book_id", "trope_id")
    book = models.ForeignKey("catalog.Book", models.CASCADE, related_name="book_tropes")
    trope = models.ForeignKey(Trope, models.RESTRICT, related_name="book_tropes")
    prominence = models.SmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )

    class Meta(Table.Meta):
        db_table = "book_tropes"

    def __str__(self) -> str:
        return f"book {self.book_id}, trope {self.trope_id}"
