"""What happened in the library of the pictures, as if people worked there: a day of the trail, changes, backups."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from accesscontrol.actor import Actor, Channel
from backups import manifest, names, services, storage
from backups.manifest import Manifest
from backups.models import Verification
from catalog import models, registry
from catalog.services import batch, records
from jobs import running
from jobs.services import enqueue
from tests import databases

PEOPLE = {
    "ada": ["Administrator"], "jane": ["Editor"], "mary": ["Writer"], "bram": ["Data manager"],
    "otis": ["Backup operator"], "iris": ["Auditor"], "drafting-agent": ["Writer"], "proof-agent": ["Viewer"],
}  # fmt: skip
FAULTY_BOOKS = """title,author_id,status,word_count,published_at,genre
The Moonstone,5,published,193000,1868-07-01,mystery
,5,draft,82000,,gothic
Carmilla,999,published,27500,1872-03-01,gothic
The Woman in White,5,finished,246000,1860-08-15,mystery
Uncle Silas,5,published,one hundred,1864-12-31,gothic
The Turn of the Screw,5,published,43000,1898-10-32,gothic
No Name,5,editing,250000,,romance
Armadale,5,planned,294000,,mystery
"""

# How many entries each of the last 24 hours has, the newest first. The owner alone may say what time it was.
_HOURS = [
    180, 1620, 1520, 1380, 1810, 1680, 1220, 1120, 1440, 600, 480, 260,
    120, 90, 60, 56, 48, 120, 104, 140, 780, 1280, 1440, 600,
]  # fmt: skip
_DAY = """
INSERT INTO public.audit_logs (timestamp, operation, table_name, record_id, user_id, success, error_code, error_message,
                               execution_time, changes, record_count, channel, client_info, request_id)
SELECT now() - make_interval(hours => hour, secs => n * 3590.0 / entries),
       operation,
       (ARRAY['scenes', 'chapters', 'scenes', 'characters', 'books', 'locations', 'chapters'])[1 + n / 7 %% 7],
       CASE WHEN operation = 'UPDATE' THEN (1 + n %% 40)::text END,
       (ARRAY['drafting-agent', 'jane', 'drafting-agent', 'mary', 'proof-agent', 'bram'])[1 + n * 7 %% 6],
       fault IS NULL, fault, CASE WHEN fault IS NOT NULL THEN 'It was refused.' END,
       exp(1 + ((n + hour) * 7919 %% 1000) / 260.0), CASE WHEN operation = 'UPDATE' THEN %(changes)s END,
       1 + n %% 25, (ARRAY['mcp', 'admin', 'mcp', 'admin', 'mcp', 'admin'])[1 + n * 7 %% 6], '{}', gen_random_uuid()
  FROM unnest(%(hours)s::int[]) WITH ORDINALITY AS a (entries, place),
       LATERAL (SELECT place::int - 1) AS b (hour),
       LATERAL generate_series(1, entries) AS n,
       LATERAL (SELECT (ARRAY['QUERY', 'UPDATE', 'QUERY', 'GET_SCHEMA', 'QUERY', 'INSERT', 'QUERY'])[1 + n %% 7],
                       CASE WHEN (n * 31 + hour * 17) %% 53 = 0 THEN
                           (ARRAY['PERMISSION_DENIED', 'VALIDATION_ERROR', 'PERMISSION_DENIED', 'CONFLICT'])[1 + n %% 4]
                       END) AS c (operation, fault)
"""


def happen() -> None:
    """Invent all of it, in the database and the folders that the settings name."""
    for name, roles in PEOPLE.items():
        user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        user.groups.set(Group.objects.filter(name__in=roles))
    _changes()
    _backups()
    _a_day_of_the_trail()


def actor(name: str, channel: Channel = Channel.ADMIN) -> Actor:
    """Return somebody as they come to a service."""
    return Actor(User.objects.get(username=name), channel)


def _a_day_of_the_trail() -> None:
    changes = Jsonb({"status": {"old": "draft", "new": "revised"}})
    url = databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL)
    with psycopg.connect(url) as owner:
        owner.execute(_DAY, {"hours": _HOURS, "changes": changes})
        owner.execute("ANALYZE")  # which gives the tables their numbers of rows


def _changes() -> None:
    book = models.Book.objects.get(title="The Hound of the Baskervilles")
    told = book.description or ""
    longer = told.replace("footprints", "footprints of a gigantic hound")
    terser = told.replace("something on Dartmoor", "a thing on the moor").replace("of the nine", "of nine")
    for who, channel, data in (
        ("drafting-agent", Channel.MCP, {"description": longer}),
        ("mary", Channel.ADMIN, {"status": "editing", "word_count": 59_120}),
        ("jane", Channel.ADMIN, {"description": terser}),
        ("jane", Channel.ADMIN, {"status": "published"}),
    ):
        records.update_records(
            actor=actor(who, channel), table=registry.get("books"), data=data, where={"id": book.pk}
        )
    batch.insert_records(
        actor=actor("bram"),
        table=registry.get("authors"),
        records=[{"name": name} for name in ("Wilkie Collins", "Ann Radcliffe", "Sheridan Le Fanu")],
    )


def _backups() -> None:
    """One that is real, with its proof, and what is known of those of the days before."""
    run("backup_full")
    newest = services.list_backups(actor=actor("ada"), type="full").backups[0]
    run("validate_backup", backup_file=newest.file, deep=True)
    run("backup_table", table="scenes")
    place = storage.configured()
    told = manifest.read(place, names.parse(newest.file))
    night = timezone.now().replace(hour=2, minute=0, second=4)
    for days in range(1, 9):
        _older(place, told, night - timedelta(days=days), 1 - days / 40)


def run(kind: str, **arguments: Any) -> None:
    """Do as a job what a worker would do."""
    running.run(enqueue(actor=actor("ada"), kind=kind, arguments=arguments).pk)


def _older(place: storage.Storage, like: Manifest, at: datetime, share: float) -> None:
    """Say of a night that it was backed up and proven, when there was less in the library."""
    name = names.new("full", at)
    assert like.app is not None
    told = like.model_copy(
        update={
            "file": name.file, "created_at": manifest.timestamp(at), "size_bytes": int(like.size_bytes * share),
            "sha256": sha256(name.file.encode()).hexdigest(),
            "app": like.app.model_copy(update={"file": name.app_file}),
            "tables": {
                table: state.model_copy(update={"rows": int(state.rows * share)})
                for table, state in like.tables.items()
            },
        }
    )  # fmt: skip
    for file, content in ((name.app_file, b""), (name.manifest_file, told.sealed().encode())):
        with place.create() as new:
            new.write(content)
            new.publish(file)
    Verification.objects.create(
        sha256=told.sha256, file=name.file, verified_at=at + timedelta(minutes=40), valid=True, deep=True
    )
