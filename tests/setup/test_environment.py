"""Settings come from the environment, are checked before anything starts, and tell no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config import env, loading

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "production" * 6,
    "BACKUP_KEY": "backups of production" * 2,
    "ALLOWED_HOSTS": "library.example, www.library.example",
}
URL = "postgresql://app:hush@db.example/library"


class TestLoad:
    def test_development_needs_nothing(self):
        values = loading.load({})

        assert values[env.ENVIRONMENT] == "development"
        assert values[env.DEBUG] is False
        assert values[env.ALLOWED_HOSTS] == ["127.0.0.1", "localhost", "[::1]"]
        assert values.get(env.DATABASE_URL) is None

    def test_set_to_nothing_is_unset(self):
        assert loading.load({"DATABASE_POOL_MAX": "", "SECRET_KEY_FILE": ""})[env.DATABASE_POOL_MAX] == 20

    def test_production_takes_its_own_defaults(self):
        values = loading.load(PRODUCTION)

        assert values[env.HTTPS] is True
        assert values[env.ALLOWED_HOSTS] == ["library.example", "www.library.example"]

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"DEBUG": "yes"}, "DEBUG must be off in production"),
            ({"SECRET_KEY": ""}, "SECRET_KEY is missing or the development one"),
            ({"SECRET_KEY": env.DEVELOPMENT_SECRET_KEY}, "SECRET_KEY is missing or the development one"),
            ({"BACKUP_KEY": ""}, "BACKUP_KEY is missing"),
            ({"ALLOWED_HOSTS": " , "}, "ALLOWED_HOSTS is empty"),
            ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must not contain *"),
        ],
    )
    def test_production_refuses_what_is_unsafe(self, changed, message):
        with pytest.raises(loading.Misconfigured, match=message.replace("*", r"\*")):
            loading.load(PRODUCTION | changed)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("ENVIRONMENT", "staging", "must be one of development, production"),
            ("DEBUG", "perhaps", "must be true or false"),
            ("SECRET_KEY", "too-short", "must have at least 50 characters"),
            (
                "BACKUP_KEY",
                "long enough to be a backup key,short",
                "must have at least 32 characters in each",
            ),
            ("DATABASE_POOL_MAX", "many", "must be a whole number from 1 to 500"),
            ("DATABASE_POOL_MAX", "0", "must be from 1 to 500"),
            ("DATABASE_POOL_MAX", "²", "must be a whole number"),
            ("DATABASE_POOL_MIN", "21", "must not be greater than DATABASE_POOL_MAX"),
            ("DATABASE_URL", "mysql://app:hush@db/library", "must be a URL like postgresql://"),
            ("DATABASE_URL", "postgresql://db.example", "must be a URL like postgresql://"),
            ("DATABASE_URL", "postgresql://app:hush@[db/library", "must be a URL like postgresql://"),
            ("LOG_LEVEL", "loud", "must be one of DEBUG, INFO, WARNING, ERROR"),
        ],
    )
    def test_a_wrong_value_names_the_variable_and_never_a_secret(self, name, value, message):
        with pytest.raises(loading.Misconfigured) as refusal:
            loading.load({name: value})

        assert f"{name} {message}" in str(refusal.value)
        assert "hush" not in str(refusal.value)
        assert "too-short" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            (
                {"OFFSITE_ENDPOINT": "https://s3.example"},
                "OFFSITE_BUCKET is missing, though OFFSITE_ENDPOINT is",
            ),
            ({"OFFSITE_BUCKET": "b", "OFFSITE_ACCESS_KEY": "hush"}, "OFFSITE_SECRET_KEY belong together"),
            ({"OFFSITE_ENDPOINT": "https://a:hush@s3.example"}, "OFFSITE_ENDPOINT must be a URL like"),
            ({"OFFSITE_ENDPOINT": "s3.example"}, "OFFSITE_ENDPOINT must be a URL like"),
            ({"OFFSITE_PREFIX": "a/../b"}, "OFFSITE_PREFIX must be of letters"),
        ],
    )
    def test_half_a_bucket_is_refused(self, changed, message):
        with pytest.raises(loading.Misconfigured, match=message) as refusal:
            loading.load(changed)

        assert "hush" not in str(refusal.value)

    def test_the_prefix_of_a_bucket_is_a_folder(self):
        values = loading.load({"OFFSITE_BUCKET": "b", "OFFSITE_PREFIX": "/library/live"})

        assert values[env.OFFSITE_PREFIX] == "library/live/"
        assert loading.load({})[env.OFFSITE_PREFIX] == ""

    def test_tells_every_problem_at_once(self):
        with pytest.raises(loading.Misconfigured) as refusal:
            loading.load({"DEBUG": "perhaps", "LOG_LEVEL": "loud", "WEB_THREADS": "-1"})

        assert [line.split()[0] for line in str(refusal.value).splitlines()[1:]] == [
            "DEBUG",
            "LOG_LEVEL",
            "WEB_THREADS",
        ]

    def test_an_owner_without_an_application_role_is_refused(self):
        with pytest.raises(loading.Misconfigured, match="DATABASE_URL is missing"):
            loading.load({"DATABASE_OWNER_URL": URL})


class TestBroker:
    @pytest.mark.parametrize("url", ["redis://host", "rediss://:pw@host:6380/1", "spool:///a%20folder"])
    def test_may_be(self, url):
        assert loading.load({"CELERY_BROKER_URL": url}).get(env.CELERY_BROKER_URL) == url

    @pytest.mark.parametrize(
        "url", ["amqp://host", "redis://", "spool://", "filesystem://host/x", "redis://[", "host"]
    )
    def test_may_not_be(self, url):
        with pytest.raises(loading.Misconfigured, match="CELERY_BROKER_URL must be a URL"):
            loading.load({"CELERY_BROKER_URL": url})


class TestLimits:
    @pytest.mark.parametrize(
        "url", ["redis://host", "rediss://:secret@host:6379/1", "unix:///run/redis.sock"]
    )
    def test_may_be_in_redis(self, url):
        assert loading.load({"RATE_LIMIT_URL": url}).get(env.RATE_LIMIT_URL) == url

    @pytest.mark.parametrize("url", ["redis://", "unix://", "http://host/", "host:6379", "redis://[::1"])
    def test_may_not_be_elsewhere(self, url):
        with pytest.raises(loading.Misconfigured, match="RATE_LIMIT_URL must be a URL like redis"):
            loading.load({"RATE_LIMIT_URL": url})

    def test_that_cannot_be_read_are_named(self):
        with pytest.raises(
            loading.Misconfigured, match="RATE_LIMITS can't be read at 'reads=5/s'; an example is"
        ):
            loading.load({"RATE_LIMITS": "write=6/s reads=5/s"})


class TestSecretFiles:
    def test_a_secret_comes_from_a_file_without_its_newline(self, tmp_path: Path):
        (tmp_path / "url").write_text(f"{URL}\n")

        values = loading.load({"DATABASE_URL_FILE": str(tmp_path / "url")})

        assert values.get(env.DATABASE_URL) == URL

    @pytest.mark.parametrize("setting", [s for s in env.SETTINGS if s.secret], ids=lambda s: s.name)
    def test_every_secret_may(self, setting, tmp_path: Path):
        urls = {
            "CELERY_BROKER_URL": "redis://:secret@host:6379/0",
            "RATE_LIMIT_URL": "redis://:secret@host:6379/1",
            "DATABASE_URL": URL,
            "DATABASE_OWNER_URL": URL,
            "DATABASE_REPLICATION_URL": URL,
        }
        value = urls.get(setting.name, "s" * 60)
        (tmp_path / "secret").write_text(value)

        beside = {
            "DATABASE_OWNER_URL": {"DATABASE_URL": URL},
            "OFFSITE_ACCESS_KEY": {"OFFSITE_SECRET_KEY": "s", "OFFSITE_BUCKET": "b"},
            "OFFSITE_SECRET_KEY": {"OFFSITE_ACCESS_KEY": "a", "OFFSITE_BUCKET": "b"},
        }
        values = loading.load(
            {f"{setting.name}_FILE": str(tmp_path / "secret"), "DATABASE_URL": ""}
            | beside.get(setting.name, {})
        )

        assert values.get(setting) in (value, [value])

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, r"cannot be read from the file that SECRET_KEY_FILE names \(No such file"),
            (b"", "is empty in the file that SECRET_KEY_FILE names"),
            (b"\xff\xfe", r"cannot be read .*\(not UTF-8 text\)"),
        ],
    )
    def test_a_file_that_will_not_do_is_named(self, content, message, tmp_path: Path):
        path = tmp_path / "key"
        if content is not None:
            path.write_bytes(content)

        with pytest.raises(loading.Misconfigured, match=f"SECRET_KEY {message}"):
            loading.load({"SECRET_KEY_FILE": str(path)})

    def test_both_ways_at_once_are_refused(self, tmp_path: Path):
        with pytest.raises(loading.Misconfigured, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
            loading.load({"SECRET_KEY": "k" * 60, "SECRET_KEY_FILE": str(tmp_path)})


class TestStart:
    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_wrong_setting_stops_every_command_with_a_message(self):
        done = self.manage("check", **PRODUCTION | {"SECRET_KEY": "hush", "DEBUG": "1"})

        assert done.returncode == 1
        assert "SECRET_KEY must have at least 50 characters" in done.stderr
        assert "hush" not in done.stderr
        assert "Traceback" not in done.stderr

    def test_production_settings_pass_djangos_own_review(self):
        done = self.manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

        assert done.returncode == 0, done.stderr

    def test_a_server_that_is_not_there_is_told_without_the_password(self):
        done = self.manage("prepare", DATABASE_URL="postgresql://app:hush@127.0.0.1:1/library")

        assert done.returncode == 1
        assert "DATABASE_URL does not lead to a database" in done.stderr
        assert "hush" not in done.stderr
        assert "Traceback" not in done.stderr


class TestTable:
    def test_is_up_to_date(self):
        call_command("settings_table", check=True)

    def test_a_stale_one_is_found(self, settings, tmp_path: Path):
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "settings.md").write_text("old")
        settings.BASE_DIR = tmp_path

        with pytest.raises(CommandError, match="stale"):
            call_command("settings_table", check=True)
