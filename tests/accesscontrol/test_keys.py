"""API keys: what they open, from where and for how long, and who may make and end them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accesscontrol import key_use, keys, service_users
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden, InvalidInput, LimitExceeded, NotFound
from accesscontrol.keys import Made
from accesscontrol.models import ApiKey
from accesscontrol.scopes import Scope
from audit.models import AuditLog

HOME = "192.0.2.7"
Trail = Callable[..., list[AuditLog]]


def made(actor: Actor, *scopes: str, **how: Any) -> Made:
    return keys.create(actor=actor, name="nightly", scopes=list(scopes or ("read",)), **how)


def opens(text: str, address: str | None = HOME) -> bool:
    try:
        key_use.authenticate(text, address)
    except AuthenticationRequired as refusal:
        return refusal.message != "The key or token is not valid."  # whatever is wrong
    return True


def program(actor: Actor, key: Made) -> Actor:
    credential = key_use.authenticate(key.text, HOME)
    assert credential.user == actor.user
    return Actor(credential.user, Channel.API, dict(credential.about), scope=credential.scope)


class TestUse:
    def test_opens_as_its_user_within_its_scopes(self, writer):
        credential = key_use.authenticate(made(writer, "update:books", "read").text, HOME)

        assert credential.user == writer.user
        assert credential.scope == Scope.of(["read", "update:books"])
        assert credential.about == {"key": ApiKey.objects.get().prefix}

    def test_takes_one_select(self, writer):
        text = made(writer).text
        other = text.replace(text[5:17], "A" * 12)
        key_use.authenticate(text, HOME)

        for known in (text, other):
            with CaptureQueriesContext(connection) as asked:
                opens(known)
            assert [query["sql"].split()[0] for query in asked] == ["SELECT"]

    def test_opens_nothing_where_a_letter_is_wrong(self, writer):
        text = made(writer).text
        other = "B" if text[-1] != "B" else "C"

        for wrong in (text[:-1] + other, text[:-1], text + "A", text.upper(), f" {text}", text.replace("dbas", "dbaz"),
                      "", text[:17], "dbas__", text.replace(text[5:17], "A" * 12), text + "\n", "\0" * 60):  # fmt: skip
            assert not opens(wrong), wrong
        assert opens(text)

    def test_opens_nothing_with_what_the_database_keeps(self, writer):
        key = made(writer)
        row = ApiKey.objects.get()
        kept = json.dumps(
            [*ApiKey.objects.values_list("prefix", "digest", "old_digest", "name")], default=str
        )

        assert key.text[18:] not in kept
        assert not opens(f"dbas_{row.prefix}_{row.digest[:43]}")

    def test_ends_when_it_expires(self, writer):
        text = made(writer, expires_at=timezone.now() + timedelta(hours=1)).text
        assert opens(text)
        ApiKey.objects.update(expires_at=timezone.now())
        assert not opens(text)

    def test_ends_with_its_user(self, writer):
        text = made(writer).text
        User.objects.filter(pk=writer.user.pk).update(is_active=False)
        assert not opens(text)
        User.objects.filter(pk=writer.user.pk).update(is_active=True)
        assert opens(text)
        writer.user.delete()
        assert not opens(text)

    @pytest.mark.parametrize(
        ("networks", "good", "bad"),
        [
            (
                ["192.0.2.0/24"],
                ["192.0.2.7", "::ffff:192.0.2.7"],
                ["192.0.3.1", "2001:db8::1", None, "", "x"],
            ),
            (
                ["2001:db8::/32", "198.51.100.7"],
                ["2001:db8::1", "198.51.100.7"],
                ["2001:db9::1", "198.51.100.8"],
            ),
            ([], ["192.0.2.7", "2001:db8::1", None], []),
        ],
    )
    def test_is_good_for_its_networks(self, writer, networks, good, bad):
        text = made(writer, networks=networks).text

        assert [address for address in good if not opens(text, address)] == []
        assert [address for address in bad if opens(text, address)] == []

    def test_is_noted_once_a_minute(self, writer):
        text = made(writer).text
        opens(text, HOME)
        first = ApiKey.objects.get()
        opens(text, "192.0.2.8")
        assert (first.last_used_at, first.last_used_from) == (ApiKey.objects.get().last_used_at, HOME)

        ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
        opens(text, "192.0.2.8")
        assert ApiKey.objects.get().last_used_from == "192.0.2.8"
        assert not opens(text[:-1] + "-" if text[-1] != "-" else text[:-1] + "_", "192.0.2.9")
        assert ApiKey.objects.get().last_used_from == "192.0.2.8"

    def test_outlives_a_new_secret_key_with_the_old_one_as_a_fallback(self, writer, settings):
        text, old = made(writer).text, settings.SECRET_KEY
        settings.SECRET_KEY = "another-secret-key-of-more-than-fifty-characters-it-is"  # noqa: S105 - a test's
        assert not opens(text)
        settings.SECRET_KEY_FALLBACKS = [old]
        assert opens(text)
        settings.SECRET_KEY_FALLBACKS = []
        assert opens(text)  # it was kept anew when it was used

    def test_of_the_account_of_a_program_opens_nothing(self, writer):
        text = made(writer).text
        ApiKey.objects.update(user=service_users.get("nightly", role="Viewer"))
        assert not opens(text)

    def test_gives_nothing_that_its_user_lost(self, writer):
        from accesscontrol import policy  # noqa: PLC0415
        from catalog import registry  # noqa: PLC0415

        key = made(writer, "read", "insert")
        books = registry.get("books")
        assert policy.decide(program(writer, key), policy.Operation.INSERT, books).allowed
        writer.user.groups.clear()
        assert not policy.decide(program(writer, key), policy.Operation.INSERT, books).allowed


class TestRotation:
    def test_lets_both_secrets_in_for_a_while(self, writer):
        first = made(writer)
        second = keys.rotate(actor=writer, prefix=first.key.prefix, overlap_hours=2)

        assert second.text[:18] == first.text[:18]
        assert second.text != first.text
        assert opens(first.text)
        assert opens(second.text)
        ApiKey.objects.update(old_expires_at=timezone.now())
        assert not opens(first.text)
        assert opens(second.text)

    def test_keeps_two_secrets_at_most(self, writer):
        first = made(writer)
        keys.rotate(actor=writer, prefix=first.key.prefix)
        keys.rotate(actor=writer, prefix=first.key.prefix)
        assert not opens(first.text)

    def test_without_overlap_ends_the_old_one_at_once(self, writer):
        first = made(writer)
        keys.rotate(actor=writer, prefix=first.key.prefix, overlap_hours=0)
        assert not opens(first.text)

    def test_renews_the_digest_of_the_old_secret_too(self, writer, settings):
        first, old = made(writer), settings.SECRET_KEY
        keys.rotate(actor=writer, prefix=first.key.prefix)
        settings.SECRET_KEY = "another-secret-key-of-more-than-fifty-characters-it-is"  # noqa: S105 - a test's
        settings.SECRET_KEY_FALLBACKS = [old]
        assert opens(first.text)
        settings.SECRET_KEY_FALLBACKS = []
        assert opens(first.text)

    @pytest.mark.parametrize("hours", [-1, 169, 1.5, "2", True, None])
    def test_refuses_a_strange_overlap(self, writer, hours):
        with pytest.raises(InvalidInput):
            keys.rotate(actor=writer, prefix=made(writer).key.prefix, overlap_hours=hours)


class TestMaking:
    def test_is_told_to_the_trail_without_the_secret(self, writer, trail: Trail):
        key = made(writer, "read", networks=["192.0.2.0/24"])
        keys.rotate(actor=writer, prefix=key.key.prefix)
        keys.change(actor=writer, prefix=key.key.prefix, name="weekly", scopes=["read:books"])
        keys.change(actor=writer, prefix=key.key.prefix, name="weekly")
        keys.change(actor=writer, prefix=key.key.prefix, name="daily")
        keys.revoke(actor=writer, prefix=key.key.prefix)

        rows = [row for row in trail() if row.record_id == f"key {key.key.prefix}"]
        assert [row.operation for row in rows] == [
            "KEY_CREATED", "KEY_CREATED", "REVOKE", "USER_CHANGED", "KEY_REVOKED",
        ]  # fmt: skip
        assert rows[0].changes["scopes"] == {"old": None, "new": ["read"]}
        assert rows[2].changes == {
            "name": {"old": "nightly", "new": "weekly"},
            "scopes": {"old": ["read"], "new": ["read:books"]},
        }
        told = json.dumps([[row.changes, row.client_info] for row in rows])
        assert key.text[18:] not in told
        assert key.key.digest not in told

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""}, {"name": "  "}, {"name": "x" * 81}, {"name": "a\0b"}, {"name": 7},
            {"scopes": []}, {"scopes": ["everything"]}, {"scopes": "read"},
            {"scopes": ["delete"]}, {"scopes": ["read:genres", "update:genres"]}, {"scopes": ["view_audit"]},
            {"scopes": ["read:no_such_table"]},
            {"networks": "192.0.2.0/24"}, {"networks": ["home"]}, {"networks": [7]}, {"networks": ["192.0.2.1"] * 21},
            {"expires_at": timedelta(0)}, {"expires_at": timedelta(days=400)},
        ],
        ids=str,
    )  # fmt: skip
    def test_refuses_what_can_not_be(self, writer, wrong):
        if "expires_at" in wrong:
            wrong = {"expires_at": timezone.now() + wrong["expires_at"]}
        with pytest.raises(InvalidInput):
            keys.create(actor=writer, **{"name": "n", "scopes": ["read"], **wrong})
        assert not ApiKey.objects.exists()

    def test_is_for_people_who_came_without_a_key(self, writer):
        key = made(writer)
        for actor in (
            program(writer, key),
            Actor(writer.user, Channel.API, {"token": "t"}),
            Actor(writer.user, Channel.API, scope=Scope.of(["read"])),
        ):
            with pytest.raises(Forbidden):
                made(actor)
            with pytest.raises(Forbidden):
                keys.rotate(actor=actor, prefix=key.key.prefix)
            with pytest.raises(Forbidden):
                keys.change(actor=actor, prefix=key.key.prefix, name="x")
        with pytest.raises(AuthenticationRequired):
            made(Actor(None, Channel.API))

    def test_is_not_for_programs_of_ours(self, db):
        user = service_users.get("nightly", role="Viewer")
        with pytest.raises(Forbidden):
            made(Actor(user, Channel.ADMIN))
        with pytest.raises(Forbidden):
            keys.create_for(user=user, name="n", scopes=["read"])

    def test_ends_at_fifty(self, writer, monkeypatch):
        monkeypatch.setattr(keys, "MAX_KEYS", 2)
        made(writer)
        made(writer)
        with pytest.raises(LimitExceeded):
            made(writer)

    def test_at_the_machine_is_told_with_who_ran_the_command(self, writer, trail: Trail):
        assert opens(keys.create_for(user=writer.user, name="n", scopes=["read"]).text)
        (row,) = [row for row in trail() if row.operation == "KEY_CREATED"]
        assert row.user_id is None
        assert row.client_info["system_user"]
        assert row.changes["user"]["new"] == "wendy"

    def test_narrows_and_never_widens(self, writer):
        prefix = made(writer, "read").key.prefix
        assert keys.change(actor=writer, prefix=prefix, scopes=["read:books"]).scopes == ["read:books"]
        for wider in (["read"], ["read:books", "read:authors"], ["insert:books"]):
            with pytest.raises(InvalidInput):
                keys.change(actor=writer, prefix=prefix, scopes=wider)


class TestOthers:
    def test_see_and_end_their_own(self, writer, viewer):
        key = made(writer)
        for call in (keys.get, keys.revoke, keys.rotate, keys.change):
            with pytest.raises(NotFound):
                call(actor=viewer, prefix=key.key.prefix)
        assert list(keys.seen_by(viewer)) == []
        assert list(keys.own(writer)) == [key.key]

    def test_who_manage_access_see_and_end_all_and_change_none(self, writer, personnel):
        key = made(writer)
        assert list(keys.seen_by(personnel)) == [key.key]
        for call in (keys.rotate, keys.change):
            with pytest.raises(NotFound):
                call(actor=personnel, prefix=key.key.prefix)
        keys.revoke(actor=personnel, prefix=key.key.prefix)
        assert not opens(key.text)

    def test_a_key_sees_and_ends_itself_alone(self, admin):
        mine, other = made(admin, "read"), made(admin, "read")
        actor = program(admin, mine)

        assert list(keys.own(actor)) == list(keys.seen_by(replace(actor))) == [mine.key]
        with pytest.raises(NotFound):
            keys.revoke(actor=actor, prefix=other.key.prefix)
        keys.revoke(actor=actor, prefix=mine.key.prefix)
        assert not opens(mine.text)
        assert opens(other.text)

    def test_a_prefix_that_is_none_is_not_found(self, writer):
        for prefix in ("", "x", "A" * 12, "A" * 11 + "\0", "é" * 12, "%" * 12):
            with pytest.raises(NotFound):
                keys.revoke(actor=writer, prefix=prefix)
