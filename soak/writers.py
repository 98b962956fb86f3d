"""Eight who write at once, in every way that there is: short and long transactions, some of them rolled back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from random import Random
from typing import Final

import psycopg

from soak.ledger import Ledger
from soak.places import Place

LONG_S: Final = (0.2, 1.5)  # how long a long transaction stays open
ROLLED_BACK: Final = 0.1  # of transactions and savepoints
FILL: Final = """
INSERT INTO public.authors (name, bio) SELECT 'Author ' || n, repeat(md5(n::text), 5) FROM generate_series(1, 300) n;
INSERT INTO public.books (author_id, title) SELECT id, 'Book of ' || name FROM public.authors;
INSERT INTO public.chapters (book_id, chapter_num) SELECT b.id, n FROM public.books b, generate_series(1, 3) n;
INSERT INTO public.book_genres (book_id, genre_id)
SELECT b.id, g.id FROM public.books b, public.genres g WHERE g.id < 4;
INSERT INTO public.locations (name) SELECT 'Place ' || n FROM generate_series(1, 200) n;
INSERT INTO public.writing_goals (goal_type, target) SELECT 'words', n FROM generate_series(1, 100) n;
"""
# Statements of rows that are chosen by chance: `{n}` is a number, `{m}` another.
_TEXT: Final = r"""
INSERT INTO public.authors (name, bio)
SELECT 'New', E'\\.\n\t\\N\r''é😀' || repeat('x', (random() * 50)::int) FROM generate_series(1, {n} % 20);
UPDATE public.authors SET bio = E'\\.\r\n' || repeat('y', (random() * 50)::int) WHERE id % 40 = {n} % 40;
UPDATE public.books SET title = 'Title {n}', deleted_at = CASE WHEN random() < 0.3 THEN now() END
 WHERE id % 50 = {n} % 50;
INSERT INTO public.books (author_id, title) SELECT id, 'Book {n}' FROM public.authors ORDER BY random() LIMIT 3;
DELETE FROM public.books b
 WHERE id % 97 = {n} % 97 AND NOT EXISTS (SELECT FROM public.chapters c WHERE c.book_id = b.id);
DELETE FROM public.chapters WHERE id % 83 = {n} % 83;
INSERT INTO public.chapters (book_id, chapter_num, content)
SELECT id, 100 + {m}, 'x' FROM public.books ORDER BY random() LIMIT 4
ON CONFLICT (book_id, chapter_num) WHERE deleted_at IS NULL DO UPDATE SET content = 'again';
INSERT INTO public.book_genres (book_id, genre_id)
SELECT b.id, g.id FROM public.books b, public.genres g WHERE b.id % 60 = {n} % 60 AND g.id = 1 + {m} % 5
ON CONFLICT DO NOTHING;
DELETE FROM public.book_genres WHERE (book_id + genre_id) % 31 = {n} % 31;
UPDATE public.book_genres SET genre_id = genre_id + 20 WHERE book_id % 40 = {n} % 40 AND genre_id < 4;
MERGE INTO public.locations l USING (SELECT {m} AS id) v ON l.id = v.id
 WHEN MATCHED AND {n} % 2 = 0 THEN DELETE
 WHEN MATCHED THEN UPDATE SET description = 'merged'
 WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, 'Merged');
UPDATE public.locations SET id = -id WHERE id % 29 = {n} % 29;
UPDATE public.locations SET id = id + 9000000 WHERE id = {n};
UPDATE public.writing_goals SET target = target + 1 WHERE id % 7 = {n} % 7;
INSERT INTO public.writing_goals (goal_type, target) SELECT 'words', {n} FROM generate_series(1, 5);
INSERT INTO public.writing_sessions (session_date, notes) VALUES ('2026-01-01', 'session {n}');
UPDATE public.genres SET description = 'as of {n}' WHERE id % 11 = {n} % 11
"""
STATEMENTS: Final = tuple(_TEXT.split(";\n"))
TRUNCATES: Final = (
    "TRUNCATE public.writing_goals",
    "TRUNCATE public.writing_sessions, public.book_genres",
)

_PASSING: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.UniqueViolation,
    psycopg.errors.ForeignKeyViolation,
)
Transaction = Callable[[psycopg.Connection, Random, threading.Event], None]


@contextmanager
def writing(place: Place, ledger: Ledger, seed: int) -> Iterator[None]:
    """This function will write all the while, through every death of the server; two of the eight take their time."""
    stop, done = threading.Event(), Counter[str]()
    works = [_short] * 5 + [_empty] + [_long] * 2
    threads = [
        threading.Thread(target=_forever, args=(place, work, Random(f"{seed} {number}"), stop, done, ledger))  # noqa: S311
        for number, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    ledger.figures["transactions beside"] = ", ".join(f"{n:,} {what}" for what, n in sorted(done.items()))


def _forever(
    place: Place, work: Transaction, random: Random, stop: threading.Event, done: Counter[str], ledger: Ledger
) -> None:
    try:
        while not stop.is_set():
            with suppress(psycopg.OperationalError), psycopg.connect(place.owner_url, autocommit=True) as own:
                own.execute("SET lock_timeout = '300ms'")
                own.execute(f"SET synchronous_commit = {random.choice(('on', 'on', 'off'))}")
                while not stop.is_set():
                    is_taken_back = random.random() < ROLLED_BACK
                    with passing(), own.transaction(force_rollback=is_taken_back):
                        work(own, random, stop)
                        done["rolled back" if is_taken_back else work.__name__.strip("_")] += 1
            stop.wait(0.01)
    except Exception as fault:  # noqa: BLE001 - told, whatever it is
        ledger.require(False, f"a writer ended: {fault!r}")


def passing() -> AbstractContextManager[None]:
    """This function will pass over what another transaction, or a row that is there, gets in the way of."""
    return suppress(*_PASSING)


def _some(own: psycopg.Connection, random: Random) -> None:
    """Do a few things, each in a savepoint, of which some are taken back."""
    for _ in range(random.randint(1, 4)):
        with passing(), own.transaction(force_rollback=random.random() < ROLLED_BACK):
            own.execute(statement(random).encode())


def statement(random: Random) -> str:
    """This function will return a statement that changes rows, chosen by chance."""
    return random.choice(STATEMENTS).format(n=random.randint(1, 1_000), m=random.randint(1, 400))


def _short(own: psycopg.Connection, random: Random, stop: threading.Event) -> None:
    _some(own, random)
    stop.wait(0.005)


def _long(own: psycopg.Connection, random: Random, stop: threading.Event) -> None:
    _some(own, random)
    stop.wait(random.uniform(*LONG_S))
    _some(own, random)


def _empty(own: psycopg.Connection, random: Random, stop: threading.Event) -> None:
    stop.wait(random.uniform(0, 0.5))
    own.execute(random.choice(TRUNCATES).encode())
    _some(own, random)
