"""Validation: what is right passes, deep too, and every file that was tampered with is found and never restored."""

from __future__ import annotations

import gzip
import random
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import Forbidden, NotFound
from audit.models import AuditLog
from backups import manifest, names, storage, stored, uploads, validation
from backups.errors import BackupInvalid
from backups.models import Trust, Verification
from catalog import registry
from tests import databases
from tests.backups.conftest import KEY, OLD_KEY
from tests.backups.restores import backup, merge, replace, state

pytestmark = pytest.mark.usefixtures("owner")


def validate(file: str, **arguments: bool) -> validation.Validation:
    return validation.validate_backup(actor=on_this_machine(), backup_file=file, **arguments)


def found(file: str) -> dict[str, bool]:
    return {check.name: check.ok for check in validate(file).checks}


def path(folder: Path, file: str) -> Path:
    return folder / file


def manifest_of(folder: Path, file: str) -> Path:
    return folder / names.parse(file).manifest_file


def rewrite(folder: Path, file: str, *, sign_with: str | None, settings, **changes: object) -> None:
    """Edit a manifest, and sign it with a key or keep its old signature."""
    place = manifest_of(folder, file)
    document = manifest.parse(place.read_bytes()).model_copy(update=changes)
    if sign_with is not None:
        settings.BACKUP_KEYS = [sign_with]
        document = document.sealed()
        settings.BACKUP_KEYS = [KEY]
    place.write_bytes(document.encode())


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A folder for two backups of the database as it is before a test."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def files(kept, folder) -> list[str]:
    """Two backups that are made once, of which each test has copies."""
    if any(kept.iterdir()):
        shutil.copytree(kept, folder)
    else:
        backup(), backup()
        shutil.copytree(folder, kept, dirs_exist_ok=True)
    return sorted(path.name for path in folder.glob("*.sql.gz") if ".app." not in path.name)


@pytest.fixture
def file(files) -> str:
    """One of them."""
    return files[0]


@pytest.mark.django_db(transaction=True)
class TestValid:
    def test_shallow_and_deep_are_kept_and_told(self, owner, library):
        file = backup()

        shallow, deep = validate(file), validate(file, deep=True)

        assert shallow.valid
        assert deep.valid, deep.checks
        assert deep.tables == len(registry.all_tables())
        assert [check.name for check in deep.checks][-1] == "restore"
        assert list(Verification.objects.order_by("id").values_list("deep", "valid")) == [
            (False, True),
            (True, True),
        ]
        assert AuditLog.objects.filter(operation="VALIDATE_BACKUP").count() == 2
        oid = owner.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()[0]
        assert not databases.databases(owner, f"scratch_{oid}_")

    def test_a_backup_of_rows_alone_and_of_one_table(self, library):
        from backups import services  # noqa: PLC0415

        table = services.create_table(actor=on_this_machine(), table="books").backup_file

        assert validate(table, deep=True).valid
        assert validate(backup(include_schema=False), deep=True).valid

    def test_deep_finds_a_signed_backup_that_says_of_a_table_what_is_not_true(self, file, folder, settings):
        tables = manifest.parse(manifest_of(folder, file).read_bytes()).tables
        wrong = tables["books"].model_copy(update={"checksum": "1"})
        rewrite(folder, file, sign_with=KEY, settings=settings, tables={**tables, "books": wrong})

        with pytest.raises(BackupInvalid, match="Table books has other values"):
            replace(file)
        assert validate(file).valid
        deep = validate(file, deep=True)
        assert [check.detail for check in deep.checks if not check.ok] == [
            "Table books has other values than it had."
        ]

    def test_and_restore_find_a_structure_that_is_not_what_it_was(self, file, folder, settings):
        rewrite(folder, file, sign_with=KEY, settings=settings, schema_fingerprint="0" * 64)

        assert not validate(file, deep=True).valid
        with pytest.raises(BackupInvalid, match="structure"):
            replace(file)

    def test_one_of_an_older_version_takes_its_migrations_back_and_one_of_a_newer_is_refused(
        self, file, owner, folder, settings
    ):
        migrations = manifest.parse(manifest_of(folder, file).read_bytes()).migrations
        newest = max(name for app, name in migrations if app == "catalog")
        older = [one for one in migrations if one != ["catalog", newest]]
        rewrite(folder, file, sign_with=KEY, settings=settings, migrations=older)

        assert "older" in replace(file).warnings[0]
        names_now = {
            name
            for (name,) in owner.execute(
                "SELECT name FROM app.django_migrations WHERE app IN ('catalog', 'audit')"
            )
        }
        assert newest not in names_now
        assert {name for app, name in older if app in {"catalog", "audit"}} <= names_now

        newer = [*migrations, ["catalog", "9999_from_the_future"]]
        rewrite(folder, file, sign_with=KEY, settings=settings, migrations=newer)
        assert found(file)["schema"] is False
        with pytest.raises(BackupInvalid, match="newer version"):
            replace(file)

    def test_needs_the_right(self, file, viewer):
        with pytest.raises(Forbidden):
            validation.validate_backup(actor=viewer, backup_file=file)

    def test_the_command_fails_where_it_is_not_valid(self, files, folder, capsys):
        file = files[-1]
        call_command("validate", "--newest", "--deep")
        assert f"{file} is valid" in capsys.readouterr().out
        path(folder, file).write_bytes(b"x")
        with pytest.raises(CommandError, match="not valid"):
            call_command("validate", file)


