from __future__ import annotations

import json

import jsonschema
import pytest
from django.contrib.auth.models import User
from guardian.shortcuts import assign_perm

from accesscontrol.models import CatalogTable
from catalog import registry
from catalog.services import grouping
from mcp_bridge.tools import TOOLS
from mcp_bridge.tools.records import Aggregate

pytestmark = pytest.mark.django_db(transaction=True)

READING = {
    "db_list_tables",
    "db_get_schema",
    "db_list_table_columns",
    "db_get_relationships",
    "db_query_records",
}
AUDITING = {"db_query_audit_logs", "db_get_audit_summary"}
WRITING = {
    "db_insert_record",
    "db_update_records",
    "db_restore_records",
    "db_batch_insert",
    "db_batch_update",
    "db_undo_change",
}
EXPORTING = {"db_export_json", "db_export_csv"}
IMPORTING = {"db_import_json", "db_import_csv"}
BACKUPS = {
    "db_list_backups",
    "db_backup_full",
    "db_backup_incremental",
    "db_backup_table",
    "db_validate_backup",
    "db_restore_full",
    "db_restore_table",
    "db_delete_backup",
}
DELETING = {"db_delete_records", "db_batch_delete"}
PURGING = {"db_purge_records"}


def tables_of(tool):
    return set(tool.input_schema["properties"]["table"]["enum"])


class TestWhoSeesWhat:
    def test_an_editor_sees_every_tool_for_records_but_those_that_purge_and_import(self, connect, editor):
        assert connect(editor).tools().keys() == READING | AUDITING | WRITING | DELETING | EXPORTING

    def test_a_superuser_sees_every_tool(self, connect, admin):
        everything = READING | AUDITING | WRITING | DELETING | PURGING | EXPORTING | IMPORTING | BACKUPS
        assert connect(admin).tools().keys() == everything

    def test_a_viewer_sees_no_tool_that_writes(self, connect, viewer):
        assert connect(viewer).tools().keys() == READING | AUDITING

    def test_a_writer_sees_no_tool_that_deletes(self, connect, writer):
        assert connect(writer).tools().keys() == READING | AUDITING | WRITING

    def test_someone_without_a_role_sees_only_their_own_trail(self, connect, nobody):
        assert connect(nobody).tools().keys() == AUDITING

    def test_a_disabled_account_sees_nothing(self, connect, editor):
        agent = connect(editor)
        User.objects.update(is_active=False)
        assert not agent.tools()

    def test_the_same_in_the_handshake_era(self, connect, viewer):
        assert connect(viewer, mode="legacy").tools().keys() == READING | AUDITING


class TestTables:
    def test_names_the_tables_that_the_caller_may_read(self, connect, auditor):
        assert tables_of(connect(auditor).tools()["db_query_records"]) == {"audit_logs"}

    def test_names_no_read_only_table_for_writing(self, agent):
        writable = {table.name for table in registry.all_tables() if not table.read_only}
        assert tables_of(agent.tools()["db_insert_record"]) == writable
        assert "genres" in tables_of(agent.tools()["db_query_records"])

    def test_names_only_tables_with_a_trash_for_restoring(self, agent):
        assert tables_of(agent.tools()["db_restore_records"]) == {
            table.name for table in registry.all_tables() if table.soft_delete
        }

    def test_names_everything_for_a_superuser(self, connect, admin):
        assert tables_of(connect(admin).tools()["db_get_schema"]) == set(registry.names())

    def test_follows_a_grant_at_the_next_look(self, connect, nobody):
        agent = connect(nobody)
        assert "db_query_records" not in agent.tools()
        assign_perm("read", nobody.user, CatalogTable.objects.get(name="books"))
        assert tables_of(agent.tools()["db_query_records"]) == {"books"}


class TestSchemas:
    def test_are_valid_and_closed_and_need_no_reference(self, agent):
        for tool in agent.tools().values():
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)
            assert tool.input_schema["additionalProperties"] is False
            assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
            assert "$ref" not in json.dumps([tool.input_schema, tool.output_schema])

    def test_say_what_is_required(self, agent):
        required = {name: tool.input_schema.get("required", []) for name, tool in agent.tools().items()}
        assert required["db_query_records"] == ["table"]
        assert required["db_update_records"] == ["table", "data", "where"]
        assert required["db_list_tables"] == []

    def test_describe_order_and_aggregates_fully(self, agent):
        properties = agent.tools()["db_query_records"].input_schema["properties"]
        assert properties["order_by"]["items"]["properties"]["direction"]["enum"] == ["asc", "desc"]
        functions = properties["aggregate"]["additionalProperties"]["properties"]["fn"]["enum"]
        assert tuple(functions) == grouping.FUNCTIONS

    def test_know_the_functions_of_the_service(self):
        for function in grouping.FUNCTIONS:
            assert Aggregate.read({"fn": function}).fn == function

    def test_give_the_limits(self, agent):
        limit = agent.tools()["db_query_records"].input_schema["properties"]["limit"]
        assert (limit["type"], limit["minimum"], limit["maximum"], limit["default"]) == (
            "integer",
            1,
            1000,
            100,
        )

    def test_hold_columns_that_are_named_title(self, agent):
        assert "title" not in agent.tools()["db_insert_record"].input_schema


class TestWhatAgentsRead:
    def test_every_tool_says_what_it_does_with_an_example(self):
        for tool in TOOLS.values():
            assert len(tool.description) > 100
            assert "Example" in tool.description
            assert tool.title

    def test_examples_are_arguments_that_the_tool_takes(self):
        decoder = json.JSONDecoder()
        for tool in TOOLS.values():
            text = tool.description.replace("\n", " ")
            example, _ = decoder.raw_decode(text[text.index("{", text.index("Example")) :])
            tool.arguments.read(example)

    def test_annotations_tell_readers_from_writers(self, agent):
        hints = {name: tool.annotations for name, tool in agent.tools().items()}
        assert {name for name, hint in hints.items() if hint.read_only_hint} == READING | AUDITING
        assert {name for name, hint in hints.items() if hint.destructive_hint} == {
            "db_update_records",
            "db_delete_records",
            "db_batch_update",
            "db_batch_delete",
            "db_undo_change",
        }
        assert not hints["db_insert_record"].idempotent_hint
        assert not any(hint.open_world_hint for hint in hints.values())

    def test_no_text_of_the_database_is_among_the_descriptions(self, connect, admin, carroll):
        listed = json.dumps([tool.model_dump() for tool in connect(admin).tools().values()])
        assert carroll["name"] not in listed

    def test_instructions_say_how_to_start(self, agent):
        assert agent.client.instructions.index("db_list_tables") < agent.client.instructions.index(
            "db_query_records"
        )
