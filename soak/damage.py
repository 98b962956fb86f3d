"""Backups damaged in every way at random places: each is found, and none of them restored."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from time import monotonic

import psycopg
from django.conf import settings

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import NotFound, Refused
from backups import manifest, names, whole
from backups.errors import BackupInvalid
from backups.names import BackupName
from backups.restoring import restore_full
from backups.validation import validate_backup
from catalog import registry
from soak import archiving
from soak.archiving import Archive
from soak.ledger import Ledger
from soak.places import Place

PLACES = 200  # at least
STRANGER = "a key that is none of ours, though as long"
FILL = (
    "INSERT INTO public.authors (name, bio) SELECT n, repeat(md5(n::text), 3) FROM generate_series(1, 2000) n"
)


def run(place: Place, *, seconds: float, seed: int, least: int = PLACES) -> Ledger:
    """This function will damage backups for so long, and at so many places at least."""
    ledger = Ledger()
    with archiving.archive(place) as archive, psycopg.connect(place.owner_url, autocommit=True) as owner:
        owner.execute(FILL)
        damaging = _Damaging(archive, Random(seed))  # noqa: S311 - for places, not for secrets
        before = contents(owner)
        until, done = monotonic() + seconds, Counter[str]()
        while monotonic() < until or done.total() < least:
            how = damaging.random.choice(list(damaging.ways))
            told = damaging.ways[how]()
            done[how] += 1
            for missed in damaging.missed():
                ledger.require(False, f"{missed}: {how}, {told}")
            damaging.mend()
        ledger.require(damaging.missed() != [], "what is whole was refused too")
        ledger.require(contents(owner) == before, "the catalog was changed")
    ledger.figures["damaged"] = f"{done.total():,}: " + ", ".join(
        f"{how} {n}" for how, n in sorted(done.items())
    )
    return ledger


def contents(owner: psycopg.Connection) -> dict[str, object]:
    """This function will return what every table of the catalog but the trail holds."""
    return {
        table.name: owner.execute(
            f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM public.{table.name} t"  # noqa: S608
        ).fetchone()
        for table in registry.all_tables()
        if not table.append_only
    }


class _Damaging:
    """Two backups, of which the first is damaged and mended again and again."""

    def __init__(self, archive: Archive, random: Random) -> None:
        self.random = random
        self._folder = archive.folder
        self._one, self._other = (names.parse(archiving.make()) for _ in range(2))
        self._whole = {path: path.read_bytes() for path in self._paths(self._one)}
        self._is_app = False
        self.ways: dict[str, Callable[[], object]] = {
            "cut off": self._cut,
            "longer": self._lengthen,
            "a bit flipped": self._flip,
            "bytes written over": self._overwrite,
            "another's": self._swap,
            "compressed anew": self._compress,
            "changed and signed by a stranger": self._sign,
            "manifest edited": self._edit,
            "a file gone": self._remove,
        }

    def missed(self) -> list[str]:
        """This function will return who does not see the damage."""
        file, missed = self._one.file, []
        try:
            if validate_backup(actor=on_this_machine(), backup_file=file).valid:
                missed.append("validate says that it is whole")
        except NotFound:
            pass
        try:
            if self._is_app:
                whole.restore(actor=on_this_machine(), backup_file=file)
            else:
                restore_full(actor=on_this_machine(), backup_file=file, drop_existing=True)
        except (BackupInvalid, NotFound):
            pass
        except (
            Refused
        ) as refusal:  # it shows the plan, or sees that the database is in use: it believes the file
            missed.append(f"a restore goes as far as to say {refusal.message}")
        return missed

    def mend(self) -> None:
        """This function will make the backup whole again."""
        for path, data in self._whole.items():
            path.write_bytes(data)
        self._is_app = False

    def _paths(self, name: BackupName) -> list[Path]:
        return [self._folder / file for file in (name.file, name.app_file, name.manifest_file)]

    def _choose(self) -> Path:
        path = self.random.choice(list(self._whole))
        self._is_app = path.name == self._one.app_file
        return path

    def _cut(self) -> object:
        path = self._choose()
        at = self.random.randrange(len(self._whole[path]) - 1)  # the manifest's last byte says nothing
        os.truncate(path, at)
        return path.name, at

    def _lengthen(self) -> object:
        path = self._choose()
        more = self._whole[path][: self.random.randint(1, 1_000)]  # the head of a gzip member, or of the JSON
        path.write_bytes(self._whole[path] + more)
        return path.name, len(more)

    def _flip(self) -> object:
        path = self._choose()
        at, bit = self.random.randrange(len(self._whole[path])), self.random.randrange(8)
        self._put(path, at, bytes([self._whole[path][at] ^ (1 << bit)]))
        return path.name, at, bit

    def _overwrite(self) -> object:
        path = self._choose()
        data = self._whole[path]
        at = self.random.randrange(len(data) - 64)
        self._put(path, at, bytes(byte ^ 0xFF for byte in data[at : at + self.random.randint(1, 64)]))
        return path.name, at

    def _put(self, path: Path, at: int, new: bytes) -> None:
        data = self._whole[path]
        path.write_bytes(data[:at] + new + data[at + len(new) :])

    def _swap(self) -> object:
        path = self._choose()
        other = dict(zip(self._whole, self._paths(self._other), strict=True))[path]
        path.write_bytes(other.read_bytes())
        return path.name

    def _compress(self) -> object:
        path = self._folder / self._one.file
        level = self.random.randint(1, 9)
        path.write_bytes(gzip.compress(gzip.decompress(self._whole[path]), level))
        return level

    def _sign(self) -> object:
        """Change the rows, and let the manifest fit them in everything but our key."""
        path, _, described = self._whole
        text = bytearray(gzip.decompress(self._whole[path]))
        at = self.random.randrange(len(text))
        text[at] ^= 1
        path.write_bytes(gzip.compress(bytes(text)))
        digest = sha256(path.read_bytes()).hexdigest()
        document = manifest.parse(self._whole[described]).model_copy(
            update={"size_bytes": path.stat().st_size, "sha256": digest}
        )
        ours, settings.BACKUP_KEYS = settings.BACKUP_KEYS, [STRANGER]
        described.write_bytes(document.sealed().encode())
        settings.BACKUP_KEYS = ours
        return at

    def _edit(self) -> object:
        path = self._folder / self._one.manifest_file
        document = json.loads(self._whole[path])
        key = self.random.choice(sorted(document))
        value = document[key]
        match value:
            case dict() if value:
                inner = self.random.choice(sorted(value))
                document[key] = {name: other for name, other in value.items() if name != inner}
            case list() if value:
                document[key] = value[:-1]
            case bool():
                document[key] = not value
            case int():
                document[key] = value + self.random.choice([-1, 1, 1_000_000])
            case str():
                document[key] = value[:-1] + ("0" if value[-1:] != "0" else "1")
            case _:
                document[key] = "books"
        path.write_text(json.dumps(document))
        return key

    def _remove(self) -> object:
        path = self._choose()
        path.unlink()
        return path.name
