"""Connections that break: the answer says what was done, and nothing is done by halves or twice."""

from __future__ import annotations

from typing import Any

import pytest

from soak.proxy import Cut, Proxy
from tests.faults.conftest import Caller, Witness

pytestmark = pytest.mark.django_db(transaction=True)

QUERY: dict[str, Any] = {"table": "books", "where": {"id": 1}}
WRITES: dict[str, dict[str, Any]] = {
    "db_insert_record": {"table": "authors", "data": {"name": "Bea"}},
    "db_update_records": {"table": "books", "data": {"title": "Other"}, "where": {"author_id": 1}},
    "db_delete_records": {"table": "books", "where": {"id": 2}, "soft_delete": False},
    "db_restore_records": {"table": "books", "where": {"id": 3}},
    "db_purge_records": {"table": "books", "where": {"id": 3}},
    "db_batch_insert": {"table": "authors", "records": [{"name": f"Author {n}"} for n in range(50)]},
    "db_batch_update": {
        "table": "books",
        "updates": [{"where": {"id": n}, "data": {"title": f"New {n}"}} for n in (1, 2)],
    },
    "db_batch_delete": {"table": "books", "conditions": [{"id": 1}, {"id": 2}]},
}
NONE = {"error": True, "code": "UNAVAILABLE", "details": {"outcome": "none"}}
UNKNOWN = {"error": True, "code": "UNAVAILABLE", "details": {"outcome": "unknown"}}


def gist(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what a program goes by in an error object."""
    assert answer.get("error"), answer
    assert answer["hint"]
    return {name: answer[name] for name in ("error", "code", "details")}


class TestAQuery:
    def test_that_loses_its_connection_is_asked_again(self, caller: Caller, proxy: Proxy) -> None:
        proxy.cut(b'FROM public."books"', Cut.BEFORE, times=2)

        answer = caller("db_query_records", **QUERY)

        assert [record["id"] for record in answer["records"]] == [1]
        assert proxy.cuts == 2

    def test_whose_answer_is_lost_is_asked_again_and_told_once(
        self, caller: Caller, proxy: Proxy, witness: Witness
    ) -> None:
        proxy.cut(b'FROM public."books"', Cut.AFTER)

        assert caller("db_query_records", **QUERY)["count"] == 1

        assert witness.read("SELECT count(*) FROM public.audit_logs WHERE operation = 'QUERY'") == [(1,)]

    def test_that_loses_it_again_and_again_is_refused_and_the_next_is_answered(
        self, caller: Caller, proxy: Proxy, witness: Witness
    ) -> None:
        proxy.cut(b'FROM public."books"', Cut.BEFORE, times=3)

        assert gist(caller("db_query_records", **QUERY)) == NONE

        assert witness.refusals() == ["UNAVAILABLE"]
        assert caller("db_query_records", **QUERY)["count"] == 1


@pytest.mark.parametrize("tool", WRITES)
def test_a_write_that_loses_its_connection_anywhere_is_done_once_when_repeated(
    caller: Caller, proxy: Proxy, witness: Witness, tool: str
) -> None:
    before, changes = witness.contents(), witness.successes()

    for marker, refusal in ((b"INSERT INTO app.auditlog_logentry", NONE), (b"COMMIT\0", UNKNOWN)):
        proxy.cut(marker, Cut.BEFORE)
        assert gist(caller(tool, **WRITES[tool], idempotency_key="k")) == refusal
        assert proxy.cuts == 1
        assert (witness.contents(), witness.successes()) == (before, changes)

    proxy.cut(b"COMMIT\0", Cut.AFTER)
    assert gist(caller(tool, **WRITES[tool], idempotency_key="k")) == UNKNOWN
    after, (change,) = witness.contents(), witness.successes() - changes
    assert after != before

    assert assert_done_once(caller, witness, tool, changes) == change
    assert witness.contents() == after
    assert witness.refusals() == ["UNAVAILABLE"] * 3


def assert_done_once(caller: Caller, witness: Witness, tool: str, changes: set[str]) -> str:
    """Repeat a write twice, and check that it was done once, audited and versioned; return its change."""
    answers = [caller(tool, **WRITES[tool], idempotency_key="k") for _ in range(2)]
    assert answers[0] == answers[1]
    assert "error" not in answers[0], answers[0]
    (change,) = witness.successes() - changes
    assert change == answers[0]["change_id"]
    assert witness.versions() == witness.successes()
    return change
