"""The manual's chapter about roles says what the roles are."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from accesscontrol.policy import Operation, Right
from accesscontrol.roles import BUILT_IN
from catalog import registry
from catalog.management.commands.roles_reference import document


def test_is_up_to_date() -> None:
    call_command("roles_reference", check=True)


def test_has_every_role_and_every_right() -> None:
    text = document(registry.all_tables())

    assert all(f"| **{role.name}** | {role.description} |" in text for role in BUILT_IN)
    assert all(f"| `{right}` | " in text for right in (*Operation, *Right))


def test_is_refused_when_stale_and_missing_and_accepted_when_made(
    settings: LazySettings, tmp_path: Path
) -> None:
    settings.BASE_DIR = tmp_path
    chapter = tmp_path / "docs" / "roles.md"
    chapter.parent.mkdir()

    with pytest.raises(CommandError, match="stale"):
        call_command("roles_reference", check=True)
    call_command("roles_reference")
    call_command("roles_reference", check=True)
    chapter.write_text(chapter.read_text(encoding="utf-8").replace("Editor", "Redactor"), encoding="utf-8")
    with pytest.raises(CommandError, match="stale"):
        call_command("roles_reference", check=True)
