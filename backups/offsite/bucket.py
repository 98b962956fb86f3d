"""A bucket, as far as we need it: what it refuses is told in our words, and never in its own, which may hold keys."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages
from urllib3.exceptions import HTTPError

from backups.errors import OffsiteFailed, OffsiteMissing

BLOCK_BYTES: Final = 1 << 20
BREAKS: Final = 4  # so often may an answer break off without a byte between
_GONE: Final = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404"})
_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,60}", re.ASCII)


@dataclass(frozen=True)
class Part:
    """A part that has arrived."""

    etag: str
    size: int


def is_configured() -> bool:
    """This function will say whether there is a bucket at all."""
    return "offsite" in settings.STORAGES


def configured() -> Bucket:
    """This function will return the bucket that the settings name.

    :raises OffsiteFailed: they name none, or not how to reach it
    """
    if not is_configured():
        raise OffsiteFailed("There is no bucket: OFFSITE_BUCKET is not set.")
    return Bucket(storages["offsite"])


class Bucket:
    """Objects below a prefix, by the rest of their names. Every call may raise OffsiteFailed.

    What is sent is a bytearray, which goes to the socket as it is: of bytes boto makes a file, read in small blocks.
    """

    def __init__(self, storage: Any) -> None:
        with translated():
            self._client = storage.connection.meta.client
        # Only once for each client, which the storage keeps.
        self._client.meta.events.register("before-sign.s3", _sign_md5, unique_id="md5 of what is sent")
        self._bucket: str = storage.bucket_name
        self._prefix: str = storage.location

    def sizes(self, *, deleted: bool = False) -> dict[str, int]:
        """This function will return the names of all objects with their bytes, those `deleted` that it keeps too."""
        listed = ("list_object_versions", "Versions") if deleted else ("list_objects_v2", "Contents")
        found: dict[str, int] = {}
        for each in self._listed(*listed):
            found.setdefault(each["Key"].removeprefix(self._prefix), each["Size"])  # the newest comes first
        return found

    def earlier(self, name: str) -> list[str]:
        """This function will return the versions of an object but the one that is there now, the newest first."""
        key = self._at(name)["Key"]
        return [
            each["VersionId"]
            for each in self._listed("list_object_versions", "Versions", key)
            if each["Key"] == key and not each["IsLatest"]
        ]

    def _listed(self, call: str, part: str, prefix: str | None = None) -> Iterator[dict[str, Any]]:
        with translated():
            pages = self._client.get_paginator(call).paginate(
                Bucket=self._bucket, Prefix=self._prefix if prefix is None else prefix
            )
            for page in pages:
                yield from page.get(part, ())

    def put(self, name: str, data: bytearray) -> str | None:
        """This function will put a small object there, and return its version where the bucket keeps versions."""
        digest = _md5(data)
        with translated():
            answer = self._client.put_object(**self._at(name), Body=data, ContentMD5=_base64(digest))
        _require_same(answer, digest)
        return _version(answer)

    def begin(self, name: str) -> str:
        """This function will begin an upload in parts, and return its number."""
        with translated():
            return str(self._client.create_multipart_upload(**self._at(name))["UploadId"])

    def put_part(self, name: str, upload: str, number: int, data: bytearray) -> str:
        """This function will send a part, and return by what it is called when all are put together."""
        digest = _md5(data)
        with translated():
            answer = self._client.upload_part(
                **self._at(name), UploadId=upload, PartNumber=number, Body=data, ContentMD5=_base64(digest)
            )
        _require_same(answer, digest)
        return str(answer["ETag"])

    def parts(self, name: str, upload: str) -> dict[int, Part]:
        """This function will return the parts of an upload that have arrived.

        :raises OffsiteMissing: there is no such upload any more
        """
        with translated():
            pages = self._client.get_paginator("list_parts").paginate(**self._at(name), UploadId=upload)
            return {
                part["PartNumber"]: Part(part["ETag"], part["Size"])
                for page in pages
                for part in page.get("Parts", ())
            }

    def complete(self, name: str, upload: str, etags: Mapping[int, str]) -> str | None:
        """This function will make an object of the parts, and return its version."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in sorted(etags.items())]
        with translated():
            answer = self._client.complete_multipart_upload(
                **self._at(name), UploadId=upload, MultipartUpload={"Parts": parts}
            )
        return _version(answer)

    def abort(self, name: str, upload: str) -> None:
        """This function will throw away the parts of an upload, if there are any."""
        try:
            with translated():
                self._client.abort_multipart_upload(**self._at(name), UploadId=upload)
        except OffsiteMissing:
            return

    def read(self, name: str, version: str | None = None) -> Iterator[bytes]:
        """This function will yield an object's bytes; where the answer breaks off, it goes on from there.

        :raises OffsiteMissing: there is no such object
        """
        asked = self._at(name) | ({"VersionId": version} if version else {})
        position, breaks, etag = 0, 0, ""
        while True:
            go_on = {"Range": f"bytes={position}-", "IfMatch": etag} if position else {}
            with translated():
                answer = self._client.get_object(**asked, **go_on)
            etag = str(answer["ETag"])
            size = position + answer["ContentLength"]
            try:
                for block in answer["Body"].iter_chunks(BLOCK_BYTES):
                    position, breaks = position + len(block), 0
                    yield block
            except (BotoCoreError, HTTPError, OSError) as error:
                breaks += 1
                if breaks == BREAKS:
                    raise OffsiteFailed("The bucket's answer breaks off again and again.") from error
            else:
                return
            if position == size:
                return

    def delete(self, name: str) -> None:
        """This function will delete an object; where the bucket keeps versions, these stay as long as it says."""
        with translated():
            self._client.delete_object(**self._at(name))

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}{name}"}


@contextmanager
def translated() -> Iterator[None]:
    """This function will tell in our words what the bucket refuses, or that it can't be reached.

    :raises OffsiteFailed: so it is
    """
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _GONE:
            raise OffsiteMissing("It is not in the bucket.") from error
        said = code if _CODE.fullmatch(code) else "no reason"
        raise OffsiteFailed(f"The bucket refuses: {said}.") from error
    except (BotoCoreError, HTTPError, OSError, ValueError) as error:  # ValueError: an answer that is none
        raise OffsiteFailed(f"The bucket can't be reached ({type(error).__name__}).") from error


def is_same(etag: str, data: bytearray) -> bool:
    """This function will say whether an ETag is that of these bytes."""
    return _is(etag, _md5(data))


def _sign_md5(request: AWSRequest, **_: object) -> None:
    """Leave out the sha256 of a body whose MD5 is a header, and signed as one: a server checks the bytes by that.

    boto does so by itself over https; what has no such header is signed with its sha256 over http, as ever.
    """
    if "Content-MD5" in request.headers:
        config: Config = request.context["client_config"]
        request.context["client_config"] = config.merge(
            Config(s3={**config.s3, "payload_signing_enabled": False})
        )


def _md5(data: bytearray) -> bytes:
    """The digest of the protocol; what is read back is known by its sha256."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _is(etag: str, digest: bytes) -> bool:
    return etag.strip('"') == digest.hex()


def _require_same(answer: Mapping[str, Any], digest: bytes) -> None:
    """Refuse an answer that is of other bytes; of those that the bucket encrypts for itself its ETag says nothing."""
    if not answer.get("ServerSideEncryption", "").startswith("aws:kms") and not _is(answer["ETag"], digest):
        raise OffsiteFailed("The bucket has other bytes than were sent: its ETag is wrong.")


def _version(answer: Mapping[str, Any]) -> str | None:
    version = answer.get("VersionId")
    return None if version in {None, "null"} else str(version)
