"""PostgreSQL killed in the middle of a batch: nothing half-written, and the next call works without a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection

from accesscontrol.actor import Actor, Channel
from config.cluster import APP_ROLE, DATABASE, OWNER_ROLE, Cluster
from tests import databases
from tests.audit.test_durability import kill_server, scratch  # noqa: F401 - a fixture
from tests.faults.conftest import PATIENCE_S, Caller, Witness
from tests.faults.test_connections import NONE, WRITES, gist
from tests.faults.test_contention import until

ROWS = [{"name": f"Author {number}"} for number in range(1_000)]
BATCH = {"table": "authors", "records": ROWS, "idempotency_key": "k"}


@pytest.fixture
def ours(scratch: Cluster, turned: Callable[..., None]) -> Iterator[Cluster]:  # noqa: F811
    """The cluster that is killed, with every connection of this process turned to it."""
    turned(
        HOST=str(scratch.socket_folder), PORT="5432", NAME=DATABASE, USER=APP_ROLE,
        PASSWORD=scratch.passwords[APP_ROLE], pool={"timeout": 1},
    )  # fmt: skip
    yield scratch
    databases.disconnect()


@pytest.mark.django_db(transaction=True)
def test_a_server_killed_in_the_middle_of_a_batch_loses_the_batch_and_nothing_else(ours: Cluster) -> None:
    witness = Witness(ours.url(OWNER_ROLE))
    caller = Caller(Actor(User.objects.get(username="ada"), Channel.COMMAND))
    connection.close()
    kept = caller("db_insert_record", **WRITES["db_insert_record"])["change_id"]

    with suppress(psycopg.OperationalError), witness.locking("LOCK TABLE app.auditlog_logentry"):
        batch = caller.begins("db_batch_insert", **BATCH)
        until(witness.is_waiting)  # the authors are written, their versions are not
        kill_server(ours)  # and so the lock is gone too
    assert gist(batch.result(PATIENCE_S)) == NONE
    assert gist(caller("db_query_records", table="authors")) == NONE
    ours.start()

    until(
        lambda: caller("db_query_records", table="authors").get("total") == 1
    )  # the pool tries at intervals
    assert witness.successes() == witness.versions() == {kept}
    answers = [caller("db_batch_insert", **BATCH) for _ in range(2)]
    assert answers[0] == answers[1]
    assert witness.read("SELECT count(*) FROM public.authors") == [(1_001,)]
    assert witness.successes() == witness.versions() == {kept, answers[0]["change_id"]}
    caller.leave()
