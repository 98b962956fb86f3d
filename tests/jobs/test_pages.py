"""Jobs in the admin: whose they are, how far they are, and how they end."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accesscontrol.actor import Actor, Channel
from audit.models import AuditLog
from jobs import logs, running, services
from jobs.models import Job, State
from tests.jobs import samples  # noqa: F401 - its kinds

pytestmark = pytest.mark.django_db

LIST = "/admin/jobs/job/"


def browser(actor: Actor, **options) -> Client:
    client = Client(**options)
    client.force_login(actor.user)
    return client


def text_of(answer) -> str:
    return answer.content.decode()


def page(job: Job) -> str:
    return f"{LIST}{job.pk}/change/"


@pytest.fixture
def job(writer) -> Job:
    return services.enqueue(actor=writer, kind="sample_wait", arguments={"table": "books"})


@pytest.fixture
def manager(viewer) -> Actor:
    viewer.user.groups.set([Group.objects.get(name="Backup operator")])
    return Actor(viewer.user, Channel.ADMIN)


class TestList:
    def test_says_so_where_there_is_none(self, writer):
        assert "There are no jobs yet." in text_of(browser(writer).get(LIST))

    def test_people_see_their_own_and_managers_all(self, job, writer, editor, manager):
        for who, sees in ((writer, True), (editor, False), (manager, True)):
            shown = text_of(browser(who).get(LIST))
            assert ("Sample wait" in shown and "books" in shown and "wendy" in shown) is sees

    def test_shows_how_far_each_is(self, job, writer):
        Job.objects.filter(pk=job.pk).update(
            state=State.RUNNING, label="Data", done=1 << 20, total=4 << 20, unit="bytes"
        )

        shown = text_of(browser(writer).get(LIST))

        assert 'max="4194304" value="1048576"' in shown
        assert "1.0\xa0MB of 4.0\xa0MB (25 %)" in shown

    def test_is_narrowed_by_state_and_by_nothing_else(self, job, writer):
        client = browser(writer)

        assert "Sample wait" in text_of(client.get(f"{LIST}?state__exact=queued"))
        assert "Sample wait" not in text_of(client.get(f"{LIST}?state__exact=done"))
        assert client.get(f"{LIST}?user__password__startswith=m").status_code in {302, 400}

    def test_strangers_log_in_first(self, job):
        for address in (LIST, page(job), f"{LIST}progress/?id={job.pk}", f"{LIST}{job.pk}/cancel/"):
            assert Client().get(address).url.startswith("/admin/login/")


class TestOne:
    def test_others_find_none(self, job, editor):
        assert browser(editor).get(page(job)).status_code == 404

    @pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30, "%00", "\u0662"])
    def test_a_number_that_is_none_is_not_found(self, writer, number):
        assert browser(writer).get(f"{LIST}{number}/change/").status_code == 404

    def test_nobody_makes_changes_or_deletes_one(self, job, admin):
        client = browser(admin)

        assert client.get(f"{LIST}add/").status_code in {403, 404}
        assert client.post(page(job), {"state": "done"}).status_code == 403
        assert client.post(f"{LIST}{job.pk}/delete/", {"post": "yes"}).status_code == 403
        job.refresh_from_db()
        assert job.state == State.QUEUED

    @pytest.mark.django_db(transaction=True)
    def test_shows_what_went_wrong_and_nothing_that_is_secret(self, writer):
        refused = services.enqueue(actor=writer, kind="sample_refuse")
        crashed = services.enqueue(actor=writer, kind="sample_crash")
        done = services.enqueue(
            actor=writer, kind="sample_echo", arguments={"say": "hello", "plan_token": "hush"}
        )
        for job in (refused, crashed, done):
            running.run(job.pk)
        client = browser(writer)

        assert "You may not." in text_of(client.get(page(refused)))
        assert "PERMISSION_DENIED" in text_of(client.get(page(refused)))
        assert "INTERNAL" in text_of(client.get(page(crashed)))
        assert "swordfish" not in text_of(client.get(page(crashed)))
        assert "hello" in text_of(client.get(page(done)))
        assert "hush" not in text_of(client.get(page(done)))

    def test_shows_what_the_work_noted(self, job, writer):
        logs.append(job.pk, ["12 rows had to be <b>left</b>."])

        shown = text_of(browser(writer).get(page(job)))

        assert "12 rows had to be &lt;b&gt;left&lt;/b&gt;." in shown


class TestProgress:
    def test_is_told_of_those_that_a_person_sees(self, job, writer, editor):
        address = f"{LIST}progress/?id={job.pk}&id=x&id={'9' * 40}"
        Job.objects.filter(pk=job.pk).update(state=State.RUNNING, label="Data", done=7, unit="rows")

        (told,) = browser(writer).get(address).json()["jobs"]

        assert told == {
            "id": job.pk, "state": "running", "state_name": "Running", "is_finished": False,
            "label": "Data", "amount": "7 rows so far", "done": None, "total": None,
        }  # fmt: skip
        assert browser(editor).get(address).json() == {"jobs": []}


class TestCancel:
    def test_ends_a_job_that_waits(self, job, writer):
        client = browser(writer)

        answer = client.post(f"{LIST}{job.pk}/cancel/", follow=True)

        assert "The job was cancelled." in text_of(answer)
        job.refresh_from_db()
        assert job.state == State.CANCELLED

    def test_asks_one_that_runs(self, job, writer):
        Job.objects.filter(pk=job.pk).update(state=State.RUNNING)

        answer = browser(writer).post(f"{LIST}{job.pk}/cancel/", follow=True)

        assert "Being cancelled" in text_of(answer)

    def test_one_that_has_ended_stays_as_it_is(self, job, writer):
        Job.objects.filter(pk=job.pk).update(state=State.DONE)

        answer = browser(writer).post(f"{LIST}{job.pk}/cancel/", follow=True)

        assert "has ended: it is done" in text_of(answer)
        row = AuditLog.objects.filter(success=False).last()
        assert (row.operation, row.error_code) == ("BACKUP_FULL", "CONFLICT")

    def test_is_no_link_and_wants_a_token_of_the_form(self, job, writer, editor):
        address = f"{LIST}{job.pk}/cancel/"

        assert browser(writer).get(address).status_code == 405
        assert browser(writer, enforce_csrf_checks=True).post(address).status_code == 403
        assert browser(editor).post(address).status_code == 404
        job.refresh_from_db()
        assert job.state == State.QUEUED


class TestStartingAgain:
    @pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
    def test_puts_the_same_work_into_the_queue(self, job, writer, state):
        Job.objects.filter(pk=job.pk).update(state=state)
        client = browser(writer)
        assert f'action="{LIST}{job.pk}/again/"' in text_of(client.get(page(job)))

        answer = client.post(f"{LIST}{job.pk}/again/")

        new = Job.objects.latest("pk")
        assert (new.kind, new.arguments, new.state, new.user) == (
            job.kind,
            job.arguments,
            "queued",
            writer.user,
        )
        assert answer.url == page(new) != page(job)

    @pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.DONE])
    def test_is_not_for_what_goes_on_or_is_done(self, job, writer, state):
        Job.objects.filter(pk=job.pk).update(state=state)
        client = browser(writer)
        assert "/again/" not in text_of(client.get(page(job)))

        answer = client.post(f"{LIST}{job.pk}/again/", follow=True)

        assert "can&#x27;t be started again" in text_of(answer)
        assert Job.objects.count() == 1

    def test_is_for_whom_the_job_was_alone(self, job, manager, editor):
        Job.objects.filter(pk=job.pk).update(state=State.FAILED)

        assert "/again/" not in text_of(browser(manager).get(page(job)))
        browser(manager).post(f"{LIST}{job.pk}/again/")
        assert browser(editor).post(f"{LIST}{job.pk}/again/").status_code == 404
        assert browser(manager).get(f"{LIST}{job.pk}/again/").status_code == 405

        assert Job.objects.count() == 1
