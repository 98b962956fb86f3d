"""Refusals that the rules of the catalog's tables give."""

from __future__ import annotations

from accesscontrol.errors import Refused


class ForeignKeyViolation(Refused):
    """A record would refer to one that is not there, or is still referred to."""

    code, status = "FOREIGN_KEY_VIOLATION", 409


class DuplicateKey(Refused):
    """A record with this key exists already."""

    code, status = "DUPLICATE_KEY", 409


class CheckViolation(Refused):
    """A value breaks a rule of the table."""

    code, status = "CHECK_VIOLATION", 422


class NotNullViolation(Refused):
    """A required value is missing."""

    code, status = "NOT_NULL_VIOLATION", 422
