"""Who may do what with backups; listing, fetching, deleting, expiring and bringing them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import (
    AuthenticationRequired,
    ConfirmationRequired,
    Conflict,
    Forbidden,
    InvalidInput,
    LimitExceeded,
    NotFound,
)
from accesscontrol.models import ColumnRule
from audit import trail as trail_module
from audit.models import AuditLog
from backups import deletion, manifest, names, services, uploads
from backups.errors import BackupInvalid
from backups.manifest import Manifest
from backups.models import Trust, Verification
from tests.backups.conftest import OLD_KEY
from tests.backups.test_manifest import DOCUMENT
from tests.backups.test_names import OUTSIDE

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SQL = b"\x1f\x8b some bytes of a dump"


def person(*roles: str, **flags: bool) -> Actor:
    user = User.objects.create_user(f"user{User.objects.count()}", password="correct horse", **flags)
    user.groups.set(Group.objects.filter(name__in=roles))
    return Actor(user, Channel.COMMAND)


def delete(actor: Actor, file: str) -> deletion.Deleted:
    """Delete a backup as somebody who reads the plan and agrees."""
    with pytest.raises(ConfirmationRequired) as shown:
        deletion.delete_backup(actor=actor, backup_file=file)
    return deletion.delete_backup(actor=actor, backup_file=file, plan_token=shown.value.details["plan_token"])


def hide(role: str, table: str, column: str) -> None:
    ColumnRule.objects.create(
        role=Group.objects.get(name=role), table_id=table, column_name=column, access="hidden"
    )


@pytest.fixture
def operator(db: None) -> Actor:
    """Someone who makes backups, and reads nothing."""
    return person("Backup operator")


@pytest.fixture
def put(place) -> Callable[..., Manifest]:
    """Return a function that puts a backup there without making it."""

    def make(at: datetime = AT, size: int = 10, table: str | None = None, *, signed: bool = True) -> Manifest:
        name = names.new("table" if table else "full", at, table=table)
        told = Manifest.model_validate(
            DOCUMENT
            | {
                "type": name.kind, "file": name.file, "table": table, "created_at": manifest.timestamp(at),
                "size_bytes": size, "sha256": f"{int(at.timestamp()):064x}",
                "app": None if table else {**DOCUMENT["app"], "file": name.app_file},
            }
        )  # fmt: skip
        files = {name.file: b"x" * size, name.manifest_file: (told.sealed() if signed else told).encode()}
        for file, content in (files | ({} if table else {name.app_file: b"secrets"})).items():
            with place.create() as new:
                new.write(content)
                new.publish(file)
        return told

    return make


class TestRights:
    WORK = {
        "full": lambda who: services.create_full(actor=who),
        "table": lambda who: services.create_table(actor=who, table="books"),
        "list": lambda who: services.list_backups(actor=who),
        "download": lambda who: services.open_download(
            actor=who, backup_file="backup_20261122T020000Z.sql.gz"
        ),
        "delete": lambda who: deletion.delete_backup(actor=who, backup_file="backup_20261122T020000Z.sql.gz"),
        "expire": lambda who: deletion.expire(actor=who, now=AT),
        "upload": lambda who: uploads.add_upload(actor=who, source=[SQL]),
        "trust": lambda who: uploads.trust(actor=who, backup_file="backup_20261122T020000Z.sql.gz"),
    }

    @pytest.mark.parametrize("work", WORK)
    @pytest.mark.parametrize("role", ["Viewer", "Writer", "Editor", "Data manager", "Auditor", None])
    @pytest.mark.django_db
    def test_those_of_other_roles_may_nothing(self, work, role, folder):
        with pytest.raises(Forbidden):
            self.WORK[work](person(*filter(None, [role])))

        assert not folder.exists()

    @pytest.mark.parametrize("work", WORK)
    @pytest.mark.django_db
    def test_nobody_may_nothing(self, work):
        with pytest.raises(AuthenticationRequired):
            self.WORK[work](Actor(None, Channel.MCP))

    @pytest.mark.parametrize("role", ["Backup operator", "Administrator"])
    @pytest.mark.django_db(transaction=True)
    def test_those_who_may_back_up_may_all_of_it(self, role, put):
        put()
        who = person(role)

        assert services.create_table(actor=who, table="books").table == "books"
        assert services.create_full(actor=who).tables == 29
        assert services.list_backups(actor=who).total == 3
        with services.open_download(actor=who, backup_file="backup_20261122T020000Z.sql.gz").file as file:
            assert file.read() == b"x" * 10

    @pytest.mark.parametrize("work", ["full", "table", "download", "upload", "trust"])
    @pytest.mark.django_db
    def test_nobody_gets_a_column_by_a_backup_that_is_kept_from_them(self, work, operator, put):
        put()
        hide("Backup operator", "books", "description")

        with pytest.raises(Forbidden, match="every column"):
            self.WORK[work](Actor(operator.user, Channel.MCP))

    @pytest.mark.django_db(transaction=True)
    def test_a_hidden_column_of_another_table_is_no_matter(self, operator):
        hide("Backup operator", "authors", "email")

        assert services.create_table(actor=operator, table="books").table == "books"


@pytest.mark.django_db
class TestList:
    def test_says_what_is_known_of_each_the_newest_first(self, operator, put):
        old, new, table = put(AT), put(AT + timedelta(days=1)), put(AT - timedelta(days=1), table="books")
        Verification.objects.create(sha256=old.sha256, file=old.file, deep=True, valid=True)
        Verification.objects.create(sha256=new.sha256, file=new.file, deep=False, valid=True)

        found = services.list_backups(actor=operator)

        assert [backup.file for backup in found.backups] == [new.file, old.file, table.file]
        assert [backup.is_proven for backup in found.backups] == [False, True, False]
        assert [backup.is_valid for backup in found.backups] == [True, True, None]
        assert all(backup.is_signed for backup in found.backups)
        assert found.backups[0].record_count == 5
        assert (found.total, found.total_bytes) == (3, 32)
        assert AuditLog.objects.get(operation="LIST_BACKUPS").record_count == 3

    def test_a_later_failure_takes_a_proof_back(self, operator, put):
        told = put()
        for valid in (True, False):
            Verification.objects.create(sha256=told.sha256, file=told.file, deep=True, valid=valid)

        assert not services.list_backups(actor=operator).backups[0].is_proven

    def test_chooses_sorts_and_limits(self, operator, put):
        put(AT, 10)
        big = put(AT - timedelta(days=1), 1_000)
        put(AT, table="books")

        found = services.list_backups(actor=operator, type="full", sort_by="size", limit=1)

        assert [backup.file for backup in found.backups] == [big.file]
        assert found.total == 2

    @pytest.mark.parametrize(
        "wrong",
        [{"type": "x"}, {"sort_by": "name"}, {"limit": 0}, {"limit": True}, {"limit": "1"}, {"limit": 1_001}],
        ids=str,
    )
    def test_refuses_what_there_is_not(self, operator, wrong):
        with pytest.raises(InvalidInput):
            services.list_backups(actor=operator, **wrong)

    def test_tells_of_what_is_not_ours_and_what_is_no_manifest(self, operator, put, place):
        put(signed=False)
        with place.create() as new:
            new.write(b"{}")
            new.publish("backup_20261123T020000Z.manifest.json")

        found = services.list_backups(actor=operator)

        assert [(backup.is_signed, backup.is_trusted) for backup in found.backups] == [(False, False)]
        assert found.unreadable == ["backup_20261123T020000Z.manifest.json"]


@pytest.mark.django_db
class TestDownload:
    def test_is_in_the_trail(self, operator, put):
        told = put()
        with services.open_download(actor=operator, backup_file=told.file).file:
            pass

        assert AuditLog.objects.get(operation="DOWNLOAD_BACKUP").record_id == told.file

    def test_gives_the_manifest_too(self, operator, put):
        told = put()
        download = services.open_download(actor=operator, backup_file=told.file, manifest_only=True)
        with download.file as file:
            assert manifest.parse(file.read()).is_signed
        assert download.name == told.name.manifest_file

    @pytest.mark.parametrize("name", OUTSIDE, ids=repr)
    def test_gives_nothing_else(self, operator, put, name):
        put()
        with pytest.raises(NotFound):
            services.open_download(actor=operator, backup_file=name)
        with pytest.raises(NotFound):
            deletion.delete_backup(actor=operator, backup_file=name)

    def test_a_file_without_its_manifest_is_not_there(self, operator, put, place):
        told = put()
        place.delete(told.name.manifest_file)

        with pytest.raises(NotFound):
            services.open_download(actor=operator, backup_file=told.file)


@pytest.mark.django_db
class TestDelete:
    def test_takes_all_its_files_and_no_other(self, operator, put, place):
        told, other = put(), put(AT + timedelta(days=1), table="books")

        deleted = delete(operator, told.file)

        assert deleted.freed_bytes == 10 + 7 + len(told.sealed().encode())
        assert place.names() == sorted([other.file, other.name.manifest_file])
        row = AuditLog.objects.get(operation="DELETE_BACKUP")
        assert (row.record_id, row.changes["sha256"]) == (told.file, {"old": told.sha256})

    def test_nothing_goes_without_its_audit_row(self, operator, put, place, monkeypatch):
        told = put()

        def fail(*_: object) -> None:
            raise RuntimeError("no trail")

        monkeypatch.setattr(trail_module, "record", fail)
        with pytest.raises(RuntimeError):
            delete(operator, told.file)

        assert len(place.names()) == 3

    def test_takes_what_can_not_be_read_too(self, operator, put, folder, place):
        told = put()
        (folder / told.name.manifest_file).write_bytes(b"{}")

        delete(operator, told.file)

        assert place.names() == []

    def test_a_second_time_there_is_none(self, operator, put):
        told = put()
        delete(operator, told.file)

        with pytest.raises(NotFound):
            deletion.delete_backup(actor=operator, backup_file=told.file)

    def test_says_first_what_would_be_left(self, operator, put, place):
        told = put()
        put(AT + timedelta(days=1))
        Verification.objects.create(sha256=told.sha256, file=told.file, deep=True, valid=True)

        with pytest.raises(ConfirmationRequired) as shown:
            deletion.delete_backup(actor=operator, backup_file=told.file)

        plan = shown.value.details["plan"]
        assert (plan["is_proven"], plan["left_of_its_kind"], plan["proven_left_of_its_kind"]) == (True, 1, 0)
        assert len(place.names()) == 6

    def test_a_plan_is_good_for_what_it_counted_alone(self, operator, put, place):
        told = put()
        with pytest.raises(ConfirmationRequired) as shown:
            deletion.delete_backup(actor=operator, backup_file=told.file)
        token = shown.value.details["plan_token"]
        other = put(AT + timedelta(days=1))

        for file in (other.file, told.file):
            with pytest.raises(ConfirmationRequired):
                deletion.delete_backup(actor=operator, backup_file=file, plan_token=token)
        assert len(place.names()) == 6


@pytest.mark.django_db
class TestExpire:
    def test_lets_go_what_the_rules_let_go_and_tells_the_trail_of_each(self, operator, put, place):
        proven = put(AT - timedelta(days=200))
        Verification.objects.create(sha256=proven.sha256, file=proven.file, deep=True, valid=True)
        old = put(AT - timedelta(days=100))
        table = put(AT - timedelta(days=150), table="books")
        new = put(AT)

        assert deletion.expire(actor=operator, now=AT, dry_run=True) == [old.file]
        assert len(services.list_backups(actor=operator).backups) == 4
        assert deletion.expire(actor=operator, now=AT) == [old.file]
        left = {backup.file for backup in services.list_backups(actor=operator).backups}
        assert left == {proven.file, table.file, new.file}
        assert AuditLog.objects.get(operation="DELETE_BACKUP").record_id == old.file


@pytest.mark.django_db
class TestUpload:
    def test_a_file_alone_is_foreign_and_not_trusted(self, operator, place):
        told = uploads.add_upload(actor=operator, source=[SQL[:5], SQL[5:]])

        with place.open(told.file) as file:
            assert file.read() == SQL
        found = services.list_backups(actor=operator).backups[0]
        assert (found.type, found.is_signed, found.is_trusted) == ("foreign", False, False)
        assert told.file.endswith(".sql.gz")
        assert AuditLog.objects.get(operation="UPLOAD_BACKUP").record_id == told.file

    def test_somebody_may_answer_for_that_very_file(self, operator, put):
        told = uploads.add_upload(actor=operator, source=[b"SELECT 1;"])

        trusted = uploads.trust(actor=operator, backup_file=told.file)

        assert Trust.objects.get(sha256=trusted).username == operator.username
        assert services.list_backups(actor=operator).backups[0].is_trusted
        assert AuditLog.objects.get(operation="TRUST_BACKUP").changes["sha256"] == {"new": told.sha256}
        assert told.file.endswith("Z.sql")

    def test_one_of_ours_comes_home_under_its_name(self, operator, put, place):
        told = put(size=2_000)
        data = told.sealed().model_copy(update={"sha256": _digest(b"x" * 2_000)}).sealed().encode()
        delete(operator, told.file)

        home = uploads.add_upload(actor=operator, source=[b"x" * 2_000], manifest_data=data)

        assert home.file == told.file
        assert services.list_backups(actor=operator).backups[0].is_signed
        with pytest.raises(Conflict):
            uploads.add_upload(actor=operator, source=[b"x" * 2_000], manifest_data=data)
        with place.open(told.file) as file:
            assert len(file.read()) == 2_000

    def test_a_manifest_that_is_not_ours_or_not_its_is_refused(self, operator, put, place, settings):
        told = put()
        mine = settings.BACKUP_KEYS
        settings.BACKUP_KEYS = [OLD_KEY]
        strange = told.sealed().encode()
        settings.BACKUP_KEYS = mine
        delete(operator, told.file)
        edited = json.dumps({**json.loads(told.sealed().encode()), "size_bytes": 11}).encode()

        for data in (strange, edited, told.encode(), told.sealed().encode(), b"{}"):
            with pytest.raises(BackupInvalid):
                uploads.add_upload(actor=operator, source=[b"y" * 10], manifest_data=data)
        assert place.names() == []

    def test_too_much_is_stopped_and_nothing_of_it_left(self, operator, settings, folder):
        settings.BACKUP_MAX_UPLOAD_MB = 1
        taken = []

        def endless():
            while True:
                taken.append(1)
                yield b"x" * 100_000

        with pytest.raises(LimitExceeded):
            uploads.add_upload(actor=operator, source=endless())

        assert len(taken) == 11
        assert list(folder.iterdir()) == []


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
class TestCommands:
    def test_make_list_and_expire_as_the_service_user(self, trouble):
        full, table = run("backup"), run("backup", "--table", "books", "--no-compress")

        assert full.startswith("backup_")
        assert "29 tables" in full
        assert table.startswith("table_books_")
        listed = run("list_backups")
        assert "signed, not verified" in listed
        assert "2 backups" in listed
        assert run("expire_backups", "--dry-run") == "0 backups would be deleted\n"
        row = AuditLog.objects.get(operation="BACKUP_FULL")
        assert (row.user_id, row.channel) == ("schedule", "command")
        assert row.client_info["system_user"]

    def test_a_refusal_is_told_and_in_the_trail(self, viewer):
        with pytest.raises(CommandError, match="You may not backup"):
            run("backup", "--user", viewer.username)
        with pytest.raises(CommandError, match="no active account"):
            run("backup", "--user", "nemo")

        assert AuditLog.objects.get(operation="BACKUP_FULL").error_code == "PERMISSION_DENIED"
