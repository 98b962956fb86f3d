"""Accounts from the command line: made and changed with a row in the trail, like everywhere."""

from __future__ import annotations

import io
import json

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from accesscontrol import accounts, key_use, service_users
from accesscontrol.management import asking
from audit import trail
from audit.models import AuditLog
from catalog import registry
from catalog.services import records

pytestmark = pytest.mark.django_db

GOOD, WEAK = "walrus-teapot-91", "12345"


@pytest.fixture(autouse=True)
def _somebody(monkeypatch):
    """Let a certain account of the system run the commands."""
    monkeypatch.setattr("getpass.getuser", lambda: "sysop")


@pytest.fixture
def typing(monkeypatch):
    """Return a function that has somebody type answers."""

    def type_(*answers):
        left = list(answers)

        def answer(_prompt):
            if not left:
                raise EOFError
            return left.pop(0)

        monkeypatch.setattr("builtins.input", answer)
        monkeypatch.setattr(asking, "getpass", answer)

    return type_


def run(*arguments, **options):
    said = io.StringIO()
    call_command(*arguments, stdout=said, stderr=said, **options)
    return said.getvalue()


def told():
    rows = AuditLog.objects.filter(success=True).order_by("id")
    assert {(row.user_id, row.channel, row.client_info["system_user"]) for row in rows} <= {
        (None, "command", "sysop")
    }
    everything = json.dumps(list(rows.values("changes", "client_info", "error_message")), default=str)
    assert not any(user.password in everything for user in User.objects.all())
    assert GOOD not in everything
    return [(row.operation, row.record_id, row.changes) for row in rows]


CHANGED = {"password": {"old": "(hidden)", "new": "(changed)"}}


