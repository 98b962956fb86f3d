"""The work on books: sessions, goals, and the files that were exported."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalog.models.base import Record, one_of, up_to


class WritingSession(Record):
    """A stretch of writing."""

    book = models.ForeignKey(
        "catalog.Book", models.RESTRICT, null=True, blank=True, related_name="writing_sessions"
    )
    chapter = models.ForeignKey(
        "catalog.Chapter", models.RESTRICT, null=True, blank=True, related_name="writing_sessions"
    )
    session_date = models.DateField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    words_written = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    notes = models.TextField(null=True, blank=True)

    class Meta(Record.Meta):
        db_table = "writing_sessions"
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__gt=F("started_at")), name="writing_sessions_ended_after_started_check"
            )
        ]

    def __str__(self) -> str:
        return f"{self.session_date}: {self.words_written or 0} words"


class WritingGoal(Record):
    """How much is to be written by when."""

    book = models.ForeignKey(
        "catalog.Book", models.RESTRICT, null=True, blank=True, related_name="writing_goals"
    )
    goal_type = models.TextField(choices=one_of("words", "chapters", "scenes", "minutes"))
    period = models.TextField(db_default="total", choices=one_of("day", "week", "month", "total"))
    target = models.IntegerField(validators=[MinValueValidator(1)])
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    is_active = models.BooleanField(db_default=True)

    class Meta(Record.Meta):
        db_table = "writing_goals"
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="writing_goals_ends_after_start_check"
            )
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.goal_type} ({self.period})"


class Export(Record):
    """A file that was made from a table or a book."""

    book = models.ForeignKey("catalog.Book", models.RESTRICT, null=True, blank=True, related_name="exports")
    table_name = models.TextField(null=True, blank=True, validators=up_to(63))
    format = models.TextField(
        choices=[("json", "JSON"), ("csv", "CSV"), ("xlsx", "Excel (XLSX)"), ("sql", "SQL")]
    )
    file_name = models.TextField(null=True, blank=True, validators=up_to(255))
    row_count = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    size_bytes = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    sha256 = models.TextField(null=True, blank=True)
    status = models.TextField(db_default="queued", choices=one_of("queued", "running", "done", "failed"))
    error_message = models.TextField(null=True, blank=True)

    class Meta(Record.Meta):
        db_table = "exports"
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="exports_sha256_check")
        ]

    def __str__(self) -> str:
        return self.file_name or f"{self.format} export {self.pk}"
