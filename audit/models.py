"""The trail of operations."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Func
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

OPERATIONS = (
    "QUERY",
    "INSERT",
    "UPDATE",
    "DELETE",
    "RESTORE_RECORDS",
    "PURGE",
    "BATCH_INSERT",
    "BATCH_UPDATE",
    "BATCH_DELETE",
    "BULK_LOAD",
    "UNDO",
    "GET_SCHEMA",
    "LIST_TABLES",
    "GET_RELATIONSHIPS",
    "LIST_TABLE_COLUMNS",
    "AUDIT_QUERY",
    "AUDIT_SUMMARY",
    "EXPORT_JSON",
    "EXPORT_CSV",
    "EXPORT_XLSX",
    "EXPORT_SQL",
    "IMPORT_JSON",
    "IMPORT_CSV",
    "IMPORT_XLSX",
    "BACKUP_FULL",
    "BACKUP_TABLE",
    "BACKUP_INCREMENTAL",
    "RESTORE_FULL",
    "RESTORE_TABLE",
    "RESTORE_INCREMENTAL",
    "VALIDATE_BACKUP",
    "LIST_BACKUPS",
    "DOWNLOAD_BACKUP",
    "DELETE_BACKUP",
    "UPLOAD_BACKUP",
    "TRUST_BACKUP",
    "COPY_BACKUP",
    "FETCH_BACKUP",
    "DELETE_COPY",
    "LOGIN",
    "LOGIN_FAILED",
    "LOGOUT",
    "GRANT",
    "REVOKE",
    "KEY_CREATED",
    "KEY_REVOKED",
    "USER_CHANGED",
    "SAVE_VIEW",
    "DELETE_VIEW",
    "EXPIRE_SESSIONS",
)
"""What can be in audit_logs.operation; the database holds the same list."""

CHANNELS = {
    "admin": "Web admin",
    "api": "REST API",
    "mcp": "Agent (MCP)",
    "task": "Scheduled task",
    "command": "Command line",
}


class AuditLog(models.Model):
    """One operation: who did what to which table, when, how it went, and what changed.

    The table only grows: triggers in the database refuse everything but INSERT, whoever connects. The
    application's role may not even insert an id or a timestamp, and Django names every column, so
    rows are written by audit.trail in raw SQL, never by `AuditLog.objects.create()`.
    """

    timestamp = models.DateTimeField(db_default=Func(function="clock_timestamp"), editable=False)
    operation = models.TextField(choices=[(name, name.replace("_", " ").capitalize()) for name in OPERATIONS])
    table_name = models.TextField(null=True, blank=True)
    record_id = models.TextField(null=True, blank=True)
    user_id = models.TextField(null=True, blank=True)
    success = models.BooleanField()
    error_message = models.TextField(null=True, blank=True)
    execution_time = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.0)])
    changes = models.JSONField(null=True, blank=True)
    error_code = models.TextField(null=True, blank=True)
    record_count = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    channel = models.TextField(null=True, blank=True, choices=list(CHANNELS.items()))
    client_info = models.JSONField(db_default={}, blank=True)
    request_id = models.UUIDField(null=True, blank=True)
    change_id = models.UUIDField(null=True, blank=True)
    dry_run = models.BooleanField(db_default=False)
    query_hash = models.TextField(null=True, blank=True)

    class Meta:
        managed = False
        db_table = "audit_logs"
        default_permissions = ()
        verbose_name = _("entry of the audit trail")
        verbose_name_plural = _("audit trail")

    def __str__(self) -> str:
        return f"{self.operation} {self.table_name or ''} by {self.user_id or 'nobody'}"


class RepeatedRefusal(models.Model):
    """How often one address, or one user, was refused the same thing within one minute, until the trail tells it."""

    operation = models.TextField()
    error_code = models.TextField()
    address = models.TextField()
    user_id = models.TextField(default="")  # the name of who was known and came too often
    channel = models.TextField()
    minute = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["operation", "error_code", "address", "user_id", "minute"],
                name="one_count_per_minute",
            )
        ]

    def __str__(self) -> str:
        return f"{self.operation} from {self.address or self.user_id}: {self.count}"


class KeptAnswer(models.Model):
    """The answer to a write that came with an idempotency key; empty while the write goes on."""

    user_id = models.TextField()
    key = models.TextField()
    digest = models.TextField()  # of what was asked for
    answer = models.TextField(default="")
    change_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.key}"


class Epoch(models.Model):
    """One restore of the whole catalog, with which a new epoch of its records began."""

    started_at = models.DateTimeField()
    backup_file = models.TextField()
    sha256 = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.backup_file}, {self.started_at:%Y-%m-%d %H:%M}"


class Plan(models.Model):
    """A plan that somebody was shown, for as long as they may agree to it; their token is not kept, only its digest."""

    digest = models.CharField(max_length=64, primary_key=True)
    user_id = models.BigIntegerField(null=True)  # null: whoever runs commands on the machine
    operation = models.TextField()
    asked = models.TextField()  # a digest of the arguments
    state = models.TextField()  # a digest of what the plan counted
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.operation} by {self.user_id or 'nobody'}, until {self.expires_at:%Y-%m-%d %H:%M}"


class Alert(models.Model):
    """Something that somebody should look into, from when it was noticed until it was over. One of a kind is open."""

    kind = models.CharField(max_length=63)
    message = models.TextField()
    since = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ("-since", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(closed_at=None), name="one_open_alert_of_a_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
