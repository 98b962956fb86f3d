"""Everyone finds in the trail what they may see, newest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.models import GroupObjectPermission, UserObjectPermission

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, InvalidInput
from audit import cursors, queries, trail
from audit.models import AuditLog
from audit.trail import Entry
from tests.audit.entries import ANN, WRITTEN


def found(actor: Actor, **filters: Any) -> list[tuple[str | None, str, str | None]]:
    """Return what a search finds of the six, oldest first."""
    logs = queries.search(actor=actor, **filters)["logs"]
    return [
        (log["user_id"], log["operation"], log["table_name"])
        for log in reversed(logs)
        if log["user_id"] != actor.username
    ]


def of(*numbers: int) -> list[tuple[str | None, str, str | None]]:
    return [(WRITTEN[n].actor.username, WRITTEN[n].operation, WRITTEN[n].table_name) for n in numbers]


@pytest.mark.usefixtures("rows")
class TestSight:
    def test_is_complete_with_the_right_to_it(self, auditor: Actor, admin: Actor) -> None:
        assert found(auditor) == of(0, 1, 2, 3, 4, 5)
        assert found(admin)[:6] == of(0, 1, 2, 3, 4, 5)

    def test_covers_the_tables_that_one_may_read(self, viewer: Actor, nobody: Actor) -> None:
        UserObjectPermission.objects.bulk_create(
            UserObjectPermission(
                user=nobody.user,
                permission=permission,
                content_type=permission.content_type,
                object_pk="authors",
            )
            for permission in [Permission.objects.get(content_type__model="catalogtable", codename="read")]
        )

        assert found(viewer) == of(0, 1, 2, 3)
        assert found(nobody) == of(1, 3)

    def test_covers_no_table_that_one_may_only_write(self, nobody: Actor) -> None:
        permission = Permission.objects.get(content_type__model="catalogtable", codename="update")
        UserObjectPermission.objects.bulk_create(
            [
                UserObjectPermission(
                    user=nobody.user,
                    permission=permission,
                    content_type=permission.content_type,
                    object_pk="books",
                )
            ]
        )

        assert found(nobody) == []

    def test_ends_with_the_right(self, viewer: Actor) -> None:
        GroupObjectPermission.objects.filter(object_pk="books", permission__codename="read").delete()

        assert found(Actor(viewer.user, Channel.API)) == of(1, 3)

    def test_covers_ones_own_rows_always(self, nobody: Actor) -> None:
        for table in ("books", None):
            trail.record(Entry(nobody, "DELETE", table, success=False))

        logs = queries.search(actor=nobody)["logs"]

        assert [(log["user_id"], log["operation"], log["table_name"]) for log in logs] == [
            ("norah", "DELETE", None),
            ("norah", "DELETE", "books"),
        ]

    def test_cannot_be_widened_by_a_filter(self, nobody: Actor) -> None:
        for filters in ({"user_id": "ann"}, {"table": "books"}, {"operation": "LOGIN"}, {"success": False}):
            assert queries.search(actor=nobody, **filters)["count"] == 0
        assert (
            queries.summary(actor=nobody, table="books")["summary"]["total_operations"] == 1
        )  # the search above

    def test_is_nothing_for_strangers_and_disabled_accounts(self, viewer: Actor) -> None:
        User.objects.update(is_active=False)

        for actor in (Actor(None, Channel.API), viewer):
            with pytest.raises(AuthenticationRequired):
                queries.search(actor=actor)
            with pytest.raises(AuthenticationRequired):
                queries.summary(actor=actor)

    def test_of_an_account_without_a_name_is_not_that_of_nobody(
        self, rows: list[AuditLog], nobody: Actor
    ) -> None:
        assert ("LOGIN_FAILED" in {row.operation for row in rows}) is True
        assert found(nobody) == []


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, (0, 1, 2, 3, 4, 5)),
            ({"table": "books"}, (0, 2)),
            ({"table": "no_such_table"}, ()),
            ({"operation": "QUERY"}, (1, 3)),
            ({"user_id": "bob"}, (2, 3, 4)),
            ({"user_id": "no such user"}, ()),
            ({"success": True}, (0, 1, 3, 4)),
            ({"success": False}, (2, 5)),
            ({"table": "books", "success": False}, (2,)),
            ({"user_id": "bob", "operation": "QUERY", "table": "authors", "success": True}, (3,)),
            ({"user_id": "ann", "operation": "LOGIN"}, ()),
        ],
    )
    def test_narrow_each_and_together(
        self, rows: list[AuditLog], auditor: Actor, filters: dict[str, Any], expected: tuple[int, ...]
    ) -> None:
        assert found(auditor, **filters) == of(*expected)

    def test_by_time_include_the_start_and_exclude_the_end(
        self, rows: list[AuditLog], auditor: Actor
    ) -> None:
        start, end = rows[1].timestamp, rows[4].timestamp

        assert found(auditor, start_date=start) == of(1, 2, 3, 4, 5)
        assert found(auditor, end_date=end) == of(0, 1, 2, 3)
        assert found(auditor, start_date=start.isoformat(), end_date=end.isoformat()) == of(1, 2, 3)
        assert found(auditor, start_date=start + timedelta(microseconds=1), end_date=end) == of(2, 3)
        assert found(auditor, start_date=start, end_date=start) == of()
        assert found(auditor, start_date=end, end_date=start) == of()

    def test_by_date_mean_its_midnight(self, rows: list[AuditLog], auditor: Actor) -> None:
        first, last = rows[0].timestamp.date(), rows[-1].timestamp.date()

        assert found(auditor, start_date=str(first), end_date=str(last + timedelta(days=1))) == of(
            0, 1, 2, 3, 4, 5
        )
        assert found(auditor, end_date=first) == of()
        assert found(auditor, start_date=f"{last + timedelta(days=1)}T00:00Z") == of()

    @pytest.mark.parametrize("service", [queries.search, queries.summary])
    @pytest.mark.parametrize("argument", ["start_date", "end_date"])
    @pytest.mark.parametrize(
        "value", ["yesterday", "", "2026-02-31", "\x00", 5, ["2026-01-01"], "9999-12-31T23:00-02:00"]
    )
    def test_refuse_a_bad_date_by_the_arguments_name(
        self, auditor: Actor, service: Callable[..., Any], argument: str, value: object
    ) -> None:
        with pytest.raises(InvalidInput, match=f"^{argument} is ") as refusal:
            service(actor=auditor, **{argument: value})

        assert refusal.value.details == {"argument": argument}

    @pytest.mark.parametrize(
        ("name", "proposed"),
        [
            ("INSRT", "INSERT"),
            ("insert", "INSERT"),
            ("login_fail", "LOGIN_FAILED"),
            ("BACKUP", "BACKUP_FULL"),
        ],
    )
    def test_propose_the_nearest_operation(self, auditor: Actor, name: str, proposed: str) -> None:
        with pytest.raises(
            InvalidInput, match=rf"no operation '{name}'\. Did you mean .*{proposed}"
        ) as refusal:
            queries.search(actor=auditor, operation=name)

        assert refusal.value.details["argument"] == "operation"
        assert "QUERY" in refusal.value.details["allowed"]

    @pytest.mark.parametrize("name", ["", "\x00", "\ud800", "'; --", "x" * 10_000])
    def test_refuse_names_that_nothing_can_have(self, auditor: Actor, name: str) -> None:
        for filters in ({"operation": name}, {"table": name}):
            with pytest.raises(InvalidInput) as refusal:
                queries.search(actor=auditor, **filters)
            assert len(refusal.value.message) < 200
        with pytest.raises(InvalidInput):
            queries.summary(actor=auditor, table=name)

    @pytest.mark.parametrize("name", ["\x00", "a\ud800"])
    def test_refuse_a_users_name_that_nobody_can_have(self, auditor: Actor, name: str) -> None:
        with pytest.raises(InvalidInput, match="no name can have"):
            queries.search(actor=auditor, user_id=name)


class TestPages:
    def test_come_newest_first_without_gap_or_overlap(self, auditor: Actor, db: None) -> None:
        for number in range(25):
            trail.record(Entry(ANN, "QUERY", "books", record_id=str(number)))

        pages = [
            queries.search(actor=auditor, user_id="ann", limit=10, offset=start) for start in (0, 10, 20, 30)
        ]

        assert [page["count"] for page in pages] == [10, 10, 5, 0]
        assert [int(log["record_id"]) for page in pages for log in page["logs"]] == list(range(24, -1, -1))
        assert (pages[1]["limit"], pages[1]["offset"]) == (10, 10)
        assert [page["next_cursor"] is None for page in pages] == [False, False, True, True]

    def test_stand_still_in_a_trail_that_grows_when_the_end_is_given(
        self, rows: list[AuditLog], auditor: Actor
    ) -> None:
        end = rows[-1].timestamp + timedelta(microseconds=1)

        singles = [queries.search(actor=auditor, end_date=end, limit=1, offset=n)["logs"] for n in range(7)]

        assert [log["id"] for logs in singles for log in logs] == [row.id for row in reversed(rows)]

    def test_show_every_column(self, rows: list[AuditLog], auditor: Actor) -> None:
        (log,) = queries.search(actor=auditor, limit=1)["logs"]

        assert set(log) == {field.column for field in AuditLog._meta.concrete_fields}

    @pytest.mark.parametrize("limit", [0, -1, 1_001, 10**30])
    def test_refuse_a_limit_outside_1_to_1000(self, auditor: Actor, limit: int) -> None:
        with pytest.raises(InvalidInput, match="between 1 and 1000"):
            queries.search(actor=auditor, limit=limit)

    @pytest.mark.parametrize("offset", [-1, 2**63, 10**30])
    def test_refuse_an_offset_that_is_none(self, auditor: Actor, offset: int) -> None:
        with pytest.raises(InvalidInput, match="offset must be 0 or more"):
            queries.search(actor=auditor, offset=offset)

    def test_may_lie_beyond_the_end(self, auditor: Actor) -> None:
        assert queries.search(actor=auditor, limit=1_000, offset=2**63 - 1)["count"] == 0

    def test_have_moments_to_the_microsecond_and_changes_as_they_were_kept(
        self, rows: list[AuditLog], auditor: Actor
    ) -> None:
        kept = {"title": {"old": None, "new": 'Æther "é"'}, "price": {"old": 1.5, "new": 12}}
        trail.record(Entry(ANN, "UPDATE", "books", changes=kept))

        log, *others = queries.search(actor=auditor, limit=7)["logs"]

        assert log["changes"] == kept
        assert [datetime.fromisoformat(other["timestamp"]) for other in others] == [
            row.timestamp for row in reversed(rows)
        ]
        assert all(other["timestamp"].endswith("+00:00") for other in others)


class TestCursors:
    @pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
    def test_go_on_where_a_page_ended_in_a_trail_that_grows(
        self, rows: list[AuditLog], auditor: Actor, size: int
    ) -> None:
        end, found, cursor = rows[-1].timestamp + timedelta(microseconds=1), [], None
        while True:
            page = queries.search(actor=auditor, end_date=end, limit=size, cursor=cursor)
            found += [log["id"] for log in page["logs"]]
            trail.record(Entry(ANN, "QUERY", "books"))
            if (cursor := page["next_cursor"]) is None:
                break

        assert found == [row.id for row in reversed(rows)]

    def test_part_entries_of_the_same_moment_by_their_number(
        self, rows: list[AuditLog], auditor: Actor
    ) -> None:
        first = queries.search(actor=auditor, user_id="bob", limit=1)
        username, digest, (moment, key), sealed_at = cursors._content(first["next_cursor"])

        def after(number: int) -> list[int]:
            cursor = cursors._signed([username, digest, [moment, number], sealed_at])
            page = queries.search(actor=auditor, user_id="bob", cursor=cursor)
            return [log["id"] for log in page["logs"]]

        assert (moment, key) == (first["logs"][0]["timestamp"], rows[4].pk)
        assert after(key) == [rows[3].pk, rows[2].pk]
        assert after(key + 1) == [rows[4].pk, rows[3].pk, rows[2].pk]

    def test_show_no_more_than_one_may_see_by_then(self, rows: list[AuditLog], viewer: Actor) -> None:
        cursor = queries.search(actor=viewer, end_date=_after(rows), limit=1)["next_cursor"]
        GroupObjectPermission.objects.filter(object_pk="books", permission__codename="read").delete()

        page = queries.search(
            actor=Actor(viewer.user, Channel.API), end_date=_after(rows), limit=10, cursor=cursor
        )

        assert {log["table_name"] for log in page["logs"]} == {"authors"}

    @pytest.mark.parametrize(
        "other", [{"table": "books"}, {"user_id": "ann"}, {"success": True}, {"start_date": "2020-01-01"}]
    )
    def test_are_refused_for_another_query(
        self, rows: list[AuditLog], auditor: Actor, other: dict[str, Any]
    ) -> None:
        cursor = queries.search(actor=auditor, limit=1)["next_cursor"]

        with pytest.raises(InvalidInput, match="another query"):
            queries.search(actor=auditor, cursor=cursor, **other)

    def test_are_refused_to_others_beside_an_offset_and_where_they_are_none(
        self, rows: list[AuditLog], auditor: Actor, admin: Actor
    ) -> None:
        cursor = queries.search(actor=auditor, limit=1)["next_cursor"]

        with pytest.raises(InvalidInput, match="another query"):
            queries.search(actor=admin, cursor=cursor)
        with pytest.raises(InvalidInput, match="leave offset out"):
            queries.search(actor=auditor, cursor=cursor, offset=1)
        for text in ("", "no cursor", cursor[:-1]):
            with pytest.raises(InvalidInput, match="not one that a page has given"):
                queries.search(actor=auditor, cursor=text)


def _after(rows: list[AuditLog]) -> datetime:
    return rows[-1].timestamp + timedelta(microseconds=1)


@pytest.mark.parametrize("service", [queries.search, queries.summary])
@pytest.mark.parametrize("who", ["auditor", "viewer", "nobody"])
def test_costs_the_same_number_of_statements_for_one_row_and_for_many(
    service: Callable[..., Any], who: str, request: pytest.FixtureRequest
) -> None:
    user = request.getfixturevalue(who).user
    service(actor=Actor(user, Channel.API))  # from here on the rights are known
    counts = []
    for rows in (1, 200):
        for _ in range(rows):
            trail.record(Entry(ANN, "QUERY", "books"))
        with CaptureQueriesContext(connection) as captured:
            service(actor=Actor(user, Channel.API))
        counts.append(len(captured))

    assert counts[0] == counts[1] < 14
