"""What operations and rights are called on pages."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from accesscontrol.policy import Operation, Planned, Right

OPERATIONS: Final = {
    Operation.READ: _("read"),
    Operation.INSERT: _("insert"),
    Operation.UPDATE: _("update"),
    Operation.DELETE: _("delete"),
    Operation.PURGE: _("purge"),
    Operation.EXPORT: _("export"),
    Operation.IMPORT: _("import"),
    Operation.BACKUP: _("backup"),
    Operation.RESTORE: _("restore"),
}
RIGHTS: Final = {
    Right.VIEW_AUDIT: _("see what others did"),
    Right.MANAGE_BACKUPS: _("manage backups"),
    Right.APPROVE: _("approve plans"),
    Right.MANAGE_ACCESS: _("manage access"),
}
RIGHTS_AT_LENGTH: Final = {
    Right.VIEW_AUDIT: _("See what others did"),
    Right.MANAGE_BACKUPS: _("List, validate, delete and download backups"),
    Right.APPROVE: _("Approve the plans of others"),
    Right.MANAGE_ACCESS: _("Manage users, roles, keys and rules"),
}
PLANNED: Final = {
    Planned.RESTORE_FULL: _("Restore full"),
    Planned.RESTORE_TABLE: _("Restore table"),
    Planned.DELETE_BACKUP: _("Delete backup"),
    Planned.IMPORT_JSON: _("Import JSON"),
    Planned.IMPORT_CSV: _("Import CSV"),
    Planned.IMPORT_XLSX: _("Import XLSX"),
}
