"""Previews: they say what the import does then, list every fault, and write nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from guardian.shortcuts import assign_perm

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import ConfirmationRequired, Forbidden, InvalidInput, LimitExceeded
from accesscontrol.models import CatalogTable, ColumnRule
from audit.models import AuditLog
from catalog import models
from catalog.exchange import previewing
from catalog.exchange.order import Order
from catalog.exchange.previewing import ImportPreview, preview
from catalog.exchange.services import Imported, import_records
from catalog.services import columns
from catalog.table import Table
from tests.catalog.exchange import workbooks
from tests.catalog.exchange.test_import import rows_of
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS


def look(actor: Actor, table: Table, text: str | bytes, format_: Any = "csv", **terms: Any) -> ImportPreview:
    source = text.encode() if isinstance(text, str) else text
    return preview(order=Order(actor, table, format_, **terms), source=source)


def do(actor: Actor, table: Table, text: str | bytes, format_: Any = "csv", **terms: Any) -> Imported:
    """Import what a preview agreed to."""
    found = look(actor, table, text, format_, **terms)
    source = text.encode() if isinstance(text, str) else text
    return import_records(
        actor=Actor(actor.user, actor.channel), table=table, format=format_, source=source,
        plan_token=found.plan_token, **terms,
    )  # fmt: skip


def someone(**rights: list[str]) -> Actor:
    """Make an account with rights on tables."""
    user = User.objects.create_user(f"user{User.objects.count()}")
    for right, tables in rights.items():
        for table in tables:
            assign_perm(f"accesscontrol.{right.rstrip('_')}", user, CatalogTable.objects.get(name=table))
    return Actor(user, Channel.ADMIN)


class TestCounts:
    @pytest.mark.parametrize(
        ("on_conflict", "expected"),
        [("skip", (1, 0, 2)), ("update", (1, 1, 1)), ("error", (None, None, None))],
    )
    def test_are_those_of_the_import(self, manager: Actor, on_conflict: Any, expected: Any) -> None:
        same, other = builders.author(name="Same"), builders.author(name="Old")
        text = f"id,name\n{same.pk},Same\n{other.pk},New\n900001,Fresh\n"

        found = look(manager, AUTHORS, text, on_conflict=on_conflict)

        if on_conflict == "error":
            assert (found.new, found.faulty, found.plan_token) == (1, 2, None)
            return
        assert (found.new, found.changed, found.skipped) == expected
        done = do(manager, AUTHORS, text, on_conflict=on_conflict)
        assert (done.imported, done.updated, done.skipped) == expected

    def test_show_what_is_new_and_what_changes(self, manager: Actor) -> None:
        old = builders.author(name="Old", bio="kept")

        found = look(
            manager, AUTHORS, f"id,name,bio\n{old.pk},New,kept\n900001,Fresh,\n", on_conflict="update"
        )

        assert found.new_rows == [[2, {"id": "900001", "name": "Fresh", "bio": None}]]
        assert found.changed_rows == [[1, str(old.pk), {"name": ["Old", "New"]}]]

    def test_what_is_there_is_shown_to_nobody_who_may_not_read_it(self, db: None) -> None:
        old = builders.author(name="Old")
        actor = someone(import_=["authors"], insert=["authors"], update=["authors"])

        found = look(actor, AUTHORS, f"id,name\n{old.pk},New\n", on_conflict="update")

        assert (found.changed, found.changed_rows) == (1, [])

    def test_nothing_is_written_but_the_row_of_the_trail(self, manager: Actor) -> None:
        old = builders.author(name="Old")
        before = rows_of(AUTHORS)

        look(manager, AUTHORS, f"id,name\n{old.pk},New\n900001,Fresh\n", on_conflict="update")

        assert rows_of(AUTHORS) == before
        row = AuditLog.objects.get(operation="IMPORT_CSV")
        assert (row.dry_run, row.record_count, row.success) == (True, 2, True)


class TestFaults:
    def test_all_of_them_are_listed(self, manager: Actor) -> None:
        text = "name,email\n" + "".join(f",bad{n}\n" for n in range(150)) + "Ann,ann@example.com\n"

        found = look(manager, AUTHORS, text)

        assert (found.faulty, found.new, len(found.faults)) == (150, 1, found.fault_count)
        assert found.fault_count >= 150
        assert found.plan_token is None

    def test_more_than_are_listed_leave_the_rest_uncounted(
        self, manager: Actor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(previewing, "MAX_FAULTS", 3)

        found = look(manager, AUTHORS, "name,bio\n" + ",x\n" * 5)

        assert (found.fault_count, found.faulty, found.new) == (5, 5, None)

    def test_tell_nothing_of_columns_hidden_since(self, manager: Actor) -> None:
        role = Group.objects.get(name="Data manager")
        kept = vars(look(manager, AUTHORS, "name,bio\nAnn,secret\n"))
        ColumnRule.objects.create(role=role, table_id="authors", column_name="bio", access="hidden")

        seen = columns.shown(Actor(manager.user, Channel.ADMIN), AUTHORS)

        assert "secret" not in json.dumps(previewing.visible(kept, seen))

    def test_an_empty_file_is_refused(self, manager: Actor) -> None:
        with pytest.raises(InvalidInput, match="no rows"):
            look(manager, AUTHORS, "name\n")


class TestToken:
    def test_is_good_for_the_same_file_and_terms_alone(self, manager: Actor) -> None:
        text = "name,bio\nAnn,x\n"
        terms: dict[str, Any] = {"mapping": {"name": "name", "bio": "bio"}}
        token = look(manager, AUTHORS, text, **terms).plan_token
        for source, other in [
            ("name,bio\nBob,x\n", terms),
            (text, {"mapping": {"name": "bio", "bio": "name"}}),
            (text, {**terms, "on_conflict": "skip"}),
        ]:
            with pytest.raises(ConfirmationRequired):
                import_records(
                    actor=manager,
                    table=AUTHORS,
                    format="csv",
                    source=source.encode(),
                    plan_token=token,
                    **other,
                )

        done = import_records(
            actor=manager, table=AUTHORS, format="csv", source=text.encode(), plan_token=token, **terms
        )

        assert done.imported == 1

    def test_is_no_good_where_the_table_has_changed_since(self, manager: Actor) -> None:
        text = "id,name\n900001,Ann\n"
        token = look(manager, AUTHORS, text, on_conflict="skip").plan_token
        builders.author(id=900001)

        with pytest.raises(ConfirmationRequired, match="changed"):
            import_records(
                actor=manager, table=AUTHORS, format="csv", source=text.encode(), on_conflict="skip",
                plan_token=token,
            )  # fmt: skip


class TestMapping:
    MAPPING = {"Who": "name", "Notes": None, "Life": "bio"}

    @pytest.mark.parametrize(
        ("format_", "content"),
        [
            ("csv", b"Who,Notes,Life\nAnn,left out,a life\n"),
            ("csv", b' Who ,Notes,Life\n"Ann","left\nout",a life\n'),
            ("json", b'[{"Who": "Ann", "Notes": 1, "Life": "a life"}]'),
            ("xlsx", workbooks.made(["Who", "Notes", "Life"], ["Ann", "left out", "a life"])),
        ],
    )
    def test_says_what_goes_where(self, manager: Actor, format_: Any, content: bytes) -> None:
        do(manager, AUTHORS, content, format_, mapping=self.MAPPING)

        author = models.Author.objects.get()
        assert (author.name, author.bio) == ("Ann", "a life")

    def test_without_a_header_columns_have_numbers(self, manager: Actor) -> None:
        do(
            manager, AUTHORS, "x,Ann\n", has_headers=False,
            mapping={"column 1": None, "column 2": "name"},
        )  # fmt: skip

        assert models.Author.objects.get().name == "Ann"

    def test_names_that_are_empty_or_alike_can_be_told_apart(self, manager: Actor) -> None:
        do(
            manager, AUTHORS, "name,,name\nx,y,Ann\n",
            mapping={"name": None, "column 2": "bio", "name (3)": "name"},
        )  # fmt: skip

        assert list(models.Author.objects.values_list("name", "bio")) == [("Ann", "y")]

    @pytest.mark.parametrize(
        ("mapping", "words"),
        [
            ({"Who": "name", "Life": "name"}, "Two columns"),
            ({"Who": None, "Life": None}, "Nothing of the file"),
            ({"Who": "nome"}, "no column"),
            ({"Whom": "name"}, "no column"),
        ],
    )
    def test_one_that_makes_no_sense_is_refused(self, manager: Actor, mapping: Any, words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            look(manager, AUTHORS, "Who,Life\nAnn,x\n", mapping=mapping)

    def test_a_json_record_may_not_have_one_column_in_two_ways(self, manager: Actor) -> None:
        found = look(manager, AUTHORS, '[{"Who": "Ann", "name": "Bob"}]', "json", mapping={"Who": "name"})

        assert [(fault["row"], fault["column"]) for fault in found.faults] == [(1, None)]

    def test_columns_that_may_not_be_set_are_refused(self, manager: Actor) -> None:
        role = Group.objects.get(name="Data manager")
        ColumnRule.objects.create(role=role, table_id="authors", column_name="bio", access="read_only")

        with pytest.raises(Forbidden):
            look(manager, AUTHORS, "a,b\nAnn,x\n", mapping={"a": "name", "b": "bio"})

    def test_too_many_columns_are_refused(self, manager: Actor) -> None:
        with pytest.raises(LimitExceeded, match="10,000 columns"):
            look(manager, AUTHORS, ",".join(f"c{n}" for n in range(10_000)), mapping={"c1": "name"})


class TestTerms:
    def test_a_record_is_found_by_what_is_chosen(self, manager: Actor) -> None:
        ann, bob = builders.author(email="ann@example.com"), builders.author(email="bob@example.com")
        text = f"id,name,email\n{bob.pk},Ann,ANN@example.com\n"

        found = look(manager, AUTHORS, text, on_conflict="update", match=["email"], mapping={
            "id": None, "name": "name", "email": "email"})  # fmt: skip

        assert [key for _, key, _ in found.changed_rows] == [str(ann.pk)]

    def test_only_what_no_two_may_share_can_be_chosen(self, manager: Actor) -> None:
        with pytest.raises(InvalidInput, match="needs id, or email"):
            look(manager, AUTHORS, "name,bio\nAnn,x\n", on_conflict="update", match=["name"])

    def test_who_may_only_add_can_neither_change_nor_be_told_to(self, db: None) -> None:
        actor = someone(import_=["authors"], insert=["authors"])

        assert do(actor, AUTHORS, "name\nAnn\n").imported == 1
        for way in ("update", "update_only"):
            with pytest.raises(Forbidden):
                look(actor, AUTHORS, "id,name\n1,Ann\n", on_conflict=way)

    def test_who_may_only_change_adds_nothing(self, db: None) -> None:
        actor = someone(import_=["authors"], update=["authors"])
        old = builders.author(name="Old")
        text = f"id,name\n{old.pk},New\n"

        for way in ("error", "skip", "update"):
            with pytest.raises(Forbidden):
                look(actor, AUTHORS, text, on_conflict=way)
        found = look(actor, AUTHORS, f"{text}900001,Fresh\n", on_conflict="update_only")
        assert [(fault["row"], fault["column"]) for fault in found.faults] == [(2, None)]
        found = look(actor, AUTHORS, "id,bio\n900001,x\n", on_conflict="update_only")
        assert [(fault["row"], fault["column"]) for fault in found.faults] == [(1, None)]
        with pytest.raises(InvalidInput):
            import_records(
                actor=actor, table=AUTHORS, format="csv", source=f"{text}900001,Fresh\n".encode(),
                on_conflict="update_only",
            )  # fmt: skip

        assert do(actor, AUTHORS, text, on_conflict="update_only").updated == 1
        assert models.Author.objects.get().name == "New"


def test_parents_that_are_missing_are_told_by_row(manager: Actor) -> None:
    author = builders.author()

    found = look(manager, BOOKS, f"author_id,title\n{author.pk},A\n999999,B\n")

    assert [(fault["row"], fault["column"]) for fault in found.faults] == [(2, "author_id")]
    assert found.new == 1
