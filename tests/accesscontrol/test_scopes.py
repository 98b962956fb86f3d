"""What a key's scope takes from its user, everywhere that rights count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group, User

from accesscontrol import (
    accounts,
    explaining,
    freeing,
    giving,
    keys,
    logins,
    own_roles,
    policy,
    preferences,
    scopes,
)
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, NotFound
from accesscontrol.grants import Grants
from accesscontrol.models import ColumnRule
from accesscontrol.policy import Operation, Planned, Right
from accesscontrol.scopes import Scope
from audit import browsing
from audit import queries as trail_queries
from audit.operation import Terms
from backups import access as backup_access
from catalog import registry
from catalog.services import describe, finding, queries, records
from catalog.services.column_rules import set_column_rule
from jobs import running
from jobs import services as jobs
from mcp_bridge import tools
from tests.jobs import samples  # noqa: F401 - registers a kind of job

BOOKS, AUTHORS = registry.get("books"), registry.get("authors")
EVERY_RIGHT = [*Operation, *Right]


def with_key(actor: Actor, *texts: str, key: str = "Kkkkkkkkkkkk", **more: str) -> Actor:
    """The same person's program, with a key of these scopes."""
    return Actor(actor.user, Channel.API, {"key": key, **more}, scope=Scope.of(texts))


def book(actor: Actor, title: str = "Emma") -> int:
    """Add a book, as somebody who may."""
    author = records.insert_record(actor=actor, table=AUTHORS, data={"name": f"who wrote {title}"})
    data = {"author_id": author.records[0]["id"], "title": title}
    return int(records.insert_record(actor=actor, table=BOOKS, data=data).records[0]["id"])


class TestTexts:
    def test_are_written_without_what_others_say_already(self):
        scope = scopes.parse(["update:books", "read", "read:books", "view_audit", "read"])

        assert scope.texts == ["read", "update:books", "view_audit"]
        assert Scope.of(scope.texts).texts == scope.texts

    @pytest.mark.parametrize(
        "texts",
        ["read", None, {}, [], ["read"] * 301, [1], [""], ["reed"], ["read:"], ["read:Books"], ["read:a b"], ["*"],
         ["view_audit:books"], ["read:books:x"], ["READ"], ["read "], ["read:books\n"], ["read:" + "a" * 64]],
    )  # fmt: skip
    def test_that_are_none_are_refused(self, texts):
        with pytest.raises(InvalidInput):
            scopes.parse(texts)

    def test_meet_in_what_both_have(self):
        mine, others = Scope.of(["read", "update:books"]), Scope.of(["read:books", "update", "delete"])

        assert (mine & others).texts == ["read:books", "update:books"] == (others & mine).texts
        assert (mine & Scope.of(["purge"])).texts == []

    def test_are_never_widened(self):
        mine = Scope.of(["read:books"])

        assert scopes.narrowed(None, mine) is mine is scopes.narrowed(mine, None)
        for wider in (["read"], ["read:authors"], ["read:books", "insert:books"], ["view_audit"]):
            with pytest.raises(InvalidInput):
                scopes.narrowed(mine, Scope.of(wider))


class TestPolicy:
    @pytest.mark.parametrize("right", EVERY_RIGHT)
    def test_of_a_superuser_is_the_scope(self, admin, right):
        other = "read" if right != "read" else "insert"

        assert policy.has(with_key(admin, str(right)), right, "books" if right in set(Operation) else "")
        assert not policy.has(with_key(admin, other), right, "books" if right in set(Operation) else "")
        assert not policy.has(with_key(admin), right)

    def test_of_one_table_is_that_table_alone(self, admin):
        actor = with_key(admin, "update:books")

        assert policy.decide(actor, Operation.UPDATE, BOOKS).allowed
        assert policy.decide(actor, Operation.UPDATE, AUTHORS).reason == (
            "the key's scope does not include update on authors"
        )
        with pytest.raises(Forbidden) as refused:
            policy.require(actor, Operation.READ, BOOKS)
        assert refused.value.hint == "Use a key whose scope includes it."

    def test_grants_nothing(self, viewer):
        actor = with_key(viewer, "read:books", "delete:books", "view_audit")

        assert policy.decide(actor, Operation.READ, BOOKS).allowed
        assert not policy.decide(actor, Operation.DELETE, BOOKS).allowed
        assert not policy.holds(actor, Right.VIEW_AUDIT).allowed

    def test_leaves_what_is_read_only_so(self, admin):
        assert not policy.decide(with_key(admin, "update"), Operation.UPDATE, registry.get("genres")).allowed

    def test_tells_the_tables_within_it(self, admin, viewer):
        assert policy.granted_tables(with_key(admin, "read:books"), Operation.READ) == {"books"}
        assert policy.granted_tables(with_key(viewer, "read:books"), Operation.READ) == {"books"}
        assert policy.granted_tables(with_key(viewer, "insert"), Operation.READ) == frozenset()
        assert policy.granted_tables(with_key(admin, "read"), Operation.READ) == set(registry.names())

    def test_keeps_hidden_columns_hidden(self, viewer):
        role = Group.objects.get(name="Viewer")
        ColumnRule.objects.create(role=role, table_id="books", column_name="word_count", access="hidden")

        assert policy.hidden_columns(with_key(viewer, "read"), "books") == {"word_count"}

    @pytest.mark.parametrize(
        ("operation", "right"),
        [
            (Planned.RESTORE_FULL, "restore"),
            (Planned.DELETE_BACKUP, "manage_backups"),
            (Planned.IMPORT_CSV, "import:books"),
        ],
    )
    def test_frees_of_plans_only_within_it(self, nobody, operation, right):
        actor = with_key(nobody, "read")
        actor.know(Grants(is_active=True, freed=frozenset(Planned)))
        within = with_key(nobody, right)
        within.know(actor.grants)

        assert not policy.is_free_of_plans(actor, operation)
        assert policy.is_free_of_plans(within, operation)


