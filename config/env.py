"""Settings from the environment: one declarative list, read with types and checked before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from accesscontrol import limits

T = TypeVar("T")

DEVELOPMENT_SECRET_KEY: Final = "development-only-secret-key-that-production-refuses-to-start-with"  # noqa: S105 - no secret
SECRET_KEY_MIN_LENGTH: Final = 50
BACKUP_KEY_MIN_LENGTH: Final = 32
JWT_KEY_MIN_LENGTH: Final = 32
RSA_MIN_BITS: Final = 2048


class Misconfigured(ImproperlyConfigured):
    """The environment does not describe a server that may start; the message names each variable at fault."""


def text(value: str) -> str:
    """Return `value` as it is."""
    return value


def boolean(value: str) -> bool:
    """Read true/false, yes/no, on/off, 1/0 in any case."""
    try:
        return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False,
                "off": False}[value.strip().lower()]  # fmt: skip
    except KeyError:
        raise ValueError("must be true or false") from None


def names(value: str) -> list[str]:
    """Read a comma-separated list; blanks are dropped."""
    return [name for part in value.split(",") if (name := part.strip())]


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `minimum` to `maximum`."""

    def read(value: str) -> int:
        if not value.strip().isascii() or not value.strip().isdigit():
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        number = int(value)
        if not minimum <= number <= maximum:
            raise ValueError(f"must be from {minimum} to {maximum}")
        return number

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader that takes one of `choices`, in any case."""

    def read(value: str) -> str:
        for choice in choices:
            if value.strip().lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return read


def postgresql_url(value: str) -> str:
    """Read a PostgreSQL URL that names a user and a database; libpq's parameters may follow as a query."""
    try:
        parts = urlsplit(value)
        complete = bool(parts.username and parts.path.strip("/"))
    except ValueError:
        complete = False
    if not complete or parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be a URL like postgresql://user:password@host:5432/database")
    return value


def broker_url(value: str) -> str:
    """Read the URL of a broker that has been tried: Redis, or our own spool in a folder."""
    try:
        parts = urlsplit(value)
        complete = bool(parts.path.strip("/")) if parts.scheme == "spool" else bool(parts.hostname)
    except ValueError:
        complete = False
    if not complete or parts.scheme not in {"redis", "rediss", "spool"}:
        raise ValueError("must be a URL like redis://:password@host:6379/0, or spool:///a/folder")
    return value


def redis_url(value: str) -> str:
    """Read the URL of a Redis server."""
    try:
        parts = urlsplit(value)
        complete = bool(parts.path.strip("/") if parts.scheme == "unix" else parts.hostname)
    except ValueError:
        complete = False
    if not complete or parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must be a URL like redis://:password@host:6379/1")
    return value


def secret_key(value: str) -> str:
    """Read a key long enough to sign with."""
    if len(value) < SECRET_KEY_MIN_LENGTH:
        raise ValueError(f"must have at least {SECRET_KEY_MIN_LENGTH} characters")
    return value


def jwt_keys(value: str) -> list[str]:
    """Read the keys of access tokens, newest first: texts long enough to sign with, or keys in PEM."""
    found = names(value)
    for key in found:
        if key.startswith("-----BEGIN"):
            _require_pem(key)
        elif len(key) < JWT_KEY_MIN_LENGTH:
            raise ValueError(f"must have at least {JWT_KEY_MIN_LENGTH} characters in each of its keys")
    if found and "PUBLIC KEY-----" in found[0]:
        raise ValueError("must begin with a key that can sign")
    return found


