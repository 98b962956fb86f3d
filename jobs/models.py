from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accesscontrol.actor import Actor, Channel
from accesscontrol.scopes import Scope


class State(models.TextChoices):
    """Where a job stands; the last three are for good."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(models.Model):
    """One piece of long work: what, for whom, how far, and how it ended. A message only wakes a worker for it.

    Nothing here is secret: whoever may see the job sees all of it. Times are the database's.
    """

    kind = models.CharField(max_length=63)
    operation = models.CharField(
        max_length=63
    )  # as the trail names it where it is refused, fails or is cancelled
    arguments = models.JSONField(default=dict)
    slot = models.CharField(max_length=500, null=True)  # of the schedule: one job for each
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)

    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    username = models.CharField(max_length=150)  # stays when the account is gone
    channel = models.CharField(max_length=9)
    client_info = models.JSONField(default=dict)
    request_id = models.UUIDField()
    scope = ArrayField(models.TextField(), null=True)  # of the key or token it was started with; null: all

    label = models.TextField(default="")  # of the part that is being done
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)  # 0: unknown
    unit = models.CharField(max_length=20, default="bytes")
    log = models.JSONField(default=list)  # [{"at": …, "text": …}]
    result = models.JSONField(null=True)
    error = models.JSONField(null=True)  # the one error object of every face

    created_at = models.DateTimeField(db_default=Now())
    dispatched_at = models.DateTimeField(null=True)  # when a worker was last sent a message
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, default="")  # host:process
    attempts = models.PositiveSmallIntegerField(db_default=0, default=0)  # that began, but those handed back

    class Meta:
        default_permissions = ()
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=["kind", "slot"], name="one_job_per_slot")]
        indexes = [
            models.Index(
                fields=["state"],
                condition=models.Q(state__in=[State.QUEUED, State.RUNNING]),
                name="jobs_not_finished",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    @property
    def is_finished(self) -> bool:
        """This function will say whether the job has ended, one way or another."""
        return self.state not in {State.QUEUED, State.RUNNING}

    def actor(self, **more: Any) -> Actor:
        """This function will return who the job works for, with the rights that they have now, within its scope."""
        return Actor(
            self.user,
            Channel(self.channel),
            {**self.client_info, "job": self.pk, **more},
            self.request_id,
            None if self.scope is None else Scope.of(self.scope),
        )