class TestServices:
    def test_refuse_what_is_beyond_it(self, admin):
        one = book(admin)
        actor = with_key(admin, "read:books", "insert:authors")

        assert queries.query_records(actor=actor, table=BOOKS).records[0]["id"] == one
        for refused in (
            lambda: queries.query_records(actor=actor, table=AUTHORS),
            lambda: records.update_records(actor=actor, table=BOOKS, where={"id": one}, data={"title": "x"}),
            lambda: records.delete_records(actor=actor, table=BOOKS, where={"id": one}),
            lambda: queries.query_records(actor=actor, table=BOOKS, expand=["author_id"]),
            lambda: queries.query_records(actor=actor, table=registry.get("audit_logs")),
        ):
            with pytest.raises(Forbidden):
                refused()

    def test_list_and_search_what_is_within_it(self, admin):
        book(admin, "Emma")
        actor = with_key(admin, "read:books")

        assert [row["name"] for row in describe.list_tables(actor=actor)["tables"]] == ["books"]
        assert {hit.table.name for hit in finding.find(actor=actor, text="Emma")} == {"books"}

    def test_keep_answers_from_a_key_with_another_scope(self, admin):
        data = {"name": "Jane"}
        terms = Terms(idempotency_key="one")
        wide, narrow = with_key(admin, "read", "insert"), with_key(admin, "read:books")
        first = records.insert_record(actor=wide, table=AUTHORS, data=data, terms=terms)
        again = records.insert_record(actor=replace(wide), table=AUTHORS, data=data, terms=terms)

        assert again.change_id == first.change_id
        for other in (narrow, admin):
            with pytest.raises((Conflict, Forbidden)):
                records.insert_record(actor=other, table=AUTHORS, data=data, terms=terms)

    def test_of_backups_ask_it(self, admin):
        with pytest.raises(Forbidden):
            backup_access.require_all(with_key(admin, "backup:books"), Operation.BACKUP)
        with pytest.raises(Forbidden):
            backup_access.require_management(with_key(admin, "backup"))
        backup_access.require_table(with_key(admin, "backup:books"), Operation.BACKUP, BOOKS)

    def test_show_agents_the_tools_within_it(self, viewer, admin):
        def listed(actor: Actor) -> set[str]:
            return {tool.name for tool in tools.TOOLS.values() if tool.listing_for(actor)}

        assert "db_insert_record" in listed(admin)
        assert "db_insert_record" not in listed(with_key(admin, "read"))
        assert "db_query_records" not in listed(with_key(admin, "insert"))


class TestTrail:
    def test_shows_a_key_what_was_done_with_it_and_the_tables_it_reads(self, admin):
        book(admin)
        actor = with_key(admin, "insert:authors", "read:books")
        records.insert_record(actor=actor, table=AUTHORS, data={"name": "by the key"})

        def seen(by: Actor) -> set[tuple[str, str | None]]:
            logs = trail_queries.search(actor=replace(by), limit=1000)["logs"]
            return {(row["table_name"], row["client_info"].get("key")) for row in logs}

        assert ("authors", None) in seen(admin)
        assert ("authors", None) not in seen(actor)
        assert ("authors", "Kkkkkkkkkkkk") in seen(actor)
        assert ("books", None) in seen(actor)
        assert seen(with_key(admin, "insert", key="Other1234567")) == set()
        # A token of the key, given away with less, is not shown what the key did.
        token = with_key(admin, "insert", token="t")
        assert ("authors", "Kkkkkkkkkkkk") not in seen(token)
        nameless = Actor(admin.user, Channel.API, scope=Scope.of(["insert"]))
        assert seen(nameless) == set()
        assert browsing.own(actor=replace(nameless), besides=(), limit=9) == []

    def test_is_whole_with_view_audit_alone(self, admin):
        book(admin)

        assert trail_queries.search(actor=with_key(admin, "view_audit"))["count"] >= 2


