"""Two operations more: a backup file is brought from outside, and somebody answers for one."""

from __future__ import annotations

from django.db import migrations

ADDED = ("UPLOAD_BACKUP", "TRUST_BACKUP")
BEFORE = (
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
    "LOGIN",
    "LOGIN_FAILED",
    "LOGOUT",
    "GRANT",
    "REVOKE",
    "KEY_CREATED",
    "KEY_REVOKED",
    "USER_CHANGED",
)


def allow(*operations: str) -> str:
    names = ", ".join(f"'{name}'" for name in operations)
    return (
        "ALTER TABLE public.audit_logs DROP CONSTRAINT audit_logs_operation_check,"
        f" ADD CONSTRAINT audit_logs_operation_check CHECK (operation IN ({names}))"
    )


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_restore_gate")]

    operations = [migrations.RunSQL(allow(*BEFORE, *ADDED), allow(*BEFORE))]
