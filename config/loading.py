"""Reads the settings from the environment, each with its type, and checks them together before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from django.core.exceptions import ImproperlyConfigured

from config import env

T = TypeVar("T")


class Misconfigured(ImproperlyConfigured):
    """The environment does not describe a server that may start; the message names each variable at fault."""


class Values:
    """The settings as read; `values[DEBUG]` has the type of what DEBUG reads."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, setting: env.Setting[T]) -> T:
        return cast("T", self._values[setting.name])

    def get(self, setting: env.Setting[T]) -> T | None:
        """Return the value of a setting that may be unset."""
        return cast("T | None", self._values[setting.name])


def load(environ: Mapping[str, str]) -> Values:
    """Read every setting and check them together.

    :raises Misconfigured: with one line per variable at fault; it never holds a secret's value
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    production = environ.get("ENVIRONMENT", "").strip().lower() == "production"
    for setting in env.SETTINGS:
        values[setting.name] = None
        try:
            raw = _raw(setting, environ)
            if raw is None:
                default = setting.production if production else None
                raw = setting.default if default is None else default
            if raw is not None:
                values[setting.name] = setting.read(raw)
        except ValueError as problem:
            problems.append(f"{setting.name} {problem}.")
    found = Values(values)
    problems += [] if problems else _contradictions(found)
    if problems:
        raise Misconfigured("The server cannot start:\n" + "\n".join(f"  {line}" for line in problems))
    return found


def _raw(setting: env.Setting[Any], environ: Mapping[str, str]) -> str | None:
    """Return the text of a setting from NAME or, for a secret, from the file that NAME_FILE names."""
    value = environ.get(setting.name) or None  # set to nothing counts as unset: compose files do that
    path = (environ.get(f"{setting.name}_FILE") or None) if setting.secret else None
    if path is None:
        return value
    if value is not None:
        raise ValueError(f"and {setting.name}_FILE are both set; keep one")
    try:
        content = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"cannot be read from the file that {setting.name}_FILE names ({reason})") from None
    if not content:
        raise ValueError(f"is empty in the file that {setting.name}_FILE names")
    return content


def _contradictions(values: Values) -> list[str]:
    """Return what is wrong with settings that are each well-formed."""
    problems = []
    if values[env.DATABASE_POOL_MIN] > values[env.DATABASE_POOL_MAX]:
        problems.append("DATABASE_POOL_MIN must not be greater than DATABASE_POOL_MAX.")
    if values.get(env.DATABASE_OWNER_URL) and not values.get(env.DATABASE_URL):
        problems.append("DATABASE_URL is missing, though DATABASE_OWNER_URL is set; set both or none.")
    problems += _half_a_bucket(values)
    if values[env.ENVIRONMENT] == "production":
        problems += _unsafe_in_production(values)
    return problems


def _half_a_bucket(values: Values) -> list[str]:
    problems = []
    if not values.get(env.OFFSITE_BUCKET):
        others: tuple[env.Setting[Any], ...] = (
            env.OFFSITE_ENDPOINT,
            env.OFFSITE_REGION,
            env.OFFSITE_ACCESS_KEY,
            env.OFFSITE_SECRET_KEY,
        )
        problems += [
            f"OFFSITE_BUCKET is missing, though {setting.name} is set."
            for setting in others
            if values.get(setting)
        ]
    if (values.get(env.OFFSITE_ACCESS_KEY) is None) != (values.get(env.OFFSITE_SECRET_KEY) is None):
        problems.append("OFFSITE_ACCESS_KEY and OFFSITE_SECRET_KEY belong together; set both or none.")
    return problems


def _unsafe_in_production(values: Values) -> list[str]:
    problems = []
    if values[env.DEBUG]:
        problems.append("DEBUG must be off in production.")
    if values[env.SECRET_KEY] == env.DEVELOPMENT_SECRET_KEY:
        problems.append("SECRET_KEY is missing or the development one; production needs its own.")
    if not values.get(env.BACKUP_KEY):
        problems.append("BACKUP_KEY is missing; production needs its own.")
    if not values[env.ALLOWED_HOSTS]:
        problems.append("ALLOWED_HOSTS is empty; name the hosts that production answers to.")
    if "*" in values[env.ALLOWED_HOSTS]:
        problems.append("ALLOWED_HOSTS must not contain * in production.")
    return problems
