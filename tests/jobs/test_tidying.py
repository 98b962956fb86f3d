"""What is tidied up by itself, once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accesscontrol.models import Session
from audit.models import AuditLog
from jobs import kinds, schedule
from jobs.progress import SILENT


@pytest.mark.django_db
def test_sessions_that_are_over_are_forgotten_by_the_schedule(spool: Any) -> None:
    schedule.install()
    user = User.objects.create_user("vera", is_staff=True)
    here, gone = Client(), Client()
    for client in (here, gone):
        client.force_login(user)
    Session.objects.filter(pk=gone.session.session_key).update(expire_date=timezone.now() - timedelta(1))
    PeriodicTask.objects.update(start_time=timezone.now() - timedelta(days=3))

    (job,) = schedule.run_due("expire_sessions")
    result = kinds.get(job.kind).run(job.actor(), job.arguments, SILENT)

    assert result == {"sessions": 1}
    assert list(Session.objects.values_list("pk", flat=True)) == [here.session.session_key]
    entry = AuditLog.objects.get(operation="EXPIRE_SESSIONS")
    assert (entry.user_id, entry.changes) == ("schedule", {"over": {"old": 1, "new": 0}})
