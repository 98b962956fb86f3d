"""All that is known of one backup."""

from __future__ import annotations

from dataclasses import dataclass

from accesscontrol.actor import Actor
from audit.operation import audited
from audit.trail import Entry
from backups import access, catalogue, names, storage, stored
from backups.catalogue import Found
from backups.manifest import Manifest
from backups.models import Trust, Verification

MAX_LOOKS = 20


@dataclass(frozen=True)
class Described:
    """One backup: what the list says, what its manifest may be believed, and who looked at it with what result."""

    found: Found
    claims: Manifest
    looks: list[Verification]  # the newest first
    trust: Trust | None

    @property
    def is_ours(self) -> bool:
        """Whether it may be restored as far as who answers for it goes."""
        return self.found.is_signed or self.found.is_trusted


@audited("LIST_BACKUPS")
def describe_backup(entry: Entry, *, actor: Actor, backup_file: str) -> Described:
    """This function will return what is known of a backup.

    :raises Forbidden: the actor may not manage backups
    :raises NotFound: there is no such backup
    :raises BackupInvalid: its manifest can't be read
    """
    access.require_management(actor)
    name = names.parse(backup_file)
    place = storage.configured()
    backup = stored.find(place, name.file)
    found = next((one for one in catalogue.read(place)[0] if one.file == name.file), None)
    if found is None:  # deleted meanwhile, or its manifest is another's
        raise names.no_such_backup()
    entry.record_id, entry.record_count = name.file, 1
    looks = Verification.objects.filter(sha256=found.sha256).order_by("-id")
    trust = Trust.objects.filter(sha256=found.sha256).first()
    return Described(found, backup.claims, list(looks[:MAX_LOOKS]), trust)
