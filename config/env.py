"""The settings that the environment may have: one declarative list, from which the manual is made too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from accesscontrol import limits
from config.readers import (
    backup_keys,
    boolean,
    broker_url,
    http_url,
    jwt_keys,
    names,
    one_of,
    postgresql_url,
    prefix,
    redis_url,
    secret_key,
    text,
    whole,
)

T = TypeVar("T")

DEVELOPMENT_SECRET_KEY: Final = "development-only-secret-key-that-production-refuses-to-start-with"  # noqa: S105 - no secret


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
DATABASE_REPLICATION_URL = Setting(
    "DATABASE_REPLICATION_URL", postgresql_url, None, secret=True,
    description="The connection of a role that may replicate, for copies of the whole server: see"
    " [backups](backups.md#any-moment-of-the-past). Unset: the embedded server's own, or none.",
)  # fmt: skip
DATABASE_POOL_MIN = Setting("DATABASE_POOL_MIN", whole(0, 500), "2", "Connections each process keeps open.")
DATABASE_POOL_MAX = Setting(
    "DATABASE_POOL_MAX", whole(1, 500), "20",
    "Connections each process may open at most. Each thread of a web process keeps one between requests, unless there"
    " are more threads.",
)  # fmt: skip
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
    description="The first administrator's password, held to the rules of all others. Unset: a random one, printed"
    " once.",
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
POINT_IN_TIME = Setting(
    "POINT_IN_TIME", boolean, "false",
    "Keep copies of the whole server and all it writes, to bring back any moment: see"
    " [backups](backups.md#any-moment-of-the-past).",
)  # fmt: skip
PITR_DIR = Setting(
    "PITR_DIR", text, "var/pitr",
    "Folder of those copies, for the server's account alone; best on another disk than the database's. Relative to the"
    " clone.",
)  # fmt: skip
PITR_DAYS = Setting(
    "PITR_DAYS",
    whole(1, 3650),
    "7",
    "Days that any moment can be brought back from them. The newest copy always stays.",
)
PITR_KEEP_MB = Setting(
    "PITR_KEEP_MB",
    whole(64, 1 << 24),
    "4096",
    "Megabytes of its log that the embedded server keeps for a receiver that is away, from its next start on. It gives"
    " up what is more, before its own disk is full: then a new base is taken.",
)
BACKUP_KEY = Setting(
    "BACKUP_KEY", backup_keys, None, secret=True, required_in_production=True,
    description="Signs and encrypts backups: keys of at least 32 characters, separated by commas. The first is for new"
    " backups, the others still open older ones. Keep it elsewhere too: without it no accounts come back. Unset in"
    " development: made once in `var/backup.key`.",
)  # fmt: skip
BACKUP_MAX_UPLOAD_MB = Setting(
    "BACKUP_MAX_UPLOAD_MB", whole(1, 1_000_000), "2048", "The largest backup file that may be uploaded."
)
OFFSITE_BUCKET = Setting(
    "OFFSITE_BUCKET", text, None,
    "The bucket that speaks S3, and holds a copy of each backup: see [backups](backups.md#copies-offsite). Unset: there"
    " are none.",
)  # fmt: skip
OFFSITE_PREFIX = Setting(
    "OFFSITE_PREFIX", prefix, "", "What the names of the copies begin with, as a folder: `library/`."
)
OFFSITE_ENDPOINT = Setting(
    "OFFSITE_ENDPOINT", http_url, None, "Where the bucket is: `https://s3.example`. Unset: Amazon's S3."
)
OFFSITE_REGION = Setting("OFFSITE_REGION", text, None, "The bucket's region, where it has one.")
OFFSITE_ACCESS_KEY = Setting(
    "OFFSITE_ACCESS_KEY", text, None, secret=True,
    description="Who the server is to the bucket. Unset: the role that the machine has there.",
)  # fmt: skip
OFFSITE_SECRET_KEY = Setting(
    "OFFSITE_SECRET_KEY", text, None, secret=True, description="The secret that belongs to OFFSITE_ACCESS_KEY."
)  # fmt: skip
OFFSITE_DAYS = Setting(
    "OFFSITE_DAYS", whole(1, 36_500), "90",
    "Days that a copy in the bucket is kept. The newest and the last proven one always stay.",
)  # fmt: skip
EXPORT_DIR = Setting(
    "EXPORT_DIR", text, "var/exports",
    "The folder of exports, and of files to import; below the project unless it begins with a slash.",
)  # fmt: skip
EXPORT_DAYS = Setting(
    "EXPORT_DAYS", whole(0, 36_500), "7",
    "Days that the file of an export is kept before the schedule deletes it. 0: until somebody does.",
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
    DATABASE_URL, DATABASE_OWNER_URL, DATABASE_REPLICATION_URL, DATABASE_POOL_MIN, DATABASE_POOL_MAX,
    DATABASE_POOL_TIMEOUT, DATABASE_PREPARED_STATEMENTS, CELERY_BROKER_URL, STATEMENT_TIMEOUT_S, LOCK_TIMEOUT_S,
    RATE_LIMITS, RATE_LIMIT_URL,
    ADMIN_USERNAME, ADMIN_PASSWORD, LOG_LEVEL, LOG_FORMAT, STATIC_ROOT,
    BACKUP_DIR, BACKUP_KEY, BACKUP_MAX_UPLOAD_MB, POINT_IN_TIME, PITR_DIR, PITR_DAYS,
    PITR_KEEP_MB, OFFSITE_BUCKET, OFFSITE_PREFIX, OFFSITE_ENDPOINT, OFFSITE_REGION,
    OFFSITE_ACCESS_KEY, OFFSITE_SECRET_KEY, OFFSITE_DAYS, EXPORT_DIR, EXPORT_DAYS, IMPORT_MAX_MB, IMPORT_MAX_UPLOAD_MB,
    POSTGRESQL_BIN, TRASH_DAYS, WEB_THREADS, WEB_WORKERS,
)  # fmt: skip