class TestJobs:
    def test_act_within_the_scope_of_the_key_that_started_them(self, admin):
        actor = with_key(admin, "read:books")
        job = jobs.enqueue(actor=actor, kind="sample_echo")
        job.refresh_from_db()

        assert job.scope == ["read:books"]
        assert job.actor().scope == actor.scope
        assert job.actor().credential == actor.credential
        with pytest.raises(Forbidden):
            policy.require(job.actor(), Operation.UPDATE, BOOKS)
        assert jobs.enqueue(actor=admin, kind="sample_echo").actor().scope is None

    def test_are_shown_to_the_key_that_started_them(self, admin):
        theirs = jobs.enqueue(actor=admin, kind="sample_echo")
        actor = with_key(admin, "read:books")
        mine = jobs.enqueue(actor=actor, kind="sample_echo")

        assert set(jobs.list_jobs(actor=replace(actor))) == {mine}
        assert set(jobs.list_jobs(actor=with_key(admin, "manage_backups"))) == {mine, theirs}
        assert jobs.list_jobs(actor=Actor(admin.user, Channel.API, scope=Scope.of(["read"]))) == []
        with pytest.raises(NotFound):
            jobs.cancel(actor=replace(actor), job_id=theirs.pk)

    def test_are_not_begun_for_a_key_that_was_revoked(self, admin):
        made = keys.create(actor=admin, name="n", scopes=["read"])
        actor = with_key(admin, "read", key=made.key.prefix)
        first, second = (jobs.enqueue(actor=replace(actor), kind="sample_echo") for _ in "12")
        running.run(first.pk)
        keys.revoke(actor=admin, prefix=made.key.prefix)
        running.run(second.pk)

        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, second.state) == ("done", "failed")
        assert second.error["code"] == "AUTHENTICATION_REQUIRED"


class TestAccounts:
    def test_are_not_taken_over_with_a_key(self, admin, viewer):
        actor = with_key(admin, "manage_access", "read")
        own = User.objects.get(pk=admin.user.pk)
        plain = User.objects.get(pk=viewer.user.pk)

        for refused in (
            lambda: accounts.set_password(actor=actor, user=own, password="walrus-teapot-91"),
            lambda: accounts.save_account(actor=actor, user=_with(own, email="e@example.org")),
            lambda: accounts.save_account(actor=actor, user=_with(plain, is_superuser=True)),
            lambda: accounts.save_account(
                actor=actor, user=plain, roles_=[Group.objects.get(name="Administrator")]
            ),
            lambda: logins.end_others(actor=actor, current=None),
            lambda: preferences.change(actor=actor, theme="dark"),
        ):
            with pytest.raises(Forbidden):
                refused()
        accounts.set_password(
            actor=actor, user=plain, password="walrus-teapot-91"
        )  # holds no more than the key

    def test_that_hold_more_than_the_key_are_left_alone(self, admin, editor):
        with pytest.raises(Forbidden):
            accounts.set_password(
                actor=with_key(admin, "manage_access"), user=editor.user, password="walrus-teapot-91"
            )

    def test_are_given_nothing_beyond_it(self, admin):
        actor = with_key(admin, "manage_access", "read:books")
        own_roles.save_role(actor=actor, group=Group(name="Reader"), grants={("read", "books")})
        reader = Group.objects.get(name="Reader")

        assert giving.not_held(actor, Grants(sources={("read", "authors"): ["x"]})) == ["read on authors"]
        for refused in (
            lambda: own_roles.save_role(actor=actor, group=reader, grants={("read", "authors")}),
            lambda: own_roles.save_role(actor=actor, group=reader, grants={("view_audit", "")}),
            lambda: freeing.set_freed(actor=actor, group=reader, operations=["RESTORE_FULL"]),
            lambda: own_roles.delete_role(actor=with_key(admin, "read"), group=reader),
        ):
            with pytest.raises(Forbidden):
                refused()
        freeing.set_freed(
            actor=with_key(admin, "manage_access", "restore"), group=reader, operations=["RESTORE_FULL"]
        )

    def test_that_are_bound_by_a_rule_stay_so(self, admin):
        role = Group.objects.get(name="Viewer")
        admin.user.groups.add(role)
        ColumnRule.objects.create(role=role, table_id="books", column_name="word_count", access="hidden")

        with pytest.raises(Forbidden):
            set_column_rule(
                actor=with_key(admin, "manage_access"),
                role=role,
                table=BOOKS,
                column="word_count",
                access=None,
            )

    def test_are_explained_as_far_as_the_key_goes(self, admin):
        told = explaining.explain(
            asker=with_key(admin, "read"), user=admin.user, right=Operation.DELETE, table=BOOKS
        )

        assert not told.decision.allowed
        with pytest.raises(Forbidden):
            explaining.verdicts(
                asker=with_key(admin, "read"), user=User.objects.create_user("other"), tables=[BOOKS]
            )


def _with(user: User, **values: object) -> User:
    changed = User.objects.get(pk=user.pk)
    for name, value in values.items():
        setattr(changed, name, value)
    return changed
