"""The trail in words: what operations are called, and what an entry tells."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from audit.models import AuditLog

GROUPS: Final = {
    "reading": (
        gettext_lazy("Reading"),
        {
            "QUERY": gettext_lazy("Query"),
            "GET_SCHEMA": gettext_lazy("Describe the schema"),
            "LIST_TABLES": gettext_lazy("List tables"),
            "GET_RELATIONSHIPS": gettext_lazy("List relationships"),
            "LIST_TABLE_COLUMNS": gettext_lazy("List columns"),
            "AUDIT_QUERY": gettext_lazy("Read the audit trail"),
            "AUDIT_SUMMARY": gettext_lazy("Sum up the audit trail"),
        },
    ),
    "writing": (
        gettext_lazy("Writing"),
        {
            "INSERT": gettext_lazy("Add"),
            "UPDATE": gettext_lazy("Change"),
            "DELETE": gettext_lazy("Delete"),
            "RESTORE_RECORDS": gettext_lazy("Restore from the trash"),
            "PURGE": gettext_lazy("Delete for good"),
            "BATCH_INSERT": gettext_lazy("Add many"),
            "BATCH_UPDATE": gettext_lazy("Change many"),
            "BATCH_DELETE": gettext_lazy("Delete many"),
            "BULK_LOAD": gettext_lazy("Load in bulk"),
            "UNDO": gettext_lazy("Undo"),
        },
    ),
    "exchange": (
        gettext_lazy("Exports and imports"),
        {
            "EXPORT_JSON": gettext_lazy("Export JSON"),
            "EXPORT_CSV": gettext_lazy("Export CSV"),
            "EXPORT_XLSX": gettext_lazy("Export XLSX"),
            "EXPORT_SQL": gettext_lazy("Export SQL"),
            "IMPORT_JSON": gettext_lazy("Import JSON"),
            "IMPORT_CSV": gettext_lazy("Import CSV"),
            "IMPORT_XLSX": gettext_lazy("Import XLSX"),
        },
    ),
    "backups": (
        gettext_lazy("Backups"),
        {
            "BACKUP_FULL": gettext_lazy("Full backup"),
            "BACKUP_TABLE": gettext_lazy("Backup of a table"),
            "BACKUP_INCREMENTAL": gettext_lazy("Incremental backup"),
            "RESTORE_FULL": gettext_lazy("Full restore"),
            "RESTORE_TABLE": gettext_lazy("Restore of a table"),
            "RESTORE_INCREMENTAL": gettext_lazy("Incremental restore"),
            "VALIDATE_BACKUP": gettext_lazy("Check a backup"),
            "LIST_BACKUPS": gettext_lazy("List backups"),
            "DOWNLOAD_BACKUP": gettext_lazy("Download a backup"),
            "DELETE_BACKUP": gettext_lazy("Delete a backup"),
            "UPLOAD_BACKUP": gettext_lazy("Upload a backup"),
            "TRUST_BACKUP": gettext_lazy("Trust a backup"),
            "COPY_BACKUP": gettext_lazy("Copy a backup offsite"),
            "FETCH_BACKUP": gettext_lazy("Fetch a backup from offsite"),
            "DELETE_COPY": gettext_lazy("Delete a copy offsite"),
        },
    ),
    "access": (
        gettext_lazy("People and access"),
        {
            "LOGIN": gettext_lazy("Log in"),
            "LOGIN_FAILED": gettext_lazy("Failed login"),
            "LOGOUT": gettext_lazy("Log out"),
            "GRANT": gettext_lazy("Give a right"),
            "REVOKE": gettext_lazy("Take a right"),
            "KEY_CREATED": gettext_lazy("Make a key"),
            "KEY_REVOKED": gettext_lazy("Revoke a key"),
            "USER_CHANGED": gettext_lazy("Change an account"),
            "SAVE_VIEW": gettext_lazy("Keep a list"),
            "DELETE_VIEW": gettext_lazy("Delete a kept list"),
            "EXPIRE_SESSIONS": gettext_lazy("Forget sessions that are over"),
        },
    ),
}
"""The operations by what they are about; a group's name stands in addresses for all of its operations."""

OPERATIONS: Final = {name: words for _name, group in GROUPS.values() for name, words in group.items()}
CHANNELS: Final = {
    "admin": gettext_lazy("Web admin"),
    "api": gettext_lazy("REST API"),
    "mcp": gettext_lazy("Agent (MCP)"),
    "task": gettext_lazy("Scheduled task"),
    "command": gettext_lazy("Command line"),
}


def operation(name: str) -> str:
    """This function will return what an operation is called."""
    return str(OPERATIONS.get(name, name.replace("_", " ").capitalize()))


def channel(name: str | None) -> str:
    """This function will return what a face is called."""
    return str(CHANNELS.get(name or "", name or ""))


def who(entry: AuditLog) -> str:
    """This function will return the user's name."""
    return entry.user_id or _("(nobody)")


def subject(entry: AuditLog) -> str:
    """This function will return the table and the record; accounts, roles and backups are named in words."""
    key = entry.record_id or ""
    is_number = key.replace(":", "").isdigit()
    return " ".join(filter(None, [entry.table_name, f"#{key}" if is_number else key]))


def outcome(entry: AuditLog) -> str:
    """This function will return how many records it touched, or why it failed."""
    if not entry.success:
        return entry.error_code or ""
    count = entry.record_count
    return "" if count is None else ngettext("%(n)s record", "%(n)s records", count) % {"n": f"{count:,}"}


def milliseconds(taken: float | None) -> str:
    """This function will return a duration, as exactly as somebody reads it; none of what took no time worth noting."""
    if not taken:
        return ""
    if taken >= 1_000:
        return _("%(n)s s") % {"n": f"{taken / 1000:,.1f}"}
    return _("%(n)s ms") % {"n": f"{taken:,.1f}" if taken < 100 else f"{taken:,.0f}"}


def second(at: datetime) -> str:
    """This function will return a time of day to the second, UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def moment(at: datetime) -> str:
    """This function will return a time to the microsecond, UTC."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def client(entry: AuditLog) -> str:
    """This function will return what is known of the caller."""
    return " · ".join(f"{name}: {value}" for name, value in entry.client_info.items() if value)


def changes(entry: AuditLog) -> dict[str, Any] | None:
    """This function will return what an entry says was changed, record by record, for a table."""
    if not entry.changes:
        return None
    listed = entry.changes.get("records")
    is_list = isinstance(listed, list)
    records = listed if is_list else [{"changes": {k: v for k, v in entry.changes.items() if k != "cut"}}]
    return {
        "records": [{"key": one.get("key"), "rows": _rows(one.get("changes") or {})} for one in records],
        "cut_records": entry.changes.get("cut") if is_list else None,
        "cut_columns": None if is_list else entry.changes.get("cut"),
    }


def _rows(found: dict[str, Any]) -> list[dict[str, str]]:
    """One row per column; what has no old and new is shown as it is."""
    rows = []
    for column, change in found.items():
        is_pair = isinstance(change, dict) and {"old", "new"} & set(change)
        old, new = (change.get("old"), change.get("new")) if is_pair else (None, change)
        rows.append({"column": column, "old": _shown(old), "new": _shown(new)})
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict) and value.get("cut") is True:
        length = _("%(n)s characters") % {"n": f"{value.get('length'):,}"}
        return f"{value.get('start', '')}… ({length})"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
