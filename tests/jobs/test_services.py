"""Jobs as the faces see them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Conflict, InvalidInput, NotFound
from audit.models import AuditLog
from jobs import services
from jobs.models import Job, State
from tests.jobs import samples  # noqa: F401 - its kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(viewer):
    viewer.user.groups.set([Group.objects.get(name="Backup operator")])
    return Actor(viewer.user, Channel.ADMIN)


class TestEnqueue:
    def test_keeps_who_wants_what(self, writer):
        actor = Actor(writer.user, Channel.MCP, {"ip": "::1"})

        job = services.enqueue(actor=actor, kind="sample_echo", arguments={"say": "a\0b"})

        job.refresh_from_db()
        assert (job.state, job.username, job.channel) == (State.QUEUED, "wendy", "mcp")
        assert (job.client_info, job.request_id) == ({"ip": "::1"}, actor.request_id)
        assert job.arguments == {"say": "a\N{REPLACEMENT CHARACTER}b"}

    def test_refuses_strangers_and_kinds_that_are_not(self, writer):
        with pytest.raises(AuthenticationRequired):
            services.enqueue(actor=Actor(None, Channel.API), kind="sample_echo")
        with pytest.raises(InvalidInput, match="Did you mean sample_echo"):
            services.enqueue(actor=writer, kind="sample_ecko")
        assert not Job.objects.exists()

    def test_makes_one_job_for_a_slot(self, writer):
        jobs = {
            services.enqueue(actor=writer, kind="sample_echo", slot="2026-11-22T02:00:00Z").pk for _ in "123"
        }
        other = services.enqueue(actor=writer, kind="sample_wait", slot="2026-11-22T02:00:00Z")

        assert len(jobs) == 1
        assert other.pk not in jobs


class TestRights:
    def test_people_see_their_own_and_managers_all(self, writer, editor, manager, admin):
        mine = services.enqueue(actor=writer, kind="sample_echo")
        others = services.enqueue(actor=editor, kind="sample_wait")

        assert services.list_jobs(actor=writer) == [mine]
        assert services.list_jobs(actor=manager) == services.list_jobs(actor=admin) == [others, mine]
        assert services.list_jobs(actor=manager, kind="sample_echo", state="queued", limit=5) == [mine]
        assert services.get(actor=manager, job_id=mine.pk) == mine
        for look in (services.get, services.cancel):
            with pytest.raises(NotFound):
                look(actor=writer, job_id=others.pk)
        with pytest.raises(AuthenticationRequired):
            services.list_jobs(actor=Actor(None, Channel.API))


class TestCancel:
    def test_ends_what_waits_and_tells_the_trail(self, writer, manager):
        job = services.enqueue(actor=writer, kind="sample_echo", arguments={"table": "books"})

        job = services.cancel(actor=manager, job_id=job.pk)

        assert (job.state, job.error["code"], job.log[0]["text"]) == (
            "cancelled",
            "CONFLICT",
            "Cancelled by victor.",
        )
        row = AuditLog.objects.get(operation="BACKUP_FULL")
        assert (row.success, row.user_id, row.table_name) == (False, "wendy", "books")
        assert row.client_info["job"] == job.pk
        assert row.request_id == job.request_id
        with pytest.raises(Conflict, match="it is cancelled"):
            services.cancel(actor=manager, job_id=job.pk)
