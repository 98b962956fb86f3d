from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from mcp_bridge import reference
from mcp_bridge.tools import TOOLS


def test_the_manual_is_up_to_date():
    call_command("tools_reference", check=True)


def test_a_stale_manual_is_told_and_not_written(monkeypatch, settings, tmp_path):
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    call_command("tools_reference", stdout=StringIO())
    call_command("tools_reference", check=True)
    monkeypatch.setattr(reference, "HEAD", "Changed.")
    with pytest.raises(CommandError, match="stale"):
        call_command("tools_reference", check=True)


def test_every_tool_argument_and_answer_has_its_line():
    page = reference.page()
    for tool in TOOLS.values():
        section = page.split(f"### {tool.name}\n")[1].split("### ")[0]
        for schema in (tool.input_schema, tool.output_schema):
            for name in schema["properties"]:
                assert f"\n| `{name}` |" in section


@pytest.mark.parametrize("code", ["VALIDATION_ERROR", "FOREIGN_KEY_VIOLATION", "UNAVAILABLE", "INTERNAL"])
def test_every_code_has_its_meaning(code):
    assert f"\n| {code} | " in reference.page()
