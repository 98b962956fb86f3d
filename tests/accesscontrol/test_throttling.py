"""Limits hold for all processes together, whichever store they share; and hold up nobody else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import Error, connection, transaction

from accesscontrol import buckets, limits, throttling
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import RateLimited
from accesscontrol.limits import Limit, Whose, Work
from jobs import schedule, tasks, waking
from tests import databases
from tests.accesscontrol import redis_server
from tests.audit import children

pytestmark = pytest.mark.django_db

numbers = count(1_000_000)  # of users that are in no other test


def owner_url() -> str:
    return databases.url_of(connection.settings_dict["NAME"], django_settings.DATABASE_OWNER_URL)


class PostgreSQL:
    """The buckets, past the functions of the database."""

    def run(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(owner_url(), autocommit=True) as owner:
            cursor = owner.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def pass_(self, seconds: float) -> None:
        self.run("UPDATE app.rate_bucket SET full_at = full_at - %s", seconds)

    def names(self) -> set[str]:
        return {name for (name,) in self.run("SELECT name FROM app.rate_bucket")}


class Redis:
    """The same in Redis, which forgets what is full by itself."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True)

    def pass_(self, seconds: float) -> None:
        for name in self.client.scan_iter():
            self.client.set(name, float(self.client.get(name)) - seconds, keepttl=True)

    def names(self) -> set[str]:
        return {name.removeprefix("rate:") for name in self.client.scan_iter()}


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server.running() as url:
        yield url