@pytest.mark.django_db
class TestTampering:
    """Nothing of these reaches a database: they need none of their own."""

    def test_every_flip_and_cut_at_random_places_is_found_and_not_restored(self, file, folder, owner):
        before = state(owner)
        whole, chosen = path(folder, file).read_bytes(), random.Random(4)  # noqa: S311 - the same places each time
        for number in range(20):
            at = chosen.randrange(len(whole))
            flipped = bytes([whole[at] ^ (1 << chosen.randrange(8))])
            path(folder, file).write_bytes(
                whole[:at] + flipped + whole[at + 1 :] if number % 2 else whole[:at]
            )
            assert not validate(file).valid
            with pytest.raises(BackupInvalid):
                replace(file)
        assert state(owner) == before

    @pytest.mark.parametrize("with_app", [False, True])
    def test_swapped_files_are_found(self, files, folder, with_app):
        one, other = files
        if with_app:
            one, other = names.parse(one).app_file, names.parse(other).app_file
        shutil.copy(path(folder, other), path(folder, one))
        full = one.replace(".app.", ".")

        assert found(full)["accounts" if with_app else "sha256"] is False

    def test_a_file_compressed_anew_is_found(self, file, folder):
        path(folder, file).write_bytes(gzip.compress(gzip.decompress(path(folder, file).read_bytes())))

        assert not validate(file).valid

    def test_a_changed_file_with_a_manifest_that_fits_it_is_found_but_with_our_key(
        self, file, folder, settings
    ):
        text = gzip.decompress(path(folder, file).read_bytes()).replace(b"Gothic fiction", b"Gothic friction")
        packed = gzip.compress(text)
        path(folder, file).write_bytes(packed)
        changes = {"sha256": sha256(packed).hexdigest(), "size_bytes": len(packed)}
        for key in (None, OLD_KEY):
            rewrite(folder, file, sign_with=key, settings=settings, **changes)
            assert found(file)["signature"] is False
            with pytest.raises(BackupInvalid, match="Nobody answers"):
                replace(file)

    def test_an_edited_or_broken_manifest_is_found(self, file, folder, settings):
        rewrite(folder, file, sign_with=None, settings=settings, uncompressed_bytes=1)
        assert found(file)["signature"] is False
        manifest_of(folder, file).write_bytes(b"{}")
        assert found(file) == {"manifest": False}

    @pytest.mark.parametrize("declared", [-1, 1])
    def test_unpacks_to_what_was_declared_and_no_byte_more_or_less(self, file, folder, settings, declared):
        size = manifest.parse(manifest_of(folder, file).read_bytes()).uncompressed_bytes
        rewrite(folder, file, sign_with=KEY, settings=settings, uncompressed_bytes=size + declared)

        assert found(file)["content"] is False
        with pytest.raises(BackupInvalid, match="unpacks"):
            replace(file)

    @pytest.mark.parametrize("name", ["../backup_20261122T020000Z.sql.gz", "x\0", "", "/etc/passwd"])
    def test_no_other_file_is_looked_at(self, name):
        for work in (validate, replace):
            with pytest.raises(NotFound):
                work(name)


@pytest.mark.django_db(transaction=True)
class TestForeign:
    """Files that somebody brings."""

    EVIL = {
        "a CSV": b"id,name\n1,Emma\n",
        "a command of psql": b"\\! touch /tmp/owned\n",
        "a program": b"COPY public.books (id) FROM PROGRAM 'touch /tmp/owned';\n",
        "a hidden program": b"SELECT 1; COPY public.books (id)\nFROM PROGRAM 'touch /tmp/owned';\n",
        "another schema's rows": b"COPY app.auth_user (id) FROM stdin;\n1\n\\.\n",
    }

    @pytest.fixture
    def bring(self, admin):
        def make(text: bytes, *, trusted: bool) -> str:
            file = uploads.add_upload(actor=admin, source=[gzip.compress(text)]).file
            if trusted:
                Trust.objects.create(
                    sha256=stored.find(storage.configured(), file).manifest.sha256,
                    file=file,
                    username="ada",
                )
            return file

        return make

    def test_are_refused_before_anything_runs(self, owner, bring):
        closing, before = b"--\n-- PostgreSQL database dump complete\n", state(owner)
        for text in self.EVIL.values():
            for trusted in (False, True):
                file = bring(b"DROP TABLE public.books;\n" + text + closing, trusted=trusted)

                assert not validate(file, deep=trusted).valid
                for work in (replace, merge):
                    with pytest.raises((BackupInvalid, NotFound)):
                        work(file)
        assert state(owner) == before

    def test_a_transaction_that_a_trusted_one_would_end_is_ours_alone(self, owner, bring):
        text = b"CREATE TABLE public.x ();\nCOMMIT;\n--\n-- PostgreSQL database dump complete\n"
        file, before = bring(text, trusted=True), state(owner)

        with pytest.raises(BackupInvalid, match="PostgreSQL refused"):
            replace(file)
        assert state(owner) == before

    def test_a_bomb_is_stopped(self, bring):
        file = bring(b"\0" * 5_000_000, trusted=True)

        assert found(file)["content"] is False

    def test_a_trusted_dump_of_ours_is_restored(self, owner, folder, bring):
        text = gzip.decompress(path(folder, backup()).read_bytes())
        before, file = state(owner), bring(text, trusted=True)
        owner.execute("DELETE FROM public.book_genres")

        with pytest.raises(BackupInvalid, match="Nobody answers"):
            replace(bring(text + b"-- x\n", trusted=False))
        replace(file)

        assert state(owner) == before
