"""Django's settings, made from the environment as config.loading reads it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from csp.constants import NONE, SELF
from psycopg.conninfo import conninfo_to_dict

from config import embedded, env, languages, loading, programs
from config.logs import logging_config

BASE_DIR: Final = Path(__file__).resolve().parent.parent
VALUES: Final = loading.load(os.environ)

ENVIRONMENT = VALUES[env.ENVIRONMENT]
PRODUCTION: Final = ENVIRONMENT == "production"
SECRET_KEY = VALUES[env.SECRET_KEY]
SECRET_KEY_FALLBACKS = VALUES[env.SECRET_KEY_FALLBACKS]
DEBUG = VALUES[env.DEBUG]
ALLOWED_HOSTS = VALUES[env.ALLOWED_HOSTS]
CSRF_TRUSTED_ORIGINS = VALUES[env.CSRF_TRUSTED_ORIGINS]

# Applications -----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "config.apps.AdminConfig",  # django.contrib.admin with our site
    "accesscontrol",  # its createsuperuser and changepassword are audited; auth's own are not
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "django_structlog",
    "auditlog",
    "django_celery_beat",
    "guardian",
    "audit",
    "jobs",
    "catalog",
    "backups",
    "mcp_bridge",
]
MIDDLEWARE = [
    "config.requests.NumberedRequests",
    "django.middleware.security.SecurityMiddleware",
    "config.page_requests.Packing",
    "config.page_requests.StaticFiles",
    "config.page_requests.Policy",
    "config.page_requests.Sessions",
    "config.page_requests.Languages",
    "config.page_requests.Addresses",
    "config.page_requests.Forms",
    "config.page_requests.Authentication",
    "config.page_requests.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.shell.context",
            ],
        },
    },
]

# Database ---------------------------------------------------------------------------------------------

DATABASE_URL: str
DATABASE_OWNER_URL: str | None
if (_url := VALUES.get(env.DATABASE_URL)) is not None:
    DATABASE_IS_EMBEDDED = False
    DATABASE_URL, DATABASE_OWNER_URL = _url, VALUES.get(env.DATABASE_OWNER_URL)
else:
    DATABASE_IS_EMBEDDED = True
    DATABASE_URL, DATABASE_OWNER_URL = embedded.urls()
DATABASE_REPLICATION_URL: str | None = VALUES.get(env.DATABASE_REPLICATION_URL) or (
    embedded.replication_url() if DATABASE_IS_EMBEDDED else None
)


def _database(url: str) -> dict[str, Any]:
    """Return Django's description of the database that `url` names."""
    rest: dict[str, Any] = dict(conninfo_to_dict(url))
    prepares = VALUES[env.DATABASE_PREPARED_STATEMENTS]
    return {
        "ENGINE": "config.postgresql",
        "USER": rest.pop("user"),
        "PASSWORD": rest.pop("password", ""),
        "HOST": rest.pop("host", ""),
        "PORT": rest.pop("port", ""),
        "NAME": rest.pop("dbname"),
        "CONN_MAX_AGE": 0,  # the pool keeps connections
        "CONN_HEALTH_CHECKS": False,  # config.postgresql looks at each before it serves
        "DISABLE_SERVER_SIDE_CURSORS": True,  # behind PgBouncer a cursor outside a transaction is lost
        "ATOMIC_REQUESTS": False,  # with it on, a refused write would lose its audit row
        "OPTIONS": {
            **rest,
            "server_side_binding": prepares,  # only such statements can be prepared
            "prepare_threshold": 5 if prepares else None,  # after so many runs
            "application_name": rest.get("application_name", "database-admin-server"),
            "pool": {
                "min_size": VALUES[env.DATABASE_POOL_MIN],
                "max_size": VALUES[env.DATABASE_POOL_MAX],
                "timeout": VALUES[env.DATABASE_POOL_TIMEOUT],
                "reconnect_timeout": 1,  # then give up: after an outage the next call connects at once
            },
        },
    }


