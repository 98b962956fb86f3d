"""What is measured of the REST API: bursts of requests by several clients at once, beside a bare application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count

from accesscontrol import keys
from accesscontrol.actor import Actor, Channel
from bench import web_server
from bench.api_exports import Exports, exporting
from bench.cases import BATCH_INSERT, middle, new_scenes, some
from bench.floors import Bare
from bench.http_wire import Connection
from bench.measure import Case, Limit
from bench.scratch import Scratch

CLIENTS = 8
REQUESTS = 400  # of one burst, by all clients
SECONDS = 10
BARE = "bench.bare_api"
SCOPES = ["read", "insert", "export"]
# All are counted, and none is reached.
LIMITS = " ".join(f"{what}=900M/min" for what in ("read", "write", "heavy", "rows", "seconds"))

Request = Callable[[], bytes]


@contextmanager
def asking(scratch: Scratch, *, requests: int = REQUESTS) -> Iterator[list[Case]]:
    """This function will return the cases that ask the REST API, as it is shipped: gunicorn with its workers."""
    environment, key = _environment(scratch), _key(scratch)
    with (
        web_server.serving(environment) as ours,
        web_server.serving(environment, module=BARE) as bare,
        closing(Bare(scratch.url, flushes=True)) as floor,
    ):
        asked = Burst(ours.port, key, requests)
        yield [*_cases(scratch, asked, Burst(bare.port, key, requests)), _bulk(scratch, asked, floor)]


@contextmanager
def exports(scratch: Scratch) -> Iterator[Exports]:
    """This function will return the exports of the REST API, by a server that has done nothing else."""
    with exporting(scratch, _environment(scratch), _key(scratch)) as found:
        yield found


def _environment(scratch: Scratch) -> dict[str, str]:
    return {**scratch.environment, "RATE_LIMITS": LIMITS}


def _key(scratch: Scratch) -> str:
    return keys.create(actor=Actor(scratch.editor, Channel.COMMAND), name="bench", scopes=SCOPES).text


def _cases(scratch: Scratch, ours: Burst, bare: Burst) -> Iterator[Case]:
    scene = middle(scratch)
    numbers = count(1_000)
    chapter = json.loads(ours.once("GET", f"/api/v1/scenes/{scene}/"))["chapter_id"]

    def new() -> bytes:
        number = next(numbers)
        return json.dumps({"chapter_id": chapter, "scene_num": number, "title": f"Scene {number}"}).encode()

    for name, path, floor, ratio in (
        ("GET one record", f"/api/v1/scenes/{scene}/", f"/one/{scene}", 3.0),
        ("GET a page of 100", f"/api/v1/scenes/?id__gt={scene}", f"/page/{scene}", 2.0),
    ):
        yield Case(
            name,
            lambda path=path: ours("GET", path),  # type: ignore[misc]
            lambda floor=floor: bare("GET", floor),  # type: ignore[misc]
            Limit(ratio=ratio),
            "key, the same SELECT as JSON, audit row",
            seconds=SECONDS,
        )
    yield Case(
        "POST one record",
        lambda: ours("POST", "/api/v1/scenes/", new),
        lambda: bare("POST", "/", new),
        Limit(ratio=2.5),
        "one transaction of INSERT and audit row",
        seconds=SECONDS,
    )


def _bulk(scratch: Scratch, ours: Burst, floor: Bare) -> Case:
    fresh = new_scenes(scratch)
    names = list(next(fresh))
    contents: list[bytes] = []

    def prepare() -> None:
        contents.extend(json.dumps(some(fresh, BATCH_INSERT)).encode() for _ in range(2))

    return Case(
        f"POST {BATCH_INSERT:,} records at once",
        lambda: ours.once("POST", "/api/v1/scenes/", contents.pop()),
        lambda: floor.create(contents.pop(), names),
        Limit(ratio=2.5),
        "INSERT … SELECT FROM jsonb_to_recordset, versions, audit row",
        before=prepare,
        seconds=SECONDS,
        max_rounds=30,
    )


class Burst:
    """Requests by several clients at once, each on a connection that is kept."""

    def __init__(self, port: int, key: str, requests: int) -> None:
        self._port, self._each = port, requests // CLIENTS
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Request = bytes) -> None:
        """This function will make all requests of a burst.

        :raises RuntimeError: one is answered otherwise than with success
        """
        asyncio.run(self._all(method, path, body))

    def once(self, method: str, path: str, content: bytes = b"") -> bytes:
        """This function will make one request, and return what is answered."""
        return asyncio.run(self._some(method, path, lambda: content, 1))

    async def _all(self, method: str, path: str, body: Request) -> None:
        await asyncio.gather(*(self._some(method, path, body, self._each) for _ in range(CLIENTS)))

    async def _some(self, method: str, path: str, body: Request, times: int) -> bytes:
        async with Connection(self._port, self._headers) as connection:
            for _ in range(times):
                answer = await connection.ask(method, path, body())
                if not 200 <= answer.status < 300:
                    raise RuntimeError(f"{method} {path} was answered {answer.status}: {answer.body[:300]!r}")
        return answer.body
