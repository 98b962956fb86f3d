"""The way of a server's files into the bucket, gone on with where it was broken off."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from backups.errors import OffsiteDamaged, OffsiteMissing
from backups.offsite import transfer
from backups.offsite.bucket import Bucket
from backups.offsite.transfer import Sent, Source
from backups.pitr import objects
from jobs.progress import Progress


class Way:
    """The way of one server's files into the bucket, and what must be known of it the next time.

    That is how far one came that was begun; and of what may grow, what was sent of it last. The bucket doesn't tell.
    """

    def __init__(self, bucket: Bucket, folder: Path, progress: Progress) -> None:
        self.folder, self.progress = folder, progress
        self._bucket, self._there = bucket, bucket.sizes()
        self._path = folder / ".sent.json"
        self._notes = {name: note for name, note in self._read().items() if _source_of(folder, name).exists()}

    def has(self, name: str) -> bool:
        """This function will say whether there is something of that name."""
        return objects.target(self.folder, name) in self._there

    def has_same(self, source: Source) -> bool:
        """This function will say whether just this lies there, and was read back."""
        return self.has(source.name) and self._note(source).get("is_read_back", False)

    def send(self, source: Source, *, is_noted: bool = False) -> None:
        """This function will send a file, unless all of it has arrived, and read it back; `is_noted`: it may grow."""
        there = replace(source, name=f"{objects.ROOT}{self.folder.name}/{source.name}")
        sent = self._begun(source)
        if sent is None or not sent.is_there:
            keep = partial(self._keep, source)
            sent = transfer.send(self._bucket, there, sent, keep, self.progress)
        try:
            transfer.read_back(self._bucket, there, sent, self.progress)
        except (OffsiteDamaged, OffsiteMissing):
            self._forget(source)
            raise
        if is_noted:
            self._keep(source, sent, is_read_back=True)
        else:
            self._forget(source)

    def _begun(self, source: Source) -> Sent | None:
        """How far it came; None where there is nothing to go on with, or what had arrived is gone."""
        if not (note := self._note(source)):
            return None
        sent = Sent(**note["sent"])
        return None if sent.is_there and not self.has(source.name) else sent

    def _note(self, source: Source) -> dict[str, Any]:
        note = self._notes.get(source.name, {})
        return note if note.get("sha256") == source.sha256 else {}

    def _keep(self, source: Source, sent: Sent, *, is_read_back: bool = False) -> None:
        self._notes[source.name] = {
            "sha256": source.sha256, "sent": sent.as_dict(), "is_read_back": is_read_back,
        }  # fmt: skip
        self._write()

    def _forget(self, source: Source) -> None:
        if self._notes.pop(source.name, None):
            self._write()

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(json.loads(self._path.read_bytes()))
        except (OSError, ValueError):
            return {}

    def _write(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._notes), encoding="ascii")
        new.replace(self._path)


def _source_of(folder: Path, name: str) -> Path:
    """What a file in the bucket is made of."""
    return folder / name.removesuffix(objects.TAR).removesuffix(objects.GZ)
