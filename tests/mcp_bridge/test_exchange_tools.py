from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from accesscontrol.actor import Actor, Channel
from catalog import models
from tests.catalog.services import builders
from tests.mcp_bridge.conftest import Agent, Connect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where exports go in this test."""
    settings.EXPORT_DIR = tmp_path / "exports"
    return settings.EXPORT_DIR


@pytest.fixture
def manager(connect: Connect, folder: Path) -> Agent:
    """An agent that acts for a data manager."""
    user = User.objects.create_user("dora")
    user.groups.add(Group.objects.get(name="Data manager"))
    return connect(Actor(user, Channel.MCP))


def test_a_table_goes_out_and_comes_back_by_its_file(manager: Agent, folder: Path) -> None:
    author = builders.author(name='Ann "A", \n', bio="")
    made = manager.ask("db_export_csv", table="authors")
    assert made["record_count"] == 1
    assert (folder / made["export_file"]).stat().st_size == made["size_bytes"]
    models.Author.objects.all().delete()
    call = {"table": "authors", "file_name": made["export_file"]}

    first = manager.refused("db_import_csv", **call)

    assert first["code"] == "CONFIRMATION_REQUIRED"
    assert first["details"]["plan"]["imported"] == 1
    assert not models.Author.objects.exists()
    done = manager.ask("db_import_csv", **call, plan_token=first["details"]["plan_token"])
    assert (done["imported"], done["errors"]) == (1, [])
    assert models.Author.objects.get().name == author.name
    again = manager.refused("db_import_csv", **call, plan_token=first["details"]["plan_token"])
    assert again["code"] == "VALIDATION_ERROR"  # it is there now, and that is told before a plan


def test_json_comes_as_records_or_as_text_and_tells_its_faults(manager: Agent) -> None:
    records = [{"name": "A"}, {"name": 5}]

    for data in (records, json.dumps(records)):
        tried = manager.ask("db_import_json", table="tropes", data=data, dry_run=True)
        assert [(error["row"], error["column"]) for error in tried["errors"]] == [(2, "name")]
        refused = manager.refused("db_import_json", table="tropes", data=data)
        assert (refused["code"], refused["details"]["errors"]) == ("VALIDATION_ERROR", tried["errors"])
    assert manager.ask("db_import_json", table="tropes", data=[{"name": "A"}], dry_run=True)["imported"] == 1
    assert not models.Trope.objects.exists()


def test_files_are_those_of_the_table_in_the_folder(manager: Agent, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "export_books_20261122T060000Z.csv").write_text("name\nAnn\n")
    (folder / "import_authors.csv").symlink_to("/etc/passwd")
    (folder / "import_authors_1.csv").write_text("name\nAnn\n")

    def asked(name: str) -> dict[str, Any]:
        return {"table": "authors", "file_name": name, "dry_run": True}

    for name in (
        "../x.csv", "/etc/passwd", "export_books_20261122T060000Z.csv", "import_authors_../x.csv",
        "import_authors_1.csv\n", "import_authors.csv", "",
    ):  # fmt: skip
        assert manager.refused("db_import_csv", **asked(name))["code"] == "NOT_FOUND", name
    assert manager.ask("db_import_csv", **asked("import_authors_1.csv"))["imported"] == 1


def test_either_data_or_a_file_is_wanted(manager: Agent) -> None:
    for given in ({}, {"data": "name\nAnn\n", "file_name": "import_authors.csv"}):
        assert manager.refused("db_import_csv", table="authors", **given)["code"] == "VALIDATION_ERROR"


def test_tools_are_shown_to_who_may_use_them(agent: Agent, manager: Agent) -> None:
    assert {"db_export_csv", "db_export_json"} <= agent.tools().keys()
    assert "db_import_csv" not in agent.tools()
    assert "genres" not in manager.tools()["db_import_csv"].input_schema["properties"]["table"]["enum"]
