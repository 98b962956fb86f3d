"""A server that speaks S3, on loopback, and that fails in the ways that tests ask for."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

os.environ["S3_UPLOAD_PART_MIN_SIZE"] = "256"  # moto reads it when it is imported
os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"

import boto3
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ACCESS_KEY, SECRET_KEY = "the-access-key", "the-secret-key-of-the-bucket"
_numbers = itertools.count(1)

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Fault = Callable[[App, dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Server:
    """moto behind a gate at which the next requests of a kind can be let down."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._app: App = DomainDispatcherApplication(create_backend_app)
        self._faults: list[tuple[Callable[[dict[str, Any]], bool], Fault, int]] = []
        self.requests: list[str] = []
        self.over = threading.Event()
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name="us-east-1")  # slow to make
        self.url = f"http://127.0.0.1:{self._server.server_port}"

        self._resource = self.session.resource("s3", endpoint_url=self.url)

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def failing(
        self, fault: Fault, *, method: str, having: str = "", after: int = 0, times: int = 1_000
    ) -> Iterator[None]:
        """Let down requests of a method whose address has something in it: so many, after so many good ones."""
        seen = itertools.count()

        def is_meant(environ: dict[str, Any]) -> bool:
            address = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
            return (
                environ["REQUEST_METHOD"] == method
                and having in address
                and after <= next(seen) < after + times
            )

        rule = (is_meant, fault)
        self._faults.append(rule)
        try:
            yield
        finally:
            self._faults.remove(rule)

    def asked(self, method: str, having: str = "") -> int:
        """Return how many such requests there were."""
        return sum(line.startswith(f"{method} ") and having in line for line in self.requests)

    def bucket(self, *, versioned: bool = True) -> Any:
        """Make a bucket of its own for a test."""
        made = self._resource.create_bucket(Bucket=f"bucket-{next(_numbers)}")
        if versioned:
            made.Versioning().enable()
        return made

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}")
        for is_meant, fault in list(self._faults):
            if is_meant(environ):
                return fault(self._app, environ, start)
        return self._app(environ, start)


def refusing(status: str = "503 Slow Down", code: str = "SlowDown") -> Fault:
    """Answer with an error, that tells more than anyone should know."""

    def fault(app: App, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        _drain(environ)
        text = f"<Error><Code>{code}</Code><Message>{ACCESS_KEY} may not</Message></Error>".encode()
        start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
        return [text]

    return fault


def silent(server: Server) -> Fault:
    """Take the request, and say nothing until the server ends."""

    def fault(app: App, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        server.over.wait(20)
        raise ConnectionAbortedError

    return fault


def dying(app: App, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Hang up in the middle of what is sent."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0) // 2)
    raise ConnectionAbortedError


def breaking_off(app: App, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Hang up in the middle of the answer."""
    answer = b"".join(app(environ, start))
    yield answer[: len(answer) // 2]
    raise ConnectionAbortedError


def with_etag(etag: str) -> Fault:
    """Say that other bytes have arrived."""

    def fault(app: App, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        def lying(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            others = [(name, value) for name, value in headers if name.lower() != "etag"]
            return start(status, [*others, ("ETag", f'"{etag}"')], *rest)

        return app(environ, lying)

    return fault


def _drain(environ: dict[str, Any]) -> None:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