DATABASES = {"default": _database(DATABASE_URL)}
STATEMENT_TIMEOUT_S: int = VALUES[env.STATEMENT_TIMEOUT_S]
LOCK_TIMEOUT_S: int = VALUES[env.LOCK_TIMEOUT_S]
APP_ROLE: Final[str] = DATABASES["default"]["USER"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts and sessions --------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
ANONYMOUS_USER_NAME = None  # guardian would make an account for strangers
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_ENGINE = "accesscontrol.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

API_KEY_MAX_DAYS: int = VALUES[env.API_KEY_MAX_DAYS]
JWT_KEYS: list[str] = VALUES.get(env.JWT_KEYS) or []
JWT_MINUTES: int = VALUES[env.JWT_MINUTES]
JWT_AUDIENCE: str = VALUES[env.JWT_AUDIENCE]

ADMIN_USERNAME = VALUES[env.ADMIN_USERNAME]
ADMIN_PASSWORD = VALUES.get(env.ADMIN_PASSWORD)

# Limits -----------------------------------------------------------------------------------------------

RATE_LIMITS = VALUES[env.RATE_LIMITS]
RATE_LIMIT_URL = VALUES.get(env.RATE_LIMIT_URL)

# Backups ----------------------------------------------------------------------------------------------

BACKUP_DIR = BASE_DIR / VALUES[env.BACKUP_DIR]
POINT_IN_TIME: bool = VALUES[env.POINT_IN_TIME]
PITR_DIR = BASE_DIR / VALUES[env.PITR_DIR]
PITR_DAYS: int = VALUES[env.PITR_DAYS]
PITR_KEEP_MB: int = VALUES[env.PITR_KEEP_MB]
BACKUP_KEYS = VALUES.get(env.BACKUP_KEY) or []
BACKUP_DEVELOPMENT_KEY = BASE_DIR / "var" / "backup.key"  # made at the first use, where there is no other
BACKUP_MAX_UPLOAD_MB: int = VALUES[env.BACKUP_MAX_UPLOAD_MB]
_programs = VALUES.get(env.POSTGRESQL_BIN)
EXPORT_DIR = BASE_DIR / VALUES[env.EXPORT_DIR]
EXPORT_DAYS: int = VALUES[env.EXPORT_DAYS]
IMPORT_MAX_MB: int = VALUES[env.IMPORT_MAX_MB]
IMPORT_MAX_UPLOAD_MB: int = VALUES[env.IMPORT_MAX_UPLOAD_MB]
POSTGRESQL_BIN = Path(_programs) if _programs else programs.binaries()

# Transport and browser --------------------------------------------------------------------------------

HTTPS: Final = VALUES[env.HTTPS]
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health$"]  # asked from the same machine, without TLS
SECURE_HSTS_SECONDS = VALUES[env.HSTS_SECONDS] if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
BEHIND_PROXY: bool = VALUES[env.BEHIND_PROXY]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:  # the prefix makes browsers refuse such a cookie from anywhere else; over http it would be lost
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
SILENCED_SYSTEM_CHECKS = [
    "security.W003",  # config.page_requests.Forms is Django's middleware; the check knows it by name alone
    "security.W021",  # whether a whole domain goes on the browsers' preload list is not ours to decide
    "guardian.W001",  # the policy reads guardian's rows itself, once per request; its backend asks per object
]

FILE_UPLOAD_HANDLERS = ["accesscontrol.uploads.NoFiles"]  # a page that takes files says so
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

WEB_WORKERS = VALUES[env.WEB_WORKERS]
TRASH_DAYS: int = VALUES[env.TRASH_DAYS]
WEB_THREADS = VALUES[env.WEB_THREADS]

# Jobs -------------------------------------------------------------------------------------------------

CELERY_APP = "config.celery.app"
BROKER_URL: str = VALUES.get(env.CELERY_BROKER_URL) or f"spool://{quote(str(BASE_DIR / 'var' / 'spool'))}"

# REST -------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accesscontrol.api.authentication.Bearer",
        "accesscontrol.api.authentication.Session",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["accesscontrol.api.content.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["accesscontrol.api.content.JsonRenderer"],
    "DEFAULT_SCHEMA_CLASS": "config.openapi.Operations",
    "EXCEPTION_HANDLER": "config.api.refused",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Database Admin Server",
    "DESCRIPTION": "The records of a book-writing system, for programs. The guide is docs/api.md.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "POSTPROCESSING_HOOKS": [],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or an access token."},
            "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
        }
    },
}

# Static files -----------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / VALUES[env.STATIC_ROOT] if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION  # development serves them from where they are
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

OFFSITE_DAYS: int = VALUES[env.OFFSITE_DAYS]
if (_bucket := VALUES.get(env.OFFSITE_BUCKET)) is not None:  # without one, nothing of it is seen
    STORAGES["offsite"] = {
        "BACKEND": "backups.offsite.place.OffsiteStorage",
        "OPTIONS": {
            "bucket_name": _bucket,
            "location": VALUES[env.OFFSITE_PREFIX],
            "endpoint_url": VALUES.get(env.OFFSITE_ENDPOINT),
            "region_name": VALUES.get(env.OFFSITE_REGION),
            "access_key": VALUES.get(env.OFFSITE_ACCESS_KEY),
            "secret_key": VALUES.get(env.OFFSITE_SECRET_KEY),
        },
    }

# Language and time ------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGES = languages.found(LOCALE_PATHS[0])
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True
TIME_ZONE = "UTC"

# Logs -------------------------------------------------------------------------------------------------

DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # config.requests has seen to it that it is a UUID
DJANGO_STRUCTLOG_TRUST_UPSTREAM_CORRELATION_ID = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # the line at the end tells the same, and more
LOGGING_CONFIG = None  # logging_config is applied here and now, for structlog as well
logging_config(level=VALUES[env.LOG_LEVEL], as_json=VALUES[env.LOG_FORMAT] == "json")
