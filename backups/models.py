"""What is known of backup files beside what they say themselves, by the sha256 of the file."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Verification(models.Model):
    """One look at a backup: is it what its manifest says, or, `deep`, was it restored and found the same?"""

    sha256 = models.CharField(max_length=64, db_index=True)
    file = models.CharField(max_length=200)  # its name then
    verified_at = models.DateTimeField(db_default=Now(), db_index=True)
    deep = models.BooleanField()
    valid = models.BooleanField()
    checks = models.JSONField(default=list)  # [{name, ok, detail}]
    username = models.CharField(max_length=150, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.file}: {'valid' if self.valid else 'not valid'}"


class Trust(models.Model):
    """Somebody answers for a file that we have not signed: it may be restored."""

    sha256 = models.CharField(max_length=64, unique=True)
    file = models.CharField(max_length=200)
    trusted_at = models.DateTimeField(db_default=Now())
    username = models.CharField(max_length=150)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.file}, trusted by {self.username}"


class OffsiteState(models.TextChoices):
    """How far the copy of a backup is."""

    COPYING = "copying"
    COPIED = "copied"  # all of it lies there
    VERIFIED = "verified"  # and was read back to the last byte
    FAILED = "failed"
    EXPIRED = "expired"  # it had its time there; the backup is still here


class OffsiteCopy(models.Model):
    """The copy of a backup in the bucket; the backup itself may be gone from here."""

    file = models.CharField(max_length=200, unique=True)
    sha256 = models.CharField(max_length=64, db_index=True)  # the backup's
    type = models.CharField(max_length=20)
    table = models.CharField(max_length=63, null=True)
    base = models.CharField(max_length=200, null=True)  # the backup that this one needs
    created_at = models.DateTimeField()  # the backup
    state = models.CharField(max_length=10, choices=OffsiteState.choices)
    reason = models.TextField(blank=True)  # why it failed
    sent = models.JSONField(default=dict)  # of each file what backups.offsite.transfer knows
    changed_at = models.DateTimeField(db_default=Now())
    verified_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.file}: {self.state}"
