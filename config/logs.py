"""Logs: one line per event on standard error, with the request's number and without secrets."""

from __future__ import annotations

import json
import logging.config
import re
from collections.abc import Callable, Mapping, MutableMapping
from functools import cache, lru_cache
from typing import Any, Final, cast

import structlog

HIDDEN: Final = "[hidden]"
# Names whose values are never logged, wherever they stand in the name.
_SECRET_NAME: Final = re.compile(
    r"passw|secret|token|authoriz|cookie|api_?key|credential|session_?key", re.IGNORECASE
)
# user:password@ in a URL, password=… in a connection string, and what follows Bearer.
_SECRET_TEXT: Final = re.compile(
    r"(?P<before>://[^\s:/@]*:|\b(?:password|secret|token|api_?key)\s*=\s*|\bbearer\s+)"
    r"(?P<secret>'[^']*'|[^\s&@'\"]+)",
    re.IGNORECASE,
)
# An API key behind its prefix, and an access token behind its header, wherever they stand.
_CREDENTIAL: Final = re.compile(r"(?P<before>\bdbas_[A-Za-z0-9]{12}_|\beyJ[\w-]*\.)[\w.-]+")
_DEPTH_MAX: Final = 8
_EVENT: Final = "is_event"  # what a record has whose message is an event of structlog


def logging_config(*, level: str, as_json: bool) -> None:
    """Send structlog's and the standard library's lines from `level` up through the same processors."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: structlog.types.Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if as_json
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            _pass_on,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Lines have none of this, and to find it out takes half as long as to write one.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as Python's manual says: where a call stands
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": LineFormatter,
                    "processors": [structlog.processors.format_exc_info, hide_secrets, written],
                    "foreign_pre_chain": [
                        *shared,
                        structlog.processors.StackInfoRenderer(),
                        structlog.stdlib.ExtraAdder(),
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django": {"handlers": [], "level": level, "propagate": True},
                # config.requests tells of each request.
                "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
                "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
                # jobs.running tells of each job.
                "celery": {"handlers": [], "level": "WARNING", "propagate": True},
                # What they tell in detail has signatures in it.
                "botocore": {"handlers": [], "level": "WARNING", "propagate": True},
                "django_celery_beat": {"handlers": [], "level": "WARNING", "propagate": True},
            },
        }
    )


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Writes what comes from structlog straight: for other formatters its base copies, and formats a second time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        if not hasattr(record, _EVENT):
            return super().format(record)  # of a library
        line: Any = cast("dict[str, Any]", record.msg).copy()
        for process in self.processors:
            line = process(None, record.levelname, line)
        return cast("str", line)


def _pass_on(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> tuple[Any, Any]:
    """Give logging an event as it is, for LineFormatter to write."""
    return (event,), {"extra": {_EVENT: True}}


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of secret names, and secrets inside text, in a log line about to be written."""
    values = event.values()
    texts = [value for value in values if type(value) is str]
    is_plain = len(texts) + sum([value is None or type(value) is int for value in values]) == len(event)
    if is_plain and not _has_secret(tuple(event)) and not _may_have_secrets(" ".join(texts)):
        return event
    return {name: _hidden(name, value, 0) for name, value in event.items()}


def _json(event: Mapping[str, Any], *, default: Callable[[Any], Any]) -> str:
    return _encoder(default).encode(event)


@cache
def _encoder(default: Callable[[Any], Any]) -> json.JSONEncoder:
    """What writes lines: json.dumps would make another for each."""
    return json.JSONEncoder(default=default)


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


@lru_cache(maxsize=1_000)
def _has_secret(names: tuple[str, ...]) -> bool:
    return any(map(_is_secret, names))


def _may_have_secrets(text: str) -> bool:
    """Something of this is in each secret above, and is found in a tenth of the time."""
    return "=" in text or "://" in text or "dbas_" in text or "eyJ" in text or "bearer" in text.lower()


def _without_secrets(text: str) -> str:
    if _may_have_secrets(text):
        for secret in (_SECRET_TEXT, _CREDENTIAL):
            text = secret.sub(rf"\g<before>{HIDDEN}", text)
    return text


def _hidden(name: str, value: Any, depth: int) -> Any:
    if _is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return _without_secrets(value)
    if isinstance(value, bytes):
        return _without_secrets(value.decode(errors="replace"))
    if depth < _DEPTH_MAX and isinstance(value, Mapping):
        return {str(key): _hidden(str(key), inner, depth + 1) for key, inner in value.items()}
    if depth < _DEPTH_MAX and isinstance(value, list | tuple):
        return [_hidden("", inner, depth + 1) for inner in value]
    return value