def _require_pem(key: str) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - hardly anybody has such keys
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
        load_pem_public_key,
    )

    try:
        read: object = (
            load_pem_public_key(key.encode()) if "PUBLIC" in key else load_pem_private_key(key.encode(), None)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("has a key in PEM that can't be read; one with a password can't") from None
    if isinstance(read, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        if read.key_size < RSA_MIN_BITS:
            raise ValueError(f"has an RSA key of less than {RSA_MIN_BITS} bits")
    elif not isinstance(read, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        raise ValueError("has a key in PEM that is neither Ed25519 nor RSA")


def backup_keys(value: str) -> list[str]:
    """Read the keys of backups, newest first, each long enough to encrypt with."""
    found = names(value)
    if any(len(key) < BACKUP_KEY_MIN_LENGTH for key in found):
        raise ValueError(f"must have at least {BACKUP_KEY_MIN_LENGTH} characters in each of its keys")
    return found


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One environment variable: how it is read, what it is when unset, and what the manual says of it.

    `default` and `production` are written as in the environment; None means that the variable stays unset.
    """

    name: str
    read: Callable[[str], T]
    default: str | None
    description: str
    production: str | None = None  # the default in production, where it differs
    required_in_production: bool = False
    secret: bool = False  # may also come from NAME_FILE; its value is never shown


ENVIRONMENT = Setting(
    "ENVIRONMENT", one_of("development", "production"), "development",
    "`development` works with nothing else set; `production` refuses to start unless everything is safe.",
)  # fmt: skip
SECRET_KEY = Setting(
    "SECRET_KEY", secret_key, DEVELOPMENT_SECRET_KEY, secret=True, required_in_production=True,
    description="Signs sessions and tokens. Production wants one of its own, of at least 50 characters.",
)  # fmt: skip
SECRET_KEY_FALLBACKS = Setting(
    "SECRET_KEY_FALLBACKS", names, "", secret=True,
    description="Earlier values of SECRET_KEY, separated by commas: what was signed with them still holds.",
)  # fmt: skip
API_KEY_MAX_DAYS = Setting(
    "API_KEY_MAX_DAYS", whole(1, 3_650), "366", "Days that an API key is good for at most."
)
JWT_KEYS = Setting(
    "JWT_KEYS", jwt_keys, None, secret=True,
    description="Signs access tokens: the first signs, all verify; separated by commas. Each a text of at least 32"
    " characters (HS256), or a key in PEM: Ed25519, or RSA of 2048 bits (RS256); a public one only verifies. Unset:"
    " made from SECRET_KEY.",
)  # fmt: skip
JWT_MINUTES = Setting("JWT_MINUTES", whole(1, 60), "15", "Minutes that an access token is good for.")
JWT_AUDIENCE = Setting(
    "JWT_AUDIENCE", text, "database-admin-server",
    "Whom access tokens are for: a name of this installation, where several share their keys.",
)  # fmt: skip
DEBUG = Setting(
    "DEBUG", boolean, "false", "Shows tracebacks in the browser. Production refuses to start with it on."
)
ALLOWED_HOSTS = Setting(
    "ALLOWED_HOSTS", names, "127.0.0.1,localhost,[::1]", production="", required_in_production=True,
    description="Host names the server answers to, separated by commas. Production needs at least one.",
)  # fmt: skip
CSRF_TRUSTED_ORIGINS = Setting(
    "CSRF_TRUSTED_ORIGINS", names, "",
    "Origins that may post forms, with scheme (`https://library.example`), separated by commas.",
)  # fmt: skip
HTTPS = Setting(
    "HTTPS", boolean, "false", production="true",
    description="Redirect to HTTPS, secure cookies, HSTS. Off means plain HTTP: for one machine only.",
)  # fmt: skip
HSTS_SECONDS = Setting(
    "HSTS_SECONDS", whole(0, 63_072_000), "31536000",
    "How long browsers shall insist on HTTPS. Used when HTTPS is on.",
)  # fmt: skip
BEHIND_PROXY = Setting(
    "BEHIND_PROXY", boolean, "false",
    "Believe X-Forwarded-Proto, and the last address of X-Forwarded-For. Only behind a proxy that sets both on every"
    " request.",
)  # fmt: skip
DATABASE_URL = Setting(
    "DATABASE_URL", postgresql_url, None, secret=True,
    description="The application role's connection, PostgreSQL 16 or newer. Unset: the embedded server.",
)  # fmt: skip
DATABASE_OWNER_URL = Setting(
    "DATABASE_OWNER_URL", postgresql_url, None, secret=True,
    description="The owner's connection, straight to PostgreSQL: for `migrate`, restores, and proving backups.",
)  # fmt: skip
DATABASE_POOL_MIN = Setting("DATABASE_POOL_MIN", whole(0, 500), "2", "Connections each process keeps open.")
DATABASE_POOL_MAX = Setting(
    "DATABASE_POOL_MAX", whole(1, 500), "20", "Connections each process may open at most."
)
DATABASE_POOL_TIMEOUT = Setting(
    "DATABASE_POOL_TIMEOUT", whole(1, 300), "10",
    "Seconds to wait for a free connection before the request is answered with 503.",
)  # fmt: skip
DATABASE_PREPARED_STATEMENTS = Setting(
    "DATABASE_PREPARED_STATEMENTS", boolean, "true",
    "Let PostgreSQL keep the plans of statements that are run often. Off behind a pooler that does not know of them:"
    " PgBouncer before 1.21, or with `max_prepared_statements = 0`.",
)  # fmt: skip
CELERY_BROKER_URL = Setting(
    "CELERY_BROKER_URL", broker_url, None, secret=True,
    description="What wakes workers: `redis://…` where they are on several machines, else files in a folder. Unset:"
    " `var/spool`.",
)  # fmt: skip
STATEMENT_TIMEOUT_S = Setting(
    "STATEMENT_TIMEOUT_S", whole(1, 3600), "30",
    "Seconds that one statement of an operation may take before PostgreSQL stops it.",
)  # fmt: skip
LOCK_TIMEOUT_S = Setting(
    "LOCK_TIMEOUT_S", whole(1, 3600), "5",
    "Seconds that an operation waits for rows that another transaction holds.",
)  # fmt: skip
RATE_LIMITS = Setting(
    "RATE_LIMITS", limits.read, limits.DEFAULT,
    "How much callers of the REST API and agents may do, and how often a login may fail from one address: see"
    " [operations](operations.md#limits). What is not named stays as it is by default; `off` switches all off.",
)  # fmt: skip
RATE_LIMIT_URL = Setting(
    "RATE_LIMIT_URL", redis_url, None, secret=True,
    description="The Redis (`redis://…`) in which processes share what was used of the limits. Unset: the database.",
)  # fmt: skip
ADMIN_USERNAME = Setting(
    "ADMIN_USERNAME", text, "admin", "Name of the first administrator, made on an empty database."
)
ADMIN_PASSWORD = Setting(
    "ADMIN_PASSWORD", text, None, secret=True,
    description="The first administrator's password. Unset: a random one, printed once.",
)  # fmt: skip
LOG_LEVEL = Setting(
    "LOG_LEVEL", one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "The least severe line that is logged."
)
LOG_FORMAT = Setting(
    "LOG_FORMAT", one_of("json", "console"), "json", "One JSON object per line, or text for a person."
)
STATIC_ROOT = Setting(
    "STATIC_ROOT", text, "var/static", "Folder for collected static files; relative to the clone."
)
BACKUP_DIR = Setting(
    "BACKUP_DIR", text, "var/backups",
    "Folder of the backups, for the server's account alone; relative to the clone.",
)  # fmt: skip
BACKUP_KEY = Setting(
    "BACKUP_KEY", backup_keys, None, secret=True, required_in_production=True,
    description="Signs and encrypts backups: keys of at least 32 characters, separated by commas. The first is for new"
    " backups, the others still open older ones. Keep it elsewhere too: without it no accounts come back. Unset in"
    " development: made once in `var/backup.key`.",
)  # fmt: skip
BACKUP_MAX_UPLOAD_MB = Setting(
    "BACKUP_MAX_UPLOAD_MB", whole(1, 1_000_000), "2048", "The largest backup file that may be uploaded."
)
EXPORT_DIR = Setting(
    "EXPORT_DIR", text, "var/exports",
    "The folder of exports, and of files to import; below the project unless it begins with a slash.",
)  # fmt: skip
IMPORT_MAX_MB = Setting(
    "IMPORT_MAX_MB", whole(1, 1_000_000), "2048", "The largest file that may be imported."
)
IMPORT_MAX_UPLOAD_MB = Setting(
    "IMPORT_MAX_UPLOAD_MB", whole(1, 1_000_000), "256",
    "The largest file that may be uploaded in a browser to be imported.",
)  # fmt: skip
POSTGRESQL_BIN = Setting(
    "POSTGRESQL_BIN", text, None,
    "Folder of `pg_dump`, of the server's major version or newer. Unset: PostgreSQL 18 from the Python packages, which"
    " can't speak TLS.",
)  # fmt: skip
TRASH_DAYS = Setting(
    "TRASH_DAYS", whole(0, 36_500), "0",
    "Days that the trash keeps a record before the schedule deletes it for good, where the account `schedule` may purge"
    " its table. 0: until somebody purges it.",
)  # fmt: skip
WEB_THREADS = Setting(
    "WEB_THREADS", whole(1, 64), "8", "Threads of each web process started by `manage.py serve`."
)
WEB_WORKERS = Setting("WEB_WORKERS", whole(1, 64), "2", "Web processes started by `manage.py serve`.")

SETTINGS: Final[tuple[Setting[Any], ...]] = (
    ENVIRONMENT, SECRET_KEY, SECRET_KEY_FALLBACKS, API_KEY_MAX_DAYS, JWT_KEYS, JWT_MINUTES, JWT_AUDIENCE,
    DEBUG, ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS, HTTPS, HSTS_SECONDS, BEHIND_PROXY,
    DATABASE_URL, DATABASE_OWNER_URL, DATABASE_POOL_MIN, DATABASE_POOL_MAX, DATABASE_POOL_TIMEOUT,
    DATABASE_PREPARED_STATEMENTS, CELERY_BROKER_URL, STATEMENT_TIMEOUT_S, LOCK_TIMEOUT_S, RATE_LIMITS, RATE_LIMIT_URL,
    ADMIN_USERNAME, ADMIN_PASSWORD, LOG_LEVEL, LOG_FORMAT, STATIC_ROOT,
    BACKUP_DIR, BACKUP_KEY, BACKUP_MAX_UPLOAD_MB, EXPORT_DIR, IMPORT_MAX_MB, IMPORT_MAX_UPLOAD_MB, POSTGRESQL_BIN,
    TRASH_DAYS, WEB_THREADS, WEB_WORKERS,
)  # fmt: skip


class Values:
    """The settings as read; `values[DEBUG]` has the type of what DEBUG reads."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, setting: Setting[T]) -> T:
        return cast("T", self._values[setting.name])

    def get(self, setting: Setting[T]) -> T | None:
        """Return the value of a setting that may be unset."""
        return cast("T | None", self._values[setting.name])


def load(environ: Mapping[str, str]) -> Values:
    """Read every setting and check them together.

    :raises Misconfigured: with one line per variable at fault; it never holds a secret's value
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    production = environ.get("ENVIRONMENT", "").strip().lower() == "production"
    for setting in SETTINGS:
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
    problems += [] if problems else _contradictions(found, environ)
    if problems:
        raise Misconfigured("The server cannot start:\n" + "\n".join(f"  {line}" for line in problems))
    return found


def _raw(setting: Setting[Any], environ: Mapping[str, str]) -> str | None:
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


def _contradictions(values: Values, environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with settings that are each well-formed."""
    problems = []
    if values[DATABASE_POOL_MIN] > values[DATABASE_POOL_MAX]:
        problems.append("DATABASE_POOL_MIN must not be greater than DATABASE_POOL_MAX.")
    if values.get(DATABASE_OWNER_URL) and not values.get(DATABASE_URL):
        problems.append("DATABASE_URL is missing, though DATABASE_OWNER_URL is set; set both or none.")
    if values[ENVIRONMENT] == "production":
        problems += _unsafe_in_production(values)
    return problems


def _unsafe_in_production(values: Values) -> list[str]:
    problems = []
    if values[DEBUG]:
        problems.append("DEBUG must be off in production.")
    if values[SECRET_KEY] == DEVELOPMENT_SECRET_KEY:
        problems.append("SECRET_KEY is missing or the development one; production needs its own.")
    if not values.get(BACKUP_KEY):
        problems.append("BACKUP_KEY is missing; production needs its own.")
    if not values[ALLOWED_HOSTS]:
        problems.append("ALLOWED_HOSTS is empty; name the hosts that production answers to.")
    if "*" in values[ALLOWED_HOSTS]:
        problems.append("ALLOWED_HOSTS must not contain * in production.")
    return problems
