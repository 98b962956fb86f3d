"""Where the copies are: django-storages knows how a bucket is reached, and we send to it in our own way.

Its files can be read and written, but an upload that broke off begins anew, and nobody learns which version was made.
So parts, versions and what is read back are asked of the client beneath it: see `bucket`.
"""

from __future__ import annotations

from typing import Any, Final

from botocore.config import Config
from storages.backends.s3 import S3Storage

CONNECT_S: Final = 10
SILENT_S: Final = 60  # so long may the other end say nothing
ATTEMPTS: Final = 4  # at each request, later and later; then the schedule tries again


class OffsiteStorage(S3Storage):  # type: ignore[misc] # it has no types
    """The bucket that the settings name."""

    def __init__(self, **options: Any) -> None:
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if options.get("endpoint_url") else "auto"},
            connect_timeout=CONNECT_S,
            read_timeout=SILENT_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Of every server that speaks S3, some know Content-MD5 alone: we send that.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(client_config=config, **options)
