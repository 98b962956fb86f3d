"""What every test has: the application role in a copy of the migrated database."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.servers.basehttp import WSGIRequestHandler
from django.db import connection
from django.test import TransactionTestCase

from accesscontrol.actor import Actor, Channel
from audit import trail as trail_module
from audit.models import AuditLog
from config import embedded
from tests import databases
from tests.membership import join
from tests.renewal import Copy

# A job in the background ignores Ctrl-C, and so would what its tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
embedded.use_if_configured()
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nothing here is secret
WSGIRequestHandler.disable_nagle_algorithm = True  # each answer on a kept connection would wait 40 ms else
settings.RATE_LIMITS = {}  # who tests them sets them
settings.WHITENOISE_AUTOREFRESH = True  # else every test's client lists all static files anew
settings.BROKER_URL = f"spool://{quote(str(databases.SPOOL))}"
FILES = databases.SPOOL.with_name(
    f"files_test_{os.getpid()}"
)  # not those of this clone, nor of a run beside this one
settings.BACKUP_DIR, settings.EXPORT_DIR = FILES / "backups", FILES / "exports"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take --whole."""
    parser.addoption(
        "--whole",
        action="store_true",
        help="do all of what is done a part of in turns: some minutes more",
    )


@pytest.fixture
def is_whole(pytestconfig: pytest.Config) -> bool:
    """Whether all that there is to do is done, or of what is alike a part."""
    return bool(pytestconfig.getoption("whole"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process works on one of them alone when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect tests without rounds of the collector of garbage, and leave them out of its later ones: they stay.

    Those are rare, as a request makes thousands of objects, and each round would cost as much as some statements.
    """
    gc.disable()
    collected = yield
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()
    return collected


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """Give the session its own database; a transactional test leaves it renewed behind, not flushed.

    Flushing would ask for rights that the application role must not have, and lose the lookup rows.
    """
    name = f"test_{os.getpid()}"
    with django_db_blocker.unblock():
        copy = Copy(name, databases.template())
        with databases.owner() as connection:
            databases.drop_abandoned(connection)
        copy.renew()
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _self: copy.renew())
    yield
    patch.undo()
    with django_db_blocker.unblock():
        databases.disconnect()
        with databases.owner() as connection:
            databases.drop(connection, name)
    for folder in (databases.SPOOL, FILES):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_environment(db: None) -> dict[str, str]:
    """Return an environment in which a subprocess uses this session's test database."""
    return databases.environment_for(connection.settings_dict["NAME"])


def _actor(username: str, *roles: str, **flags: bool) -> Actor:
    user = User.objects.create_user(username, password="correct horse", is_staff=True, **flags)
    join(user, roles)
    return Actor(user, Channel.COMMAND)


@pytest.fixture
def admin(db: None) -> Actor:
    """A superuser."""
    return _actor("ada", is_superuser=True)


@pytest.fixture
def viewer(db: None) -> Actor:
    """Someone who reads every table."""
    return _actor("victor", "Viewer")


@pytest.fixture
def writer(db: None) -> Actor:
    """Someone who also adds and changes."""
    return _actor("wendy", "Writer")


@pytest.fixture
def editor(db: None) -> Actor:
    """Someone who also deletes and exports."""
    return _actor("edith", "Editor")


@pytest.fixture
def auditor(db: None) -> Actor:
    """Someone who sees what others did, and no table."""
    return _actor("otto", "Auditor")


@pytest.fixture
def nobody(db: None) -> Actor:
    """Someone with an account and no role."""
    return _actor("norah")


@pytest.fixture
def trail() -> Callable[..., list[AuditLog]]:
    """Return a function that returns the rows of the trail, oldest first."""
    return lambda **wanted: list(AuditLog.objects.filter(**wanted).order_by("id"))


@pytest.fixture
def broken_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL refuse every row of the trail."""
    real = trail_module.values
    monkeypatch.setattr(
        trail_module, "values", lambda entry: real(replace(entry, operation="NO SUCH OPERATION"))
    )
