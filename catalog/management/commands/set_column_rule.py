"""`manage.py set_column_rule ROLE TABLE COLUMN hidden|read_only|none --user NAME`."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from accesscontrol.policy import ColumnAccess
from catalog import registry
from catalog.services.column_rules import set_column_rule

NONE = "none"


class Command(BaseCommand):
    help = "Hide a column from a role, let the role only read it, or lift such a rule."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name what the rule is about, and who makes it."""
        parser.add_argument("role", help="the role's name")
        parser.add_argument("table")
        parser.add_argument("column")
        parser.add_argument("access", choices=[*map(str, ColumnAccess), NONE], help="none lifts the rule")
        parser.add_argument(
            "--user", required=True, help="who makes the rule: an account that manages access"
        )

    def handle(
        self, *args: object, role: str, table: str, column: str, access: str, user: str, **options: object
    ) -> None:
        """Make or lift the rule."""
        group = Group.objects.filter(name=role).first()
        account = User.objects.filter(username=user).first()
        if group is None:
            raise CommandError(f"There is no role {role!r}.")
        if account is None:
            raise CommandError(f"There is no account {user!r}.")
        try:
            set_column_rule(
                actor=Actor(account, Channel.COMMAND),
                role=group,
                table=registry.get(table),
                column=column,
                access=None if access == NONE else access,
            )
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        told = {"hidden": "is hidden from", "read_only": "is read only for", NONE: "has no rule for"}[access]
        self.stdout.write(f"{table}.{column} {told} {role}.")
