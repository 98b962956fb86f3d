"""PostgreSQL killed in the middle of a batch: nothing half-written, and the next call works without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection

from accesscontrol.actor import Actor, Channel, on_this_machine
from backups import services, validation
from config.cluster import SUPERUSER, Cluster
from soak import archiving, backups, crashes, places, restores
from soak.places import Place
from tests import databases
from tests.faults.conftest import PATIENCE_S, Caller, Witness
from tests.faults.test_connections import NONE, WRITES, gist
from tests.faults.test_contention import until

ROWS = [{"name": f"Author {number}"} for number in range(1_000)]
BATCH = {"table": "authors", "records": ROWS, "idempotency_key": "k"}


@pytest.fixture(scope="module")
def cluster(django_db_setup: None) -> Iterator[Cluster]:
    """A server that may be killed; what a test leaves in it, the next one finds."""
    with places.server(databases.template()) as cluster:
        yield cluster


@pytest.fixture
def inside(cluster: Cluster, db: None) -> Iterator[Place]:
    """The database in it, with every connection of this process turned to it."""
    with places.using(cluster) as inside:
        yield inside


@pytest.mark.django_db(transaction=True)
def test_a_server_killed_in_the_middle_of_a_batch_loses_the_batch_and_nothing_else(
    cluster: Cluster, inside: Place
) -> None:
    witness = Witness(**vars(inside))
    caller = Caller(Actor(User.objects.create(username="ada", is_superuser=True), Channel.COMMAND))
    connection.close()
    kept = caller("db_insert_record", **WRITES["db_insert_record"], idempotency_key="first")["change_id"]

    with suppress(psycopg.OperationalError), witness.locking("LOCK TABLE app.auditlog_logentry"):
        batch = caller.begins("db_batch_insert", **BATCH)
        until(witness.is_waiting)  # the authors are written, their versions are not
        places.kill(cluster)  # and so the lock is gone too
    assert gist(batch.result(PATIENCE_S)) == NONE
    assert gist(caller("db_query_records", table="authors")) == NONE
    cluster.start()

    until(
        lambda: caller("db_query_records", table="authors").get("total") == 1
    )  # the pool tries at intervals
    assert witness.successes() == witness.versions() == {kept}
    answers = [caller("db_batch_insert", **BATCH) for _ in range(2)]
    assert answers[0] == answers[1]
    assert witness.read("SELECT count(*) FROM public.authors") == [(1_001,)]
    assert witness.successes() == witness.versions() == {kept, answers[0]["change_id"]}
    caller.leave()


@pytest.mark.django_db(transaction=True)
def test_a_server_killed_at_any_moment_loses_nothing_that_was_answered(
    cluster: Cluster, inside: Place
) -> None:
    ledger = crashes.run(cluster, inside, seconds=1, seed=1)

    assert ledger.broken == []


@pytest.mark.django_db(transaction=True)
def test_whoever_dies_a_backup_is_whole_or_not_there(cluster: Cluster, inside: Place) -> None:
    ledger = backups.run(cluster, inside, seconds=0.1, seed=1, rows=500)

    assert ledger.broken == []


@pytest.mark.django_db(transaction=True)
def test_a_crash_right_after_a_backup_takes_nothing_back_that_it_holds(
    cluster: Cluster, inside: Place
) -> None:
    slow = "ALTER SYSTEM SET wal_writer_delay = '10s'; ALTER SYSTEM SET synchronous_commit = off"
    with psycopg.connect(cluster.url(SUPERUSER), autocommit=True) as own:
        for statement in (*slow.split("; "), "SELECT pg_reload_conf()"):
            own.execute(statement.encode())
    with archiving.archive(inside):
        actor = on_this_machine()
        full = services.create_full(actor=actor).backup_file
        for number in range(2):  # the second builds on what the crash has left
            with psycopg.connect(inside.owner_url) as own:
                own.execute("INSERT INTO public.authors (name) VALUES ('not waited for')")
            made = services.create_incremental(actor=actor)
            places.kill(cluster)
            cluster.start()
            databases.disconnect()
            there = inside.read("SELECT count(*) FROM public.authors WHERE name = 'not waited for'")
            assert there == [(number + 1,)]
        assert (made.chain[0], len(made.chain)) == (full, 3)
        assert validation.validate_backup(actor=actor, backup_file=made.backup_file, deep=True).valid


@pytest.mark.django_db(transaction=True)
def test_whoever_dies_a_restore_is_done_or_never_was(cluster: Cluster, inside: Place) -> None:
    ledger = restores.run(cluster, inside, seconds=0.1, seed=1, rows=500)

    assert ledger.broken == []
