"""Many programs that use the REST API at once: is every request answered, is all of it audited, does nothing grow?"""

from __future__ import annotations

import asyncio
import json
from random import Random
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from accesscontrol import keys
from accesscontrol.actor import Actor, Channel
from bench.http_wire import Answer, Connection
from bench.web_server import serving
from soak import invariants
from soak.growth import CONNECTIONS, Watch
from soak.ledger import Call, Ledger
from soak.places import Place

CLIENTS = 64
SAMPLE_S = 0.5
RIGHTS = ["read", "insert", "update", "delete"]
# What may rightly become of requests that cross each other: gone, changed meanwhile, in somebody's way, too late.
EXPECTED = frozenset({200, 201, 204, 304, 404, 409, 412})


def run(place: Place, *, seconds: float, seed: int, clients: int = CLIENTS) -> Ledger:
    """This function will let clients read and write for so long, and watch the web processes that answer them."""
    ledger = Ledger()
    actor = Actor(User.objects.get(username=place.username), Channel.COMMAND)
    key = keys.create(actor=actor, name="soak", scopes=RIGHTS).text
    watch = Watch()
    ours = float(place.read(CONNECTIONS)[0][0])
    with serving(place.environment()) as server:
        asyncio.run(
            _all(
                server.port, key, seconds, seed, clients, ledger,
                lambda: watch.look(place, server.resident_mb()),
            )
        )  # fmt: skip
    of_threads = settings.WEB_WORKERS * settings.WEB_THREADS
    watch.judge(ledger, "a web process", connections=ours + of_threads)
    invariants.check(place, ledger)
    return ledger


async def _all(
    port: int, key: str, seconds: float, seed: int, clients: int, ledger: Ledger, look: Any
) -> None:
    until = monotonic() + seconds
    working = [
        asyncio.create_task(Client(port, key, f"client {number}", seed, ledger).work(until))
        for number in range(clients)
    ]
    while not all(task.done() for task in working):
        await asyncio.gather(asyncio.to_thread(look), asyncio.sleep(SAMPLE_S))
    await asyncio.gather(*working)


class Client:
    """One program: it adds, reads, changes and deletes books of its own and of others, as the dice fall."""

    def __init__(self, port: int, key: str, name: str, seed: int, ledger: Ledger) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connection = Connection(port, headers)
        self._dice = Random(f"{name} {seed}")  # noqa: S311 - no secret
        self._name, self._ledger = name, ledger
        self._asked = 0
        self._author = 0

    async def work(self, until: float) -> None:
        """This function will make requests until then."""
        async with self._connection:
            made = await self._write("POST", "authors/", {"name": self._name})
            self._author = json.loads(made.body)["id"]
            while monotonic() < until:
                await self._dice.choice(
                    [self._add, self._list, self._list, self._change, self._delete, self._batch]
                )()

    async def _add(self) -> None:
        await self._write("POST", "books/", self._book())

    async def _list(self) -> None:
        await self._ask("GET", f"books/?order_by=-id&limit={self._dice.randint(1, 50)}&count=capped")

    async def _change(self) -> None:
        if (book := await self._some_book()) is not None:
            found = await self._ask("GET", f"books/{book}/")
            if found.status == 200:
                tag = {"If-Match": found.header("etag")}
                await self._write(
                    "PATCH", f"books/{book}/", {"word_count": self._dice.randint(1, 10**6)}, tag
                )

    async def _delete(self) -> None:
        if (book := await self._some_book()) is not None:
            await self._write("DELETE", f"books/{book}/", None)

    async def _batch(self) -> None:
        await self._write("POST", "books/", [self._book() for _ in range(self._dice.randint(1, 20))])

    async def _some_book(self) -> int | None:
        found = await self._ask("GET", "books/?fields=id&order_by=-id&limit=20")
        records = json.loads(found.body)["records"] if found.status == 200 else []
        return self._dice.choice(records)["id"] if records else None

    def _book(self) -> dict[str, Any]:
        return {"title": f"A book of {self._name}", "author_id": self._author}

    async def _write(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None = None
    ) -> Answer:
        self._asked += 1
        key = f"{self._name} {self._asked}"
        content = b"" if body is None else json.dumps(body).encode()
        answer = await self._ask(method, path, content, {"Idempotency-Key": key, **(headers or {})})
        self._ledger.note(
            Call(f"{method} {path}", {}, key), _told(answer, len(body) if isinstance(body, list) else 1)
        )
        return answer

    async def _ask(
        self, method: str, path: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        started = monotonic()
        answer = await self._connection.ask(method, f"/api/v1/{path}", content, headers)
        self._ledger.codes[str(answer.status)] += 1
        self._ledger.slowest_s = max(self._ledger.slowest_s, monotonic() - started)
        self._ledger.require(
            answer.status in EXPECTED, f"{method} {path} was answered {answer.status}: {answer.body[:200]!r}"
        )
        return answer


def _told(answer: Answer, count: int) -> dict[str, Any]:
    """What a write was answered, as the ledger has it."""
    if answer.status >= 300:
        refusal: dict[str, Any] = json.loads(answer.body)
        return refusal
    return {"change_id": answer.header("change-id"), "updated": count}
