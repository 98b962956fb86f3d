"""The runs of script/soak in their short form (but for crashes), and that their checks see what is broken."""

from __future__ import annotations

import sys
from typing import Any

import psycopg
import pytest
from django.db import connection

from mcp_bridge import auth
from soak import __main__ as command
from soak import (
    chains,
    clients,
    connections,
    copies,
    damage,
    disks,
    invariants,
    keeping,
    kills,
    load,
    locks,
    moments,
    places,
)  # fmt: skip
from soak.callers import Direct
from soak.ledger import Call, Ledger
from soak.places import Place
from soak.work import settle
from tests import databases

SEED = 1
CALL = Call("db_insert_record", {}, "k")
DONE = {"record": {}, "change_id": "c"}
REFUSED = {"error": True, "code": "CONFLICT", "details": {}}


@pytest.fixture
def place(db: None) -> Place:
    """The test database, as a run knows it."""
    return places.of_database(connection.settings_dict["NAME"])


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
class TestAShortRun:
    def test_of_load(self, place: Place) -> None:
        ledger = load.run(place, seconds=1.2, seed=SEED, agents=1)

        assert ledger.broken == []
        assert ledger.codes["answered"] > 20

    def test_of_clients(self, place: Place) -> None:
        ledger = clients.run(place, seconds=1, seed=SEED, clients=24)

        assert ledger.broken == []
        assert ledger.codes["201"] > 20
        assert ledger.codes["200"] > 20

    def test_of_kills(self, place: Place) -> None:
        ledger = kills.run(place, seconds=0.5, seed=SEED, agents=1)

        assert ledger.broken == []
        assert ledger.codes["(no answer)"] > 0

    def test_of_connections(self, place: Place) -> None:
        ledger = connections.run(place, seconds=1, seed=SEED, agents=0)

        assert ledger.broken == []

    def test_of_locks(self, place: Place, settings: Any) -> None:
        settings.LOCK_TIMEOUT_S = 1.2  # more than PostgreSQL waits before it looks for a deadlock

        ledger = locks.run(place, seconds=2, seed=SEED)

        assert ledger.broken == []

    def test_of_chains(self, place: Place) -> None:
        ledger = chains.under_writers(place, seconds=1, seed=SEED, increments=2)

        assert ledger.broken == []
        assert ledger.figures["rows that a scheme by updated_at has wrong"] > 0

    def test_of_keeping(self, place: Place) -> None:
        ledger = keeping.processes(place, seconds=0, seed=SEED)

        assert ledger.broken == []
        assert ledger.figures["listed, and found valid"] > 5

    def test_of_damage(self, place: Place) -> None:
        ledger = damage.run(place, seconds=0, seed=SEED, least=24)

        assert ledger.broken == []

    def test_of_copies(self, place: Place) -> None:
        ledger = copies.run(place, seconds=0, seed=SEED)

        assert ledger.broken == []
        assert ledger.figures["fetched and the same"] == 1

    def test_of_moments(self) -> None:
        ledger = Ledger()
        with places.server(databases.template()) as cluster, places.using(cluster) as place:
            moments.lose(cluster, place, ledger, seconds=0, seed=SEED, restored=1)

        assert ledger.broken == []
        assert ledger.figures["restored and compared"] == "2 of 2 moments"

    @pytest.mark.skipif(not disks.may_mount(), reason="only root may mount a file system")
    def test_of_disks(self) -> None:
        ledger = disks.run(seconds=0.1, seed=SEED, rows=2_000)

        assert ledger.broken == []
        assert "an export 1" in ledger.figures["full disks"]


