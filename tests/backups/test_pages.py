"""The pages of backups, as a browser uses them: who may what, what is asked first, and what is told."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from accesscontrol.models import PlanFreeRole
from accesscontrol.policy import Planned
from audit import alerts
from audit.models import Alert, AuditLog, Plan
from backups import services, watching
from backups.models import Trust, Verification
from catalog import registry
from catalog.models import Book
from catalog.services import records
from jobs import running
from jobs.models import Job, State
from tests.backups import test_services
from tests.backups.test_names import OUTSIDE
from tests.backups.test_services import hide, person

LIST = "/admin/backups/"
FILE = "backup_20261122T020000Z.sql.gz"
SQL = b"\x1f\x8b some bytes of a dump"

pytestmark = pytest.mark.django_db


def browser(somebody, **options) -> Client:
    client = Client(**options)
    client.force_login(somebody.user)
    return client


def text_of(answer) -> str:
    return answer.content.decode()


def said(client: Client, answer) -> str:
    """What the page that an answer leads to says in its messages."""
    return " ".join(str(message) for message in client.get(answer.url).context["messages"])


def hidden(answer, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text_of(answer))
    assert found, text_of(answer)
    return found[1]


def run_last() -> Job:
    """Do the job that was started last, as a worker would."""
    job = Job.objects.first()
    running.run(job.pk)
    job.refresh_from_db()
    return job


put = test_services.put


@pytest.fixture
def operator(db):
    return person("Backup operator", is_staff=True)


@pytest.fixture
def page(operator) -> Client:
    return browser(operator)


class TestRights:
    PAGES = (
        ("get", LIST), ("post", f"{LIST}create/"), ("post", f"{LIST}create-table/"), ("post", f"{LIST}upload/"),
        ("post", f"{LIST}create-incremental/"),
        ("get", f"{LIST}{FILE}/"), ("post", f"{LIST}{FILE}/validate/"), ("post", f"{LIST}{FILE}/restore/"),
        ("post", f"{LIST}{FILE}/restore-table/"), ("get", f"{LIST}{FILE}/download/"),
        ("get", f"{LIST}{FILE}/manifest/"),
        ("post", f"{LIST}{FILE}/trust/"), ("get", f"{LIST}{FILE}/delete/"), ("post", f"{LIST}{FILE}/delete/"),
    )  # fmt: skip

    @pytest.mark.parametrize("role", ["Editor", "Data manager", "Auditor"])
    def test_others_are_turned_away_and_the_trail_told(self, put, role):
        put()
        stranger = browser(person(role, is_staff=True))
        for number, (method, address) in enumerate(self.PAGES, 1):
            answer = getattr(stranger, method)(address)

            assert answer.status_code == 403, address
            assert "You can&#x27;t do this" in text_of(answer)
            assert FILE not in text_of(answer).replace(address, "")  # which the page may come back to
            rows = AuditLog.objects.filter(success=False, error_code="PERMISSION_DENIED", channel="admin")
            assert rows.count() == number
        assert not Job.objects.exists()

    @pytest.mark.parametrize(("method", "address"), PAGES)
    def test_strangers_log_in_first(self, method, address):
        answer = getattr(Client(), method)(address)

        assert answer.status_code == 302
        assert answer.url.startswith("/admin/login/")

    @pytest.mark.parametrize(("method", "address"), PAGES)
    def test_what_changes_something_wants_a_token_of_the_form(self, put, operator, method, address):
        put()

        answer = getattr(browser(operator, enforce_csrf_checks=True), method)(address)

        _ = answer.streaming and answer.getvalue()  # which closes the file
        assert answer.status_code == (403 if method == "post" else 200)
        assert not Job.objects.exists()

    @pytest.mark.parametrize("address", [address for method, address in PAGES if method == "post"])
    def test_nothing_is_changed_by_a_link(self, put, page, address):
        put()

        assert page.get(address).status_code == (405 if "delete" not in address else 200)
        assert not Job.objects.exists()

    def test_who_may_not_see_them_sees_no_link_to_them(self, operator):
        alerts.open_one("test", "Look into this.")
        editor = person("Editor", is_staff=True)

        assert LIST in text_of(browser(operator).get("/admin/"))
        assert "Look into this." in text_of(browser(operator).get("/admin/"))
        welcome = text_of(browser(editor).get("/admin/"))
        assert LIST not in welcome
        assert "Look into this." not in welcome

    @pytest.mark.parametrize("end", ["", "download/", "manifest/", "delete/"])
    def test_other_names_are_no_backups(self, put, page, end):
        put()
        for name in [name for name in OUTSIDE if isinstance(name, str) and name]:
            answer = page.get(f"{LIST}{quote(name, safe='')}/{end}", follow=True)

            assert answer.status_code == 404, name
            assert b"secrets" not in answer.content

    def test_a_column_that_is_hidden_from_somebody_stays_hidden(self, put, operator):
        put()
        hide("Backup operator", "books", "description")
        page = browser(operator)

        assert page.get(f"{LIST}{FILE}/download/").status_code == 403
        assert page.post(f"{LIST}upload/", {"file": io.BytesIO(SQL)}).status_code == 403
        assert page.post(f"{LIST}create/").status_code == 403
        shown = text_of(page.get(f"{LIST}{FILE}/"))
        assert "/download/" not in shown
        assert "See what would change" not in shown.split("One table")[0]
        assert 'value="books"' not in shown


class TestList:
    def test_tells_what_to_do_where_there_is_none(self, page):
        shown = text_of(page.get(LIST))

        assert "There is no backup yet." in shown
        assert "Back up everything" in shown
        assert "schedule" in shown

    def test_shows_each_with_what_is_known(self, put, page, folder):
        put()
        told = put(size=2048, table="books")
        put(timezone.now(), signed=False)
        Verification.objects.create(sha256=told.sha256, file=told.file, deep=True, valid=True)
        (folder / "backup_20260101T000000Z.manifest.json").write_text("{}")
        alerts.open_one(watching.NONE_PROVEN, "No full backup has been proven.")

        shown = text_of(page.get(LIST))

        tags = ("Never proven", ">Proven<", "Not trusted")
        for words in (
            *tags,
            "Table books",
            "2.0\xa0KB",
            told.sha256[:12],
            "3 backups",
            "No full backup has been",
        ):
            assert words in shown
        assert "backup_20260101T000000Z.manifest.json" in shown
        assert AuditLog.objects.filter(operation="LIST_BACKUPS", channel="admin", success=True).exists()

    def test_charts_how_old_and_how_large_each_is(self, put, page):
        now = timezone.now()
        put(now - timedelta(days=3), size=2048)
        put(now - timedelta(days=2), size=4096, table="books")

        shown = page.get(LIST)

        assert [(one["lane"], round(one["days"])) for one in shown.context["ages"]] == [
            ("Everything", 3),
            ("Table books", 2),
        ]
        sizes = [[cell["bytes"] for cell in bar["cells"]] for bar in shown.context["sizes"]]
        assert sizes == [[2048 + 1, None, None, None], [None, None, 4096, None]]
        for figure in text_of(shown).split("<figure")[1:]:
            assert figure.count(f'<a href="{LIST}') >= 2
            assert "<caption" in figure

    def test_one_has_a_page(self, put, page):
        told = put()
        checks = [{"name": "sha256", "ok": False, "detail": "another file"}]
        Verification.objects.create(
            sha256=told.sha256, file=told.file, deep=False, valid=False, checks=checks
        )

        shown = text_of(page.get(f"{LIST}{FILE}/"))

        for said in (
            told.sha256,
            "Not valid",
            "another file",
            "This server: it is signed",
            "2 tables",
            "PostgreSQL 18.4",
        ):
            assert said in shown


@pytest.mark.django_db(transaction=True)
class TestMaking:
    def test_a_full_backup_is_a_job(self, page, operator, place):
        answer = page.post(f"{LIST}create/")

        job = Job.objects.get()
        assert answer.url == f"/admin/jobs/job/{job.pk}/change/"
        assert "Full backup" in text_of(page.get(LIST))
        job = run_last()
        assert job.state == State.DONE
        assert job.result["backup_file"] in place.names()
        row = AuditLog.objects.get(operation="BACKUP_FULL")
        assert (row.user_id, row.channel, row.success) == (operator.username, "admin", True)
        assert job.result["backup_file"] in text_of(page.get(answer.url))

    def test_so_is_one_of_what_changed_whose_page_draws_the_chain(self, page):
        assert "create-incremental" not in text_of(page.get(LIST))
        page.post(f"{LIST}create/")
        full = run_last().result["backup_file"]
        assert "create-incremental" in text_of(page.get(LIST))
        files = []
        for _ in range(2):
            page.post(f"{LIST}create-incremental/")
            files.append(run_last().result["backup_file"])

        shown = page.get(f"{LIST}{files[0]}/")

        chain = [(one["line"].file, one["is_it"], one["is_later"]) for one in shown.context["chain"]]
        assert chain == [(full, False, False), (files[0], True, False), (files[1], False, True)]
        assert text_of(shown).count('<tr aria-current="true">') == 1
        assert f"since {full}" in text_of(page.get(LIST))
        asked = page.get(f"{LIST}{full}/delete/")
        assert f"{files[1]}, {files[0]}" in text_of(asked)
        page.post(f"{LIST}{full}/delete/", {"plan_token": hidden(asked, "plan_token")})
        assert not page.get(LIST).context["lines"]

    def test_so_is_one_of_a_table(self, page):
        page.post(f"{LIST}create-table/", {"table": "books", "content": "schema"})

        job = run_last()
        assert (job.result["table"], job.result["type"], job.arguments["schema_only"]) == (
            "books",
            "table",
            True,
        )

    @pytest.mark.parametrize(
        "form", [{"table": "no", "content": "both"}, {"table": "books", "content": "all"}, {}]
    )
    def test_a_form_that_is_forged_starts_nothing(self, page, form):
        answer = page.post(f"{LIST}create-table/", form)

        assert answer.url == LIST
        assert said(page, answer)
        assert not Job.objects.exists()

    def test_a_check_is_a_job_and_opens_or_closes_the_alert(self, page, owner, library):
        file = services.create_full(actor=person("Backup operator")).backup_file
        watching.watch(timezone.now())
        assert Alert.objects.get(closed_at=None).kind == watching.NONE_PROVEN

        page.post(f"{LIST}{file}/validate/", {"deep": "yes"})
        job = run_last()

        assert (job.state, job.result["valid"], job.result["deep"]) == (State.DONE, True, True), job.error
        assert not alerts.open_now()
        assert ">Proven<" in text_of(page.get(LIST))

    def test_one_that_is_not_whole_opens_an_alert(self, put, page):
        put()

        page.post(f"{LIST}{FILE}/validate/")
        job = run_last()

        assert (job.result["valid"], job.result["deep"]) == (False, False)
        assert FILE in alerts.open_now()[0].message
        assert "Not valid" in text_of(page.get(LIST))


@pytest.mark.django_db(transaction=True)
class TestRestoring:
    @pytest.fixture
    def file(self, owner, library):
        """A backup, after which something was lost."""
        file = services.create_full(actor=person("Backup operator")).backup_file
        owner.execute("TRUNCATE public.chapters CASCADE")
        return file

    def test_shows_the_plan_then_wants_the_name_then_restores(self, page, owner, file):
        asked = page.post(f"{LIST}{file}/restore/", {"way": "replace", "on_conflict": "error"})

        assert asked.status_code == 200
        shown = re.sub(r"\s+", " ", text_of(asked))
        assert '<th scope="row">chapters</th><td class="number">0</td><td class="number">240</td>' in shown
        assert "First a backup of what is there now is made" in shown
        assert not Job.objects.exists()

        agreed = {name: hidden(asked, name) for name in ("way", "on_conflict", "plan_token")}
        again = page.post(f"{LIST}{file}/restore/", agreed | {"typed": "backup"})
        assert "That is not its name" in text_of(again)
        assert not Job.objects.exists()

        started = page.post(
            f"{LIST}{file}/restore/",
            agreed | {"typed": f" {file} ", "plan_token": hidden(again, "plan_token")},
        )
        job = run_last()

        assert (job.state, job.error) == (State.DONE, None)
        assert owner.execute("SELECT count(*) FROM public.chapters").fetchone() == (240,)
        result = text_of(page.get(started.url))
        assert "Safety backup" in result
        assert agreed["plan_token"] not in result

        page.post(
            f"{LIST}{file}/restore/", agreed | {"typed": file, "plan_token": hidden(again, "plan_token")}
        )
        job = run_last()
        assert (job.state, job.error["code"]) == (State.FAILED, "CONFIRMATION_REQUIRED")

    def test_merges_one_table(self, page, owner, file):
        form = {"table": "chapters", "on_conflict": "skip"}
        asked = page.post(f"{LIST}{file}/restore-table/", form)
        assert "keep the record that is there" in text_of(asked)

        token = hidden(asked, "plan_token")
        page.post(f"{LIST}{file}/restore-table/", form | {"plan_token": token, "typed": file})
        job = run_last()

        assert (job.state, job.error) == (State.DONE, None)
        assert owner.execute("SELECT count(*) FROM public.chapters").fetchone() == (240,)

    def test_the_plan_tells_what_was_changed_since(self, page, file):
        (book, *_) = Book.objects.order_by("pk")
        changed = {"data": {"title": "Changed since"}, "where": {"id": book.pk}}
        records.update_records(actor=person("Editor"), table=registry.get("books"), **changed)

        asked = page.post(f"{LIST}{file}/restore/", {"way": "replace", "on_conflict": "error"})

        rows = {row["table"]: row for row in asked.context["rows"]}
        told = [rows[name] for name in ("books", "chapters", "genres")]
        assert [(row["changed"], row["is_same"]) for row in told] == [("1", False), ("", False), ("", True)]
        assert "table_name__exact=books&amp;operation__exact=writing&amp;timestamp__gte=20" in text_of(asked)

    def test_a_plan_is_good_for_just_what_it_showed(self, page, file):
        asked = page.post(f"{LIST}{file}/restore/", {"way": "merge", "on_conflict": "skip"})
        token = hidden(asked, "plan_token")

        page.post(f"{LIST}{file}/restore/", {"way": "replace", "plan_token": token, "typed": file})

        job = run_last()
        assert (job.state, job.error["code"]) == (State.FAILED, "CONFIRMATION_REQUIRED")

    def test_who_is_freed_from_plans_is_asked_here_all_the_same(self, page, operator, file):
        group = operator.user.groups.get()
        PlanFreeRole.objects.create(role=group, operation=Planned.RESTORE_FULL)

        asked = page.post(f"{LIST}{file}/restore/", {"way": "replace"})

        assert "Type the name of the backup" in text_of(asked)
        assert not Job.objects.exists()

    def test_a_form_that_is_forged_shows_why_and_starts_nothing(self, page, file):
        for form in ({}, {"way": "all"}, {"way": "merge", "on_conflict": "often"}):
            answer = page.post(f"{LIST}{file}/restore/", form)

            assert answer.url == f"{LIST}{file}/"
            assert "must be one of" in said(page, answer), form
            assert not Job.objects.exists()

    def test_a_file_that_was_changed_is_refused_before_anything_is_asked(self, page, folder, file):
        before = Plan.objects.count()  # of other tests: plans are kept past the end of their transactions
        data = bytearray((folder / file).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / file).write_bytes(data)

        answer = page.post(f"{LIST}{file}/restore/", {"way": "replace"})

        assert "sha256" in said(page, answer)
        assert Plan.objects.count() == before


class TestFiles:
    def test_a_download_is_the_file_and_audited(self, put, page, operator):
        put()

        answer = page.get(f"{LIST}{FILE}/download/")

        assert (answer.getvalue(), answer["Content-Length"]) == (b"x" * 10, "10")
        assert answer["Content-Disposition"] == f'attachment; filename="{FILE}"'
        assert answer.streaming
        row = AuditLog.objects.get(operation="DOWNLOAD_BACKUP")
        assert (row.record_id, row.user_id, row.success) == (FILE, operator.username, True)
        told = page.get(f"{LIST}{FILE}/manifest/")
        assert b'"signature"' in told.getvalue()
        assert told["Content-Disposition"].endswith('.manifest.json"')

    def test_an_upload_is_foreign_and_trusted_by_its_sha256_after_a_look(self, page, operator):
        answer = page.post(f"{LIST}upload/", {"file": io.BytesIO(SQL)})
        assert "Kept as foreign_" in said(page, answer)
        one, digest = answer.url, sha256(SQL).hexdigest()
        assert "Check it first" in text_of(page.get(one))

        assert "Check it first" in said(page, page.post(f"{one}trust/", {"sha256": digest}))
        Verification.objects.create(sha256=digest, file="x", deep=False, valid=False)
        assert "I answer for this file" in text_of(page.get(one))
        assert "not the sha256" in said(page, page.post(f"{one}trust/", {"sha256": "0" * 64}))
        assert not Trust.objects.exists()

        page.post(f"{one}trust/", {"sha256": f" {digest.upper()} "})

        assert Trust.objects.get().username == operator.username
        assert "Restore from it" in text_of(page.get(one))

    def test_a_manifest_of_ours_is_of_its_own_file_alone(self, put, page, folder):
        signed = (folder / put().name.manifest_file).read_bytes()
        form = {"file": io.BytesIO(b"another"), "manifest": io.BytesIO(signed)}

        assert "not the one" in said(page, page.post(f"{LIST}upload/", form))

    def test_too_much_is_refused_before_it_is_read(self, page, settings, monkeypatch):
        settings.BACKUP_MAX_UPLOAD_MB = 1
        monkeypatch.setattr("backups.admin.files.MAX_BYTES", 0)
        monkeypatch.setattr("backups.admin.files.FORM_BYTES", 0)

        answer = page.post(f"{LIST}upload/", {"file": io.BytesIO(b"x" * (1 << 20))})

        assert "larger than 1 MB" in said(page, answer)
        assert not answer.wsgi_request._read_started

    def test_no_file_is_said_so(self, page):
        assert "Choose a file" in said(page, page.post(f"{LIST}upload/"))

    def test_a_file_is_not_taken_without_a_token_of_the_form(self, operator, folder):
        client = browser(operator, enforce_csrf_checks=True)

        assert client.post(f"{LIST}upload/", {"file": io.BytesIO(SQL)}).status_code == 403
        assert not list(folder.glob("foreign*"))


class TestDeleting:
    def test_shows_what_is_lost_and_deletes_when_somebody_agrees(self, put, page, folder):
        put()
        asked = page.get(f"{LIST}{FILE}/delete/")
        assert "It is the last of its kind" in text_of(asked)

        answer = page.post(f"{LIST}{FILE}/delete/", {"plan_token": hidden(asked, "plan_token")})

        assert f"Deleted {FILE}" in said(page, answer)
        assert not list(folder.iterdir())
        assert AuditLog.objects.get(operation="DELETE_BACKUP", success=True).record_id == FILE
        assert page.get(f"{LIST}{FILE}/").status_code == 404

    def test_who_is_freed_from_plans_deletes_nothing_by_a_look(self, put, page, operator, folder):
        put()
        PlanFreeRole.objects.create(role=operator.user.groups.get(), operation=Planned.DELETE_BACKUP)

        assert "Delete for good" in text_of(page.get(f"{LIST}{FILE}/delete/"))
        assert (folder / FILE).exists()

    @pytest.mark.parametrize("token", ["", "made up"])
    def test_asks_where_nobody_did(self, put, page, folder, token):
        put()

        answer = page.post(f"{LIST}{FILE}/delete/", {"plan_token": token})

        assert "Delete for good" in text_of(answer)
        assert (folder / FILE).exists()