class TestCreateSuperuser:
    def test_makes_one_who_can_log_in_and_tells_the_trail(self, typing):
        typing("ada", GOOD, GOOD)

        said = run("createsuperuser", email="ada@example.org")

        ada = User.objects.get(username="ada")
        assert accounts.is_administrator(ada)
        assert ada.check_password(GOOD)
        assert GOOD not in said
        (made, given) = told()
        assert made[:2] == ("GRANT", "user ada")
        assert made[2]["is_superuser"] == {"old": None, "new": True}
        assert made[2]["email"] == {"old": None, "new": "ada@example.org"}
        assert given == ("USER_CHANGED", "user ada", CHANGED)

    def test_asks_nothing_when_told_so(self, typing, monkeypatch):
        typing()
        monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "ada")
        run("createsuperuser", interactive=False)
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", GOOD)
        run("createsuperuser", interactive=False, username="eve")

        assert not User.objects.get(username="ada").has_usable_password()
        assert User.objects.get(username="eve").check_password(GOOD)
        assert [row[:2] for row in told()] == [
            ("GRANT", "user ada"), ("GRANT", "user eve"), ("USER_CHANGED", "user eve"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("answers", "message"),
        [
            (("ada", WEAK, WEAK), "too short"),
            (("ada", GOOD, GOOD.upper()), "two different"),
            (("norah", GOOD, GOOD), "already exists"),
            (("", GOOD, GOOD), "username"),
            (("ada",), "Nothing was typed"),
        ],
    )
    def test_makes_nobody_otherwise(self, nobody, typing, answers, message):
        typing(*answers)

        with pytest.raises(CommandError, match=message) as refusal:
            run("createsuperuser")

        assert WEAK not in str(refusal.value)
        assert list(User.objects.all()) == [nobody.user]
        assert told() == []

    def test_takes_no_weak_password_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", WEAK)

        with pytest.raises(CommandError, match="too short"):
            run("createsuperuser", interactive=False, username="ada")
        with pytest.raises(CommandError, match="--username is needed"):
            run("createsuperuser", interactive=False)

        assert not User.objects.exists()

    def test_makes_nobody_when_the_trail_cannot_be_written(self, monkeypatch):
        _break_the_trail(monkeypatch)

        with pytest.raises(RuntimeError):
            run("createsuperuser", interactive=False, username="ada")

        assert not User.objects.exists()


class TestChangePassword:
    def test_sets_it_and_tells_the_trail(self, admin, typing):
        typing(GOOD, GOOD)

        said = run("changepassword", "ada")

        assert User.objects.get(username="ada").check_password(GOOD)
        assert GOOD not in said
        assert told() == [("USER_CHANGED", "user ada", CHANGED)]

    @pytest.mark.parametrize(
        ("name", "answers", "message"),
        [
            ("norah", (WEAK, WEAK), "too short"),
            ("norah", ("", ""), "too short"),
            ("norah", (GOOD, "another"), "two different"),
            ("norah", (), "Nothing was typed"),
            ("nina", (GOOD, GOOD), "no account 'nina'"),
        ],
    )
    def test_changes_nothing_otherwise(self, nobody, typing, name, answers, message):
        typing(*answers)

        with pytest.raises(CommandError, match=message):
            run("changepassword", name)

        assert User.objects.get(username="norah").check_password("correct horse")
        assert told() == []

    def test_gives_no_program_a_password(self, typing):
        typing(GOOD, GOOD)
        program = service_users.get("schedule", role="Viewer")

        with pytest.raises(CommandError, match="account of a program"):
            run("changepassword", "schedule")

        program.refresh_from_db()
        assert not program.has_usable_password()

    def test_changes_nothing_when_the_trail_cannot_be_written(self, nobody, typing, monkeypatch):
        typing(GOOD, GOOD)
        _break_the_trail(monkeypatch)

        with pytest.raises(RuntimeError):
            run("changepassword", "norah")

        assert User.objects.get(username="norah").check_password("correct horse")


class TestLoadData:
    def test_brings_nobody_in(self, tmp_path):
        fixture = tmp_path / "people.json"
        fixture.write_text(
            json.dumps([{"model": "auth.user", "fields": {"username": "evil", "is_superuser": True}}])
        )

        with pytest.raises(CommandError, match="past the audit trail"):
            call_command("loaddata", str(fixture))

        assert not User.objects.exists()


class TestAuditLogFlush:
    def test_keeps_the_versions(self, admin):
        records.insert_record(actor=admin, table=registry.get("authors"), data={"name": "Ada"})

        with pytest.raises(CommandError, match="versions of records"):
            call_command("auditlogflush", "--yes")

        assert LogEntry.objects.count() == 1


def _break_the_trail(monkeypatch):
    def fail(*_):
        raise RuntimeError("no trail")

    monkeypatch.setattr(trail, "record", fail)


class TestCreateApiKey:
    @pytest.fixture(autouse=True)
    def _robot(self):
        User.objects.create_user("robot").groups.add(Group.objects.get(name="Writer"))

    def test_shows_the_key_once_and_tells_the_trail(self):
        asked = ("--name=nightly", "--scope=read", "--scope=insert:books", "--network=192.0.2.7")
        shown = run("create_api_key", "robot", *asked)
        found = key_use.authenticate(shown.strip(), "192.0.2.7")

        assert (found.user.username, found.scope.texts) == ("robot", ["insert:books", "read"])
        row = AuditLog.objects.get(operation="KEY_CREATED")
        assert (row.user_id, row.client_info["system_user"]) == (None, "sysop")

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ("--scope=delete", "may not do this"),
            ("--scope=all", "no scope"),
            ("--network=x", "no network"),
            ("--days=0", "in the future"),
            ("--days=1000000000", "at most"),
        ],
    )
    def test_refuses_what_can_not_be(self, wrong, message):
        with pytest.raises(CommandError, match=message):
            run("create_api_key", "robot", "--name=nightly", "--scope=read", wrong)

    def test_is_for_accounts_that_work(self):
        User.objects.update(is_active=False)
        with pytest.raises(CommandError, match="no active account"):
            run("create_api_key", "robot", "--name=nightly", "--scope=read")
