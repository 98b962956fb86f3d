"""A bare bucket on loopback: it speaks as much of S3 as copies need, and does with what it gets what S3 must.

That is the MD5 of each part, and a file of it; an object is a folder of its parts. So what is measured is the sending:
the server that tests have takes twice as long over what it gets as we over what we send, and copies all of it several
times when the parts are put together.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import rmtree
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

BLOCK_BYTES: Final = 1 << 20
_ETAG: Final = '"of a folder"'
_LISTED: Final = "<Contents><Key>{name}</Key><Size>{size}</Size></Contents>"


class Bucket(BaseHTTPRequestHandler):
    """Answers one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer's head and body are sent apart
    folder: Path

    def do_PUT(self) -> None:
        """Take a part, or a whole object."""
        asked = self._asked()
        folder = self.folder / asked.get("uploadId", self._object)
        folder.mkdir(exist_ok=True)
        self._answer(etag=self._receive(folder / asked.get("partNumber", "1").zfill(5)))

    def do_POST(self) -> None:
        """Begin an upload, or make an object of its parts."""
        self.rfile.read(self._size)
        if upload := self._asked().get("uploadId"):
            rmtree(self.folder / self._object, ignore_errors=True)
            (self.folder / upload).rename(self.folder / self._object)
            self._answer(
                f"<CompleteMultipartUploadResult><ETag>{_ETAG}</ETag></CompleteMultipartUploadResult>"
            )
            return
        upload = secrets.token_hex(8)
        (self.folder / upload).mkdir()
        self._answer(
            f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        )

    def do_GET(self) -> None:
        """Send an object, or name all there are."""
        if "list-type" in self._asked():
            found = (
                _LISTED.format(name=escape(unquote(each.name)), size=_size(each))
                for each in self.folder.iterdir()
            )
            self._answer(f"<ListBucketResult>{''.join(found)}</ListBucketResult>")
            return
        folder = self.folder / self._object
        self._answer(etag=_ETAG, size=_size(folder))
        for part in sorted(folder.iterdir()):
            with part.open("rb") as file:
                self.connection.sendfile(file)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called
        """Say nothing."""

    @property
    def _object(self) -> str:
        """The folder of the object that the address names."""
        return quote(unquote(urlsplit(self.path).path).split("/", 2)[-1], safe="")

    @property
    def _size(self) -> int:
        return int(self.headers.get("Content-Length") or 0)

    def _asked(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    def _receive(self, target: Path) -> str:
        """Write what comes into a file, and return its ETag."""
        digest, left, block = (
            hashlib.md5(usedforsecurity=False),
            self._size,
            memoryview(bytearray(BLOCK_BYTES)),
        )
        with target.open("wb", buffering=0) as file:
            while left:
                got = block[: self.rfile.readinto(block[:left])]
                digest.update(got)
                file.write(got)
                left -= len(got)
        return f'"{digest.hexdigest()}"'

    def _answer(self, text: str = "", *, etag: str | None = None, size: int | None = None) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) if size is None else size))
        if etag is not None:
            self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(content)


def _size(folder: Path) -> int:
    return sum(part.stat().st_size for part in folder.iterdir())


if __name__ == "__main__":
    Bucket.folder = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Bucket).serve_forever()
