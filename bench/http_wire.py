"""A client of HTTP/1.1 that costs next to nothing: one kept connection, one request after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    head: bytes  # in small letters
    body: bytes

    def header(self, name: str) -> str:
        """This function will return the value of a header that is there."""
        return self.head.partition(f"\r\n{name}: ".encode())[2].split(b"\r\n", 1)[0].decode()


class Connection:
    """A connection to a server on this machine, and what each request says of itself."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._port = port
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def __aenter__(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """This function will make a request and return its answer."""
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        first = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        self._writer.write(
            f"{first}{self._head}{more}Content-Length: {len(content)}\r\n\r\n".encode() + content
        )
        answered = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(answered[9:12])
        length = int(answered.partition(b"\r\ncontent-length: ")[2].split(b"\r\n", 1)[0] or 0)
        return Answer(status, answered, await self._reader.readexactly(length))