# What breaks a rule, done by the owner, one after the other.
BREAKING = {
    "a change has one audit row": """
        INSERT INTO public.audit_logs (operation, success, record_count, change_id)
        SELECT operation, true, record_count, change_id FROM public.audit_logs WHERE change_id IS NOT NULL LIMIT 1""",
    "a change has versions of as many records as its audit row says": """
        DELETE FROM app.auditlog_logentry WHERE id = (SELECT max(id) FROM app.auditlog_logentry)""",
    "a change that was only tried, or refused, left no version": """
        INSERT INTO public.audit_logs (operation, success, change_id)
        SELECT 'UPDATE', false, cid::uuid FROM app.auditlog_logentry LIMIT 1""",
    "a key is kept for one change that the trail has, and every change is some key's": """
        INSERT INTO public.audit_logs (operation, success, record_count, change_id)
        VALUES ('UPDATE', true, 0, gen_random_uuid())""",
    "a key stands for one change": """
        INSERT INTO app.audit_keptanswer (user_id, key, digest, answer, change_id, created_at)
        SELECT user_id, 'other', digest, answer, change_id, now() FROM app.audit_keptanswer LIMIT 1""",
    "an answer given again is of a change that the trail has": """
        INSERT INTO public.audit_logs (operation, success, client_info)
        VALUES ('UPDATE', true, jsonb_build_object('repeats', gen_random_uuid()))""",
    "nothing is done that nobody asked for": """
        UPDATE app.audit_keptanswer SET key = 'third' WHERE key = 'other'""",
    "what was answered as not done is not": """
        UPDATE app.audit_keptanswer SET key = 'refused' WHERE key = 'third'""",
    "what was answered as done is done, as often and as much as answered": """
        DELETE FROM app.audit_keptanswer WHERE key = 'settler 5'""",
    "an answer is given again only where the first one may have been lost": """
        INSERT INTO public.audit_logs (operation, success, user_id, client_info)
        SELECT operation, true, user_id, jsonb_build_object('repeats', change_id) FROM public.audit_logs
         WHERE user_id = 'soak' AND change_id IS NOT NULL LIMIT 1""",
    "a record of authors is as its last version says": "UPDATE public.authors SET name = 'Nobody'",
    "a record of characters is as its last version says": "DELETE FROM public.characters WHERE id = 1",
    "a record of series is as its last version says": "INSERT INTO public.series (title) VALUES ('Unseen')",
    "the sequence of books is past its records": "SELECT setval('public.books_id_seq', 1)",
}


@pytest.mark.django_db(transaction=True)
def test_each_rule_is_seen_to_be_broken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Ledger()
    settle(Direct(auth.by_name(place.username)), told, SEED)
    told.undone = {"refused": "none", "other": "unknown"}
    before = broken(place, told)
    assert before == set()

    with psycopg.connect(place.owner_url, autocommit=True) as owner:
        for rule, statement in BREAKING.items():
            owner.execute(statement)
            now = broken(place, told)
            assert rule in now - before
            before = now
    monkeypatch.setattr(invariants, "PATIENCE_S", 0)
    with place.locking("LOCK TABLE public.books IN ROW SHARE MODE"):
        assert {"nobody is in a transaction", "nobody holds a lock"} <= broken(place, told)


def broken(place: Place, told: Ledger) -> set[str]:
    """Return the rules that do not hold in the database, beside what callers were told."""
    ledger = Ledger(done=told.done, undone=told.undone)
    invariants.check(place, ledger)
    return {rule.split(":")[0] for rule in ledger.broken}


class TestTheLedger:
    def test_holds_an_answer_against_another_one_under_its_key(self) -> None:
        ledger = Ledger()
        ledger.note(CALL, DONE)
        ledger.note(CALL, DONE)
        assert ledger.broken == []

        ledger.note(CALL, {**DONE, "change_id": "d"})
        assert len(ledger.broken) == 1

    def test_holds_a_refusal_against_what_was_done(self) -> None:
        ledger = Ledger()
        ledger.note(CALL, DONE)

        ledger.note(CALL, REFUSED)

        assert len(ledger.broken) == 1

    def test_knows_no_more_than_it_was_told(self) -> None:
        ledger = Ledger()
        gone, none = (
            {**REFUSED, "code": "UNAVAILABLE", "details": {"outcome": o}} for o in ("unknown", "none")
        )

        ledger.note(CALL, gone)
        ledger.note(CALL, none)  # the second try was not done; was the first?
        assert ledger.undone == {"k": "unknown"}

        ledger.note(CALL, REFUSED)  # what is done is answered again
        assert ledger.undone == {"k": "none"}

    def test_takes_a_fault_of_ours_for_broken(self) -> None:
        ledger = Ledger()

        ledger.note(CALL, {**REFUSED, "code": "INTERNAL"})

        assert len(ledger.broken) == 1


@pytest.mark.parametrize(
    ("argument", "status", "said"),
    [
        ("--list", 0, "kills        MCP servers are killed"),
        ("lode", 2, "there is no lode; there are load, clients, kills"),
        ("--seconds=0", 2, "a run takes a second at least"),
    ],
)
def test_the_command_says_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argument: str, status: int, said: str
) -> None:
    monkeypatch.setattr("sys.argv", ["script/soak", argument])

    with pytest.raises(SystemExit) as ended:
        sys.exit(command.main())

    assert ended.value.code == status
    assert said in "".join(capsys.readouterr())