@pytest.fixture(params=["postgresql", "redis"])
def store(
    request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> PostgreSQL | Redis:
    """Each place where the buckets may be."""
    if request.param == "postgresql":
        return PostgreSQL()
    settings.RATE_LIMIT_URL = request.getfixturevalue("redis_url")
    monkeypatch.setattr(buckets, "_take_from_postgresql", None)  # it is not asked
    found = Redis(settings.RATE_LIMIT_URL)
    found.client.flushall()
    return found


@pytest.fixture
def limit(settings: Any) -> Iterator[Callable[[str], None]]:
    """Return a function that sets limits, and no others."""

    def limit(text: str) -> None:
        throttling.forget()
        settings.RATE_LIMITS = {
            key: found for key, found in limits.read(text).items() if f"{key[1]}=" in text
        }

    yield limit
    throttling.forget()


def caller(user: int | None = None, **info: str) -> Actor:
    somebody = User(pk=next(numbers) if user is None else user, username="somebody")
    return Actor(somebody, Channel.API, info)


def taken(actor: Actor, work: Work = Work.READ, most: int = 1_000) -> int:
    """How many requests are let in."""
    for number in range(most):
        try:
            throttling.take(actor, work)
        except RateLimited:
            return number
    return most


class Clock:
    """The time of this process, set by hand."""

    def __init__(self) -> None:
        self.moment = 1_000.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throttling, "monotonic", clock)
    return clock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many permits were asked of the shared buckets, each time."""
    asked: list[int] = []
    real = buckets.take
    monkeypatch.setattr(buckets, "take", lambda draws, wanted: asked.append(wanted) or real(draws, wanted))
    return asked


def about(seconds: float) -> Any:
    """What is left of so many seconds when the test comes to look."""
    return pytest.approx(seconds, abs=30)


class TestALimit:
    def test_lets_in_as_many_at_once_as_it_says(self, store: object, limit: Callable[[str], None]) -> None:
        limit("user.read=20/h")

        assert taken(caller()) == 20

    def test_says_which_it_is_and_when_to_try_again(
        self, store: object, limit: Callable[[str], None]
    ) -> None:
        limit("user.read=6/h")
        actor = caller()
        taken(actor)

        with pytest.raises(RateLimited) as refused:
            throttling.take(actor, Work.READ)

        assert (refused.value.code, refused.value.status) == ("RATE_LIMITED", 429)
        assert refused.value.details == {"limit": "user.read", "retry_after_s": about(600)}
        assert "600 s" in str(refused.value.hint)

    def test_lets_in_again_what_has_come_back(self, store: Any, limit: Callable[[str], None]) -> None:
        limit("user.read=6/h")
        actor = caller()
        taken(actor)
        throttling.forget()
        store.pass_(1_201)

        assert taken(actor) == 2

    def test_of_who_was_refused_often_is_none_the_longer(
        self, store: Any, limit: Callable[[str], None]
    ) -> None:
        limit("user.read=6/h")
        actor = caller()
        taken(actor)
        for _ in range(30):
            throttling.forget()
            assert taken(actor) == 0
        store.pass_(601)
        throttling.forget()

        assert taken(actor) == 1

    def test_takes_from_no_bucket_where_one_is_empty(self, store: Any, limit: Callable[[str], None]) -> None:
        limit("key.read=2/h user.read=5/h address.read=off")
        user = next(numbers)

        assert [taken(caller(user, key=f"{key}{user}")) for key in "abc"] == [2, 2, 1]

    def test_of_one_kind_of_work_leaves_others_alone(
        self, store: object, limit: Callable[[str], None]
    ) -> None:
        limit("user.read=2/h user.write=3/h")
        actor = caller()

        assert (taken(actor, Work.READ), taken(actor, Work.WRITE)) == (2, 3)

    def test_of_an_address_is_shared_by_those_behind_it(
        self, store: object, limit: Callable[[str], None]
    ) -> None:
        limit("address.read=5/h key.read=off user.read=off")
        network = f"2001:db8:0:{next(numbers) % 65_536:x}"

        assert taken(caller(ip=f"{network}::1"), most=3) == 3
        assert taken(Actor(None, Channel.API, {"ip": f"{network}:ffff::2"})) == 2
        assert taken(caller(ip="192.0.2.1"), most=5) == 5
        assert taken(caller(ip="::ffff:192.0.2.1")) == 0

    def test_spares_nobody(self, store: object, limit: Callable[[str], None]) -> None:
        limit("user.read=2/h")

        assert taken(Actor(User(pk=next(numbers), is_superuser=True), Channel.MCP)) == 2

    def test_that_is_off_asks_nothing(
        self, limit: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limit("off")
        monkeypatch.setattr(buckets, "take", None)

        assert taken(caller(ip="192.0.2.1", key="k"), most=50) == 50

    def test_that_a_clock_was_set_back_behind_is_none_the_longer(
        self, store: Any, limit: Callable[[str], None]
    ) -> None:
        limit("user.read=6/h")
        actor = caller()
        throttling.take(actor, Work.READ)
        throttling.forget()
        store.pass_(-1_000_000)

        with pytest.raises(RateLimited) as refused:
            throttling.take(actor, Work.READ)
        assert refused.value.details["retry_after_s"] == about(600)

    def test_tells_what_is_left(self, store: object, limit: Callable[[str], None]) -> None:
        limit("key.read=40/h user.read=100/h address.read=off")
        actor = caller(key=f"k{next(numbers)}")

        left = [
            [(level.limit.name, level.left) for level in throttling.take(actor, Work.READ)] for _ in range(20)
        ]

        assert left == [[("key.read", 39 - n), ("user.read", 99 - n)] for n in range(20)]


class TestWork:
    def test_that_cost_too_much_is_refused_until_it_is_paid(
        self, store: Any, limit: Callable[[str], None]
    ) -> None:
        limit("user.read=1000/h rows=10k/h")
        user = next(numbers)
        for _ in range(2):
            actor = caller(user)
            throttling.take(actor, Work.READ)
            actor.count(6_000)
            throttling.charge(actor, 0)

        with pytest.raises(RateLimited) as refused:
            throttling.take(caller(user), Work.READ)
        assert refused.value.details == {"limit": "user.rows", "retry_after_s": about(720)}

        throttling.forget()
        store.pass_(721)
        assert taken(caller(user), most=3) == 3

    def test_of_little_is_told_with_the_next_request(
        self, store: Any, limit: Callable[[str], None], asked: list[int]
    ) -> None:
        limit("user.read=7/h seconds=2/h")
        actor = caller()
        for _ in range(5):
            throttling.take(actor, Work.READ)
            throttling.charge(actor, 0.24)

        (seconds,) = [level for level in throttling.take(actor, Work.READ) if level.limit.kind == "seconds"]
        assert seconds.full_in_s == pytest.approx(1.2 * 1_800, abs=5)
        assert 0 not in asked

    def test_that_adds_up_is_told_at_once(
        self, store: Any, limit: Callable[[str], None], clock: Clock, asked: list[int]
    ) -> None:
        limit("user.read=10k/h seconds=100/h")
        actor = caller()
        for _ in range(8):
            throttling.take(actor, Work.READ)
            throttling.charge(actor, 0.4)

        # 0.4 with the second, 0.8 with the fourth, 1.2 at once: more than a hundredth. The lease goes on.
        assert asked == [1, 2, 4, 0, 8]

    def test_lets_who_waits_for_its_end_go_on(self, store: object, limit: Callable[[str], None]) -> None:
        limit("user.read=1000/h seconds=10/h")
        actor = caller()
        throttling.charge(actor, 1_000_000)
        throttling.take(actor, Work.READ)
        throttling.charge(actor, 5)

        with pytest.raises(RateLimited) as refused:
            throttling.take(actor, Work.READ)
        assert refused.value.details == {"limit": "user.seconds", "retry_after_s": about(1_800)}

    def test_is_forgiven_beyond_five_periods(self, store: object, limit: Callable[[str], None]) -> None:
        limit("user.read=1000/h seconds=10/h")
        actor = caller()
        for _ in range(9):
            throttling.charge(actor, 10)

        with pytest.raises(RateLimited) as refused:
            throttling.take(actor, Work.READ)
        assert refused.value.details["retry_after_s"] == about(5 * 3_600)

    def test_is_its_users_whatever_it_came_with(self, store: object, limit: Callable[[str], None]) -> None:
        limit("user.read=1000/h seconds=1/h")
        user = next(numbers)
        throttling.charge(caller(user, key="a", ip="192.0.2.1"), 5)
        throttling.charge(caller(user, key="b", ip="192.0.2.2"), 5)

        assert taken(caller(user)) == 0

    def test_that_was_done_is_no_failure_where_it_cannot_be_charged(
        self, limit: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise Error

        limit("seconds=10/h")
        monkeypatch.setattr(buckets, "take", fail)

        throttling.charge(caller(), 5)


class TestLogins:
    def test_that_fail_are_counted(self, store: object, limit: Callable[[str], None]) -> None:
        limit("login=4/h")
        stranger = Actor(None, Channel.ADMIN, {"ip": f"198.51.100.{next(numbers) % 250}"})

        for failed in (True, False, True, False, True, True):
            throttling.attempt(stranger)
            if not failed:
                throttling.succeed(stranger)
        with pytest.raises(RateLimited) as refused:
            throttling.attempt(stranger)
        assert refused.value.details == {"limit": "address.login", "retry_after_s": about(900)}

    def test_on_the_pages_do_not_suffer_from_programs(
        self, store: object, limit: Callable[[str], None]
    ) -> None:
        limit("login=2/h")
        at = {"ip": f"203.0.113.{next(numbers) % 250}"}

        assert taken(Actor(None, Channel.API, at), Work.LOGIN) == 2
        assert taken(Actor(None, Channel.ADMIN, at), Work.LOGIN) == 2


class TestLeases:
    def test_grow_with_the_pace(self, limit: Callable[[str], None], clock: Clock, asked: list[int]) -> None:
        limit("user.read=10k/h")
        actor = caller()
        for _ in range(400):
            throttling.take(actor, Work.READ)
            clock.moment += 0.002

        assert asked == [1, 2, 4, 8, 16, 32, *[64] * 6]

    def test_are_of_one_for_who_comes_slowly(
        self, limit: Callable[[str], None], clock: Clock, asked: list[int]
    ) -> None:
        limit("user.read=10k/h")
        actor = caller()
        for _ in range(20):
            throttling.take(actor, Work.READ)
            clock.moment += 0.2

        assert asked == [1] * 20

    def test_end(self, limit: Callable[[str], None], clock: Clock, asked: list[int]) -> None:
        limit("user.read=10k/h")
        actor = caller()
        for _ in range(4):
            throttling.take(actor, Work.READ)
        clock.moment += 2.0
        throttling.take(actor, Work.READ)

        assert asked == [1, 2, 4, 1]

    def test_shrink_where_little_is_left(self, limit: Callable[[str], None], asked: list[int]) -> None:
        limit("user.read=32/h")

        assert taken(caller()) == 32
        assert len(asked) > 20

    def test_are_not_inherited(self, limit: Callable[[str], None], clock: Clock) -> None:
        limit("user.read=10k/h")
        actor = caller()
        for _ in range(5):
            throttling.take(actor, Work.READ)  # two are left

        def spend(tell: Callable[[str], None]) -> None:
            tell(str(next(level.left for level in throttling.take(actor, Work.READ))))

        with children.forked(spend, app_url()) as child:
            assert child.line() == str(10_000 - 7 - 1)

    def test_of_who_was_refused_ask_no_more_for_a_while(
        self, limit: Callable[[str], None], clock: Clock, asked: list[int]
    ) -> None:
        limit("user.read=1/h")
        actor = caller()
        for _ in range(50):
            taken(actor)
        assert len(asked) == 2

        clock.moment += 2.0
        taken(actor)
        assert len(asked) == 3


def app_url() -> str:
    return databases.url_of(connection.settings_dict["NAME"], django_settings.DATABASE_URL)


class TestManyAtOnce:
    def test_processes_share_a_limit_exactly(self, store: object, limit: Callable[[str], None]) -> None:
        limit("key.read=60/h user.read=300/h address.read=off")
        user = next(numbers)
        with ExitStack() as stack:

            def spend(tell: Callable[[str], None]) -> None:
                tell(str(taken(caller(user, key=f"k{user}"))))

            found = [stack.enter_context(children.forked(spend, app_url())) for _ in range(4)]
            assert sum(int(child.line()) for child in found) == 60

        assert taken(caller(user, key=f"l{user}")) == 60

    def test_threads_share_a_limit_exactly(self, store: object, limit: Callable[[str], None]) -> None:
        limit("user.read=100/h")
        actor = caller()

        def spend(_: int) -> int:
            try:
                return taken(actor)
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(spend, range(6))) == 100

    def test_who_ask_in_any_order_never_wait_for_each_other(self, store: object) -> None:
        draws = [
            buckets.Draw(f"user:{next(numbers)}", Limit(Whose.USER, Work.READ, 1_000, 3_600))
            for _ in range(6)
        ]

        def ask(seed: int) -> int:
            dice = random.Random(seed)  # noqa: S311 - no secret
            try:
                return sum(buckets.take(dice.sample(draws, 4), 1).permits for _ in range(40))
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(ask, range(6))) == 240

    def test_one_who_is_held_up_holds_up_nobody_else(self, limit: Callable[[str], None]) -> None:
        limit("user.read=5/h")
        held, other = caller(), caller()
        throttling.take(held, Work.READ)
        assert held.user is not None
        with holding(f"user:{held.user.pk} read"):
            assert taken(other) == 5


@contextmanager
def holding(bucket: str) -> Iterator[None]:
    with psycopg.connect(owner_url()) as owner:
        found = owner.execute("SELECT 1 FROM app.rate_bucket WHERE name = %s FOR UPDATE", [bucket]).fetchall()
        assert found
        yield


class TestTheStore:
    def test_is_no_part_of_the_callers_transaction(self, store: Any, limit: Callable[[str], None]) -> None:
        limit("user.read=5/h")
        actor = caller()
        with transaction.atomic():
            throttling.take(actor, Work.READ)
            assert actor.user
            assert f"user:{actor.user.pk} read" in store.names()  # others see it already
            transaction.set_rollback(True)
        throttling.forget()

        assert taken(actor) == 4

    def test_is_changed_by_the_applications_role_through_functions_alone(self) -> None:
        for statement in ("UPDATE {} SET full_at = 0", "DELETE FROM {}", "TRUNCATE {}"):
            with (
                psycopg.connect(app_url()) as application,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                application.execute(statement.format("app.rate_bucket"))

    def test_writes_nothing_that_a_commit_waits_for(self) -> None:
        found = PostgreSQL().run(
            "SELECT relpersistence FROM pg_class WHERE oid = 'app.rate_bucket'::regclass"
        )

        assert found == [("u",)]

    def test_is_swept_by_the_schedule(self) -> None:
        declared = schedule._declared["Sweep of limits"]

        assert (declared.task, tasks.sweep_limits.name) == (waking.SWEEP_LIMITS, waking.SWEEP_LIMITS)


@pytest.mark.django_db(transaction=True)
def test_who_has_nothing_to_wait_for_is_swept_out(limit: Callable[[str], None]) -> None:
    limit("user.read=10/h")
    store, gone, held, late = PostgreSQL(), caller(), caller(), caller()
    names = [f"user:{actor.user.pk} read" for actor in (gone, held, late) if actor.user]
    for actor in (gone, held):
        throttling.take(actor, Work.READ)
    store.pass_(361)
    throttling.take(late, Work.READ)

    with holding(names[1]):
        tasks.sweep_limits()

    assert store.names() & set(names) == set(names[1:])
    tasks.sweep_limits()
    assert store.names() & set(names) == {names[2]}


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_meanwhile_is_replaced(limit: Callable[[str], None]) -> None:
    limit("user.read=5/h")
    connection.ensure_connection()
    PostgreSQL().run("SELECT pg_terminate_backend(%s, 5000)", connection.connection.info.backend_pid)

    assert taken(caller()) == 5


class TestRedisAway:
    def test_postgresql_has_the_limits_meanwhile(
        self, settings: Any, limit: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, caplog: Any
    ) -> None:
        limit("user.read=5/h")
        monkeypatch.setattr(buckets, "_rest", buckets._Rest())
        tried: list[object] = []
        real = buckets._take_from_redis
        monkeypatch.setattr(buckets, "_take_from_redis", lambda *asked: tried.append(asked) or real(*asked))
        with redis_server.running() as url:
            settings.RATE_LIMIT_URL = url
            actor = caller()
            assert taken(actor, most=3) == 3
        throttling.forget()

        assert taken(actor) == 5  # they have not heard of the three
        assert len([record for record in caplog.records if "without_redis" in record.getMessage()]) == 1
        assert len(tried) == 4  # one of them in vain: it is left alone for a while

    def test_an_error_of_redis_holds_up_nobody(
        self, settings: Any, limit: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, redis_url: str
    ) -> None:
        limit("user.read=5/h")
        monkeypatch.setattr(buckets, "_rest", buckets._Rest())
        settings.RATE_LIMIT_URL = redis_url
        actor = caller()
        assert actor.user
        redis.Redis.from_url(redis_url).lpush(f"rate:user:{actor.user.pk} read", "no number")

        assert taken(actor) == 5
