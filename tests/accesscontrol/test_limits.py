"""The setting RATE_LIMITS."""

from __future__ import annotations

import pytest

from accesscontrol import limits
from accesscontrol.limits import Cost, Whose, Work, work_of


def amounts(text: str) -> dict[str, tuple[int, int]]:
    return {limit.name: (limit.amount, limit.period_s) for limit in limits.read(text).values()}


def test_of_a_user_is_twice_that_of_a_key_and_of_an_address_four_times() -> None:
    found = amounts("read=600/min")

    assert [found[name] for name in ("key.read", "user.read", "address.read")] == [
        (600, 60),
        (1200, 60),
        (2400, 60),
    ]


def test_what_is_not_named_is_as_by_default() -> None:
    default, found = amounts(""), amounts("read=7/s")

    assert {name for name in default if default[name] != found[name]} == {
        "key.read",
        "user.read",
        "address.read",
    }


def test_what_is_said_of_one_is_heeded_wherever_it_stands() -> None:
    for text in ("user.write=5/s write=100/h", "write=100/h,user.write=5/s"):
        found = amounts(text)

        assert [found[name] for name in ("key.write", "user.write", "address.write")] == [
            (100, 3600),
            (5, 1),
            (400, 3600),
        ]


@pytest.mark.parametrize("text", ["off", "0", " OFF "])
def test_all_are_switched_off(text: str) -> None:
    assert limits.read(text) == {}


@pytest.mark.parametrize("entry", ["off", "0", "0/min"])
def test_one_is_switched_off(entry: str) -> None:
    found = limits.read(f"heavy={entry} address.read={entry}")

    assert not [kind for _, kind in found if kind is Work.HEAVY]
    assert (Whose.ADDRESS, Work.READ) not in found
    assert (Whose.USER, Work.READ) in found


def test_costs_are_those_of_a_user_and_logins_those_of_an_address() -> None:
    found = limits.read("rows=5k/s seconds=90/min login=3/h")

    assert {(str(limit.name), limit.amount) for key, limit in found.items() if key[1] in (*Cost, Work.LOGIN)} == {
        ("user.rows", 5_000), ("user.seconds", 90), ("address.login", 3),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["read", "read=", "read=5", "read=5/day", "read=-1/s", "read=1.5/s", "reads=5/s", "key.rows=5/s", "user.login=5/s",
     "us.read=5/s", "read=5M", "read=9999999999/s"],
)  # fmt: skip
def test_what_is_not_understood_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="can't be read at"):
        limits.read(f"write=5/s {text}")


@pytest.mark.parametrize(
    ("operation", "reads", "work"),
    [
        ("QUERY", True, Work.READ), ("UPDATE", False, Work.WRITE), ("RESTORE_RECORDS", False, Work.WRITE),
        ("BATCH_INSERT", False, Work.HEAVY), ("EXPORT_CSV", False, Work.HEAVY), ("VALIDATE_BACKUP", True, Work.HEAVY),
        ("RESTORE_FULL", False, Work.HEAVY),
    ],
)  # fmt: skip
def test_what_a_request_is_counted_as(operation: str, reads: bool, work: Work) -> None:
    assert work_of(operation, reads=reads) is work
