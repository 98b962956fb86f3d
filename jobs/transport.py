"""Celery's way to the spool: the broker where no other is set.

Kombu's own transport for files writes a message where others read already, and forgets what a dead worker had taken.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from queue import Empty
from typing import Any, Final

import structlog
from kombu.transport import virtual

from jobs.spool import Spool

_FILE: Final = "spool_file"

logger = structlog.get_logger(__name__)


class QoS(virtual.QoS):  # type: ignore[misc] # kombu has no types
    """What was delivered and is not done with."""

    def ack(self, delivery_tag: str) -> None:
        """Forget a message that was worked on."""
        self._forget(delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Forget a message that nobody wants, or put it back."""
        super().reject(delivery_tag, requeue=requeue)
        self._forget(delivery_tag)

    def _forget(self, delivery_tag: str) -> None:
        message = self._delivered.get(delivery_tag)
        if message is not None:
            self.channel.spool.finish(Path(message.delivery_info[_FILE]))


class Channel(virtual.Channel):  # type: ignore[misc]
    """One consumer or publisher. Consumers acknowledge what they take."""

    QoS = QoS

    @property
    def spool(self) -> Spool:
        """The messages."""
        found: Spool = self.connection.spool
        return found

    def basic_consume(self, *args: Any, **kwargs: Any) -> Any:
        """Begin to take messages, those of dead consumers too."""
        self.spool.recover()
        return super().basic_consume(*args, **kwargs)

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        self.spool.put(queue, json.dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        while taken := self.spool.take(queue):
            file, text = taken
            try:
                message: dict[str, Any] = json.loads(text)
                message["properties"]["delivery_info"][_FILE] = str(file)
            except (ValueError, KeyError, TypeError):  # the disk was full, or the power went
                logger.warning("message_unreadable", file=file.name)
                self.spool.finish(file)
            else:
                return message
        raise Empty

    def _restore(self, message: Any) -> None:
        self.spool.give_back(Path(message.delivery_info[_FILE]))

    def _size(self, queue: str) -> int:
        return self.spool.size(queue)

    def _purge(self, queue: str) -> int:
        return self.spool.purge(queue)


class Transport(virtual.Transport):  # type: ignore[misc]
    """A folder, by the transport option `folder`."""

    Channel = Channel
    driver_type = driver_name = "spool"
    polling_interval = 0.25
    default_connection_params: dict[str, Any] = {}
    connection_errors = (*virtual.Transport.connection_errors, OSError)

    @cached_property
    def spool(self) -> Spool:
        """The messages."""
        return Spool(Path(self.client.transport_options["folder"]))

    def establish_connection(self) -> Any:
        """See that the folder is there."""
        self.spool.open()
        return super().establish_connection()

    def close_connection(self, connection: Any) -> None:
        """Give back what was taken."""
        super().close_connection(connection)
        self.spool.close()
