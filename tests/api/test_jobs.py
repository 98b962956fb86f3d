"""Jobs over REST: looked at by whom they are for, page by page, and cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accesscontrol.actor import Actor
from audit.models import AuditLog
from jobs import running, services
from jobs.models import Job, State
from tests.api.steps import following
from tests.jobs import samples  # noqa: F401 - its kinds

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs/"


@pytest.fixture
def api(client: Client, writer: Actor) -> Client:
    client.force_login(writer.user)
    return client


def start(actor: Actor, kind: str = "sample_echo", **arguments: Any) -> Job:
    return services.enqueue(actor=actor, kind=kind, arguments=arguments)


def test_a_job_tells_how_far_it_is_and_how_it_ended(api: Client, writer: Actor) -> None:
    job = start(writer, say="hello", table="books")
    address = f"http://testserver{JOBS}{job.pk}/"

    waiting = api.get(address)
    assert waiting["Retry-After"] == "1"
    told = waiting.json()
    assert (told["state"], told["is_finished"], told["table"]) == ("queued", False, "books")
    assert told["links"] == {"self": address, "cancel": f"{address}cancel/"}

    Job.objects.filter(pk=job.pk).update(state=State.RUNNING, label="Rows", done=5, total=0, unit="rows")
    assert api.get(address).json()["progress"] == {"label": "Rows", "done": 5, "total": None, "unit": "rows"}

    Job.objects.filter(pk=job.pk).update(state=State.QUEUED)
    running.run(job.pk)
    ended = api.get(address)
    assert "Retry-After" not in ended
    assert ended.json()["state"] == "done"
    assert ended.json()["result"] == Job.objects.get(pk=job.pk).result
    assert ended.json()["links"] == {"self": address}


def test_people_list_their_own_and_managers_all(client: Client, writer: Actor, editor: Actor) -> None:
    mine, others = start(writer), start(editor, "sample_wait", columns=["bio"])
    Job.objects.filter(pk=others.pk).update(result={"columns": ["bio"], "record_count": 3}, state="done")

    client.force_login(writer.user)
    assert [job["id"] for job in client.get(JOBS).json()["jobs"]] == [mine.pk]
    assert client.get(f"{JOBS}{others.pk}/").status_code == 404
    assert client.post(f"{JOBS}{others.pk}/cancel/", {}, "application/json").status_code == 404

    writer.user.groups.set([Group.objects.get(name="Backup operator")])
    assert [job["id"] for job in client.get(JOBS).json()["jobs"]] == [others.pk, mine.pk]
    assert [job["id"] for job in client.get(f"{JOBS}?state=done").json()["jobs"]] == [others.pk]
    assert [job["id"] for job in client.get(f"{JOBS}?kind=sample_echo").json()["jobs"]] == [mine.pk]
    assert client.get(f"{JOBS}{others.pk}/").json()["result"] == {"record_count": 3}
    Job.objects.filter(pk=others.pk).update(kind="export_csv", arguments={"table": "authors"})
    assert client.get(f"{JOBS}{others.pk}/").json()["links"].keys() == {"self"}


def test_pages_follow_one_another(api: Client, writer: Actor) -> None:
    jobs = [start(writer).pk for _ in range(5)][::-1]

    seen, address = [], f"{JOBS}?limit=2&kind=sample_echo"
    while address and len(seen) < len(jobs):
        answer = api.get(address)
        seen += [job["id"] for job in answer.json()["jobs"]]
        address = following(answer)

    assert (seen, address) == (jobs, None)
    cursor = api.get(f"{JOBS}?limit=2").json()["next_cursor"]
    assert api.get(f"{JOBS}?kind=sample_wait&cursor={cursor}").status_code == 400
    assert api.get(f"{JOBS}?cursor=forged").status_code == 400


def test_one_that_waits_is_cancelled_at_once_and_one_that_runs_is_asked(api: Client, writer: Actor) -> None:
    waiting, going = start(writer), start(writer, "sample_wait")
    Job.objects.filter(pk=going.pk).update(state=State.RUNNING)

    ended = api.post(f"{JOBS}{waiting.pk}/cancel/", {}, "application/json")
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
    asked = api.post(f"{JOBS}{going.pk}/cancel/", content_type="application/json")
    assert (asked.status_code, asked["Retry-After"]) == (202, "1")
    assert asked.json()["cancel_requested"] is True

    late = api.post(f"{JOBS}{waiting.pk}/cancel/", {}, "application/json")
    assert (late.status_code, late.json()["code"]) == (409, "CONFLICT")
    row = AuditLog.objects.get(success=False, error_message__contains="has ended")
    assert row.operation == Job.objects.get(pk=waiting.pk).operation


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "state=lost", "colour=red", "kind=a b"])
def test_a_wrong_parameter_is_refused(api: Client, query: str) -> None:
    assert api.get(f"{JOBS}?{query}").status_code == 400


def test_what_is_no_job_is_not_found(api: Client) -> None:
    assert api.get(f"{JOBS}99999999999999999999/").status_code == 404
    assert api.get(f"{JOBS}1/?colour=red").status_code == 400


def test_a_body_where_none_belongs_is_refused(api: Client, writer: Actor) -> None:
    address = f"{JOBS}{start(writer).pk}/cancel/"

    assert api.post(address, {"why": "no"}, "application/json").status_code == 400
    assert api.post(address, "why", "text/csv").status_code == 415
    assert api.post(f"{address}?why=no", {}, "application/json").status_code == 400
    assert Job.objects.get().state == State.QUEUED


def test_a_key_sees_what_it_has_started(
    editor: Actor, key: Callable[..., str], bearer: Callable[..., Client]
) -> None:
    others = start(editor)
    text = key(editor, "read", "export")
    program = bearer(text)
    begun = program.post("/api/v1/exchange/exports/", {"table": "books"}, "application/json").json()

    assert [job["id"] for job in program.get(JOBS).json()["jobs"]] == [begun["id"]]
    assert program.get(f"{JOBS}{begun['id']}/").status_code == 200
    assert program.get(f"{JOBS}{others.pk}/").status_code == 404
    assert program.post(f"{JOBS}{others.pk}/cancel/", {}, "application/json").status_code == 404
    assert bearer(key(editor, "read")).get(JOBS).json()["jobs"] == []
