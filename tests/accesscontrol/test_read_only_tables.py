"""Tables that are read only refuse every write of everyone, through every service."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from guardian.models import UserObjectPermission

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, ReadOnlyTable
from catalog import registry
from catalog.services import queries, records, trash

BOOKS, GENRES, AUDIT_LOGS = (registry.get(name) for name in ("books", "genres", "audit_logs"))


READ_ONLY = [table for table in registry.all_tables() if table.read_only]
WRITING_SERVICES = {
    "insert": lambda actor, table: records.insert_record(actor=actor, table=table, data={}),
    "update": lambda actor, table: records.update_records(actor=actor, table=table, data={}, where={"id": 1}),
    "soft delete": lambda actor, table: records.delete_records(actor=actor, table=table, where={"id": 1}),
    "hard delete": lambda actor, table: records.delete_records(
        actor=actor, table=table, where={"id": 1}, soft_delete=False
    ),
    "restore": lambda actor, table: trash.restore_records(actor=actor, table=table, where={"id": 1}),
}


class TestReadOnlyTables:
    def test_are_these_three(self) -> None:
        assert {table.name for table in READ_ONLY} == {"genres", "lookup_values", "audit_logs"}

    @pytest.mark.parametrize("service", WRITING_SERVICES)
    @pytest.mark.parametrize("table", READ_ONLY, ids=str)
    def test_refuse_every_write_even_of_a_superuser(
        self, admin: Actor, table: registry.Table, service: str
    ) -> None:
        with pytest.raises(ReadOnlyTable, match=f"{table.name} is read only for everyone"):
            WRITING_SERVICES[service](admin, table)

    def test_refuse_even_with_a_grant_that_somebody_slipped_in(
        self, nobody: Actor, table_rights: ContentType
    ) -> None:
        UserObjectPermission.objects.create(
            user=nobody.user,
            permission=Permission.objects.get(content_type=table_rights, codename="insert"),
            content_type=table_rights,
            object_pk="genres",
        )

        with pytest.raises(ReadOnlyTable):
            records.insert_record(actor=nobody, table=GENRES, data={"name": "New"})

    @pytest.mark.parametrize("service", WRITING_SERVICES)
    def test_ask_strangers_to_log_in_first(self, db: None, service: str) -> None:
        with pytest.raises(AuthenticationRequired):
            WRITING_SERVICES[service](Actor(None, Channel.API), GENRES)

    def test_can_be_read(self, viewer: Actor) -> None:
        assert queries.query_records(actor=viewer, table=GENRES, limit=1).count == 1
