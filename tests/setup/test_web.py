"""The web server's sockets."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest
from django.conf import settings

from config import web
from config.web import LEAST_BYTES_PER_S, PATIENCE_S, Receiver, Web, write_problem


def test_no_connection_waits_for_ever_for_a_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Web(lambda *_: [], listening, workers=1, threads=1)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                seconds, _ = struct.unpack("ll", accepted.getsockopt(socket.SOL_SOCKET, option, 16))
                assert seconds == PATIENCE_S


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a clock shows, one after the other."""
    times: list[float] = []
    monkeypatch.setattr(web, "monotonic", lambda: times.pop(0))
    return times


def test_a_client_that_sends_byte_by_byte_is_let_go(clock: list[float]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        receiver = Receiver(ours)
        for second in range(PATIENCE_S):
            theirs.send(b"x")
            clock += [second, second + 1]
            assert receiver.chunk() == b"x"
        theirs.send(b"x")
        clock += [PATIENCE_S, PATIENCE_S + 1]
        with pytest.raises(ConnectionResetError):
            receiver.chunk()


def test_one_that_goes_on_sending_is_not_however_long_it_takes(clock: list[float]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        receiver = Receiver(ours)
        for second in range(3 * PATIENCE_S):
            theirs.send(b"x" * LEAST_BYTES_PER_S)
            clock += [second, second + 1]
            assert len(receiver.chunk()) == LEAST_BYTES_PER_S


def test_what_is_no_request_is_refused_in_the_shape_of_any_other() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write_problem(ours, 414, "URI Too Long", "Request Line is too large (9000 > 8190)")
        head, _, body = theirs.recv(10_000).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 414 URI Too Long\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (414, "TOO_LARGE")


WHO = """
import os, socket, sys
import django

django.setup()
from config import web

web.START_S = 0.02  # enough on a busy machine too

def who(environ, start_response):
    name = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(name)))])
    return [name]

listening = socket.socket(fileno=int(sys.argv[1]))
server = web.Web(who, listening, workers=2, threads=2)
server.cfg.set("keepalive", 60)  # none ends meanwhile, however slow we are
server.run()
"""


def test_connections_are_shared_evenly_between_the_workers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, place = listening.getsockname()[1], listening.fileno()
        server = subprocess.Popen(
            [sys.executable, "-c", WHO, str(place)], cwd=settings.BASE_DIR, env=os.environ, pass_fds=[place]
        )
    with ExitStack() as kept:
        kept.callback(server.wait)
        kept.callback(server.terminate)
        connections = Counter([_asked(kept, port)])
        while len(connections) < 2 and connections.total() < 300:  # one worker is there before the other
            connections[_asked(kept, port)] += 1
        for _ in range(connections.total() + 20):
            connections[_asked(kept, port)] += 1

    some, others = connections.values()
    assert abs(some - others) <= connections.total() / 6


def _asked(kept: ExitStack, port: int) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    kept.callback(connection.close)
    connection.request("GET", "/")
    return connection.getresponse().read()
