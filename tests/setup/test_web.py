"""The web server's sockets."""

from __future__ import annotations

import socket
import struct

from config.web import PATIENCE_S, Web


def test_no_connection_waits_for_ever_for_a_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Web(lambda *_: [], listening, workers=1, threads=1)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                seconds, _ = struct.unpack("ll", accepted.getsockopt(socket.SOL_SOCKET, option, 16))
                assert seconds == PATIENCE_S
