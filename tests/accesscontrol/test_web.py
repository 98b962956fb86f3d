"""A web request has one actor, who is whoever is logged in at the moment."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory

from accesscontrol.actor import Actor, Channel
from accesscontrol.credentials import Credential
from accesscontrol.scopes import Scope
from accesscontrol.web import actor_of, visitor

NUMBER = "0b5a7c1e-4a7e-4c0e-9f83-2f9f5b1c9f10"


class TestActorOf:
    def test_is_the_same_for_the_length_of_a_request(self) -> None:
        request = RequestFactory().get(
            "/", REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="curl", HTTP_X_REQUEST_ID=NUMBER
        )
        request.user = User(pk=1, username="ada")

        actor = actor_of(request)

        assert actor_of(request) is actor
        assert (actor.username, actor.channel, actor.request_id) == ("ada", Channel.ADMIN, UUID(NUMBER))
        assert actor.client_info == {"ip": "192.0.2.7", "user_agent": "curl"}

    def test_is_another_once_somebody_else_is_logged_in(self) -> None:
        request = RequestFactory().get("/")
        request.user = AnonymousUser()
        stranger = actor_of(request)
        request.user = User(pk=1, username="ada")
        ada = actor_of(request)
        request.user = User(pk=2, username="bob")
        bob = actor_of(request)

        assert [actor.username for actor in (stranger, ada, bob)] == [None, "ada", "bob"]

    @pytest.mark.parametrize(
        ("behind_proxy", "forwarded", "ip"),
        [
            (False, "198.51.100.1", "192.0.2.7"),
            (True, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
            (True, "", "192.0.2.7"),
        ],
    )
    def test_has_the_address_that_a_proxy_of_ours_has_seen(
        self, settings: Any, behind_proxy: bool, forwarded: str, ip: str
    ) -> None:
        settings.BEHIND_PROXY = behind_proxy
        request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=forwarded)

        assert visitor(request, None).client_info["ip"] == ip

    def test_is_nobody_where_no_middleware_has_looked(self) -> None:
        assert actor_of(RequestFactory().get("/")).user is None


class TestVisitor:
    def test_gets_a_number_where_the_request_has_none_that_is_good(self) -> None:
        for number in ("", "1; DROP", "\r\nX: y"):
            actor = visitor(RequestFactory().get("/", HTTP_X_REQUEST_ID=number), None)

            assert isinstance(actor.request_id, UUID)

    def test_sends_no_more_than_the_start_of_a_browsers_name(self) -> None:
        actor = visitor(RequestFactory().get("/", HTTP_USER_AGENT="x" * 100_000), None)

        assert actor.client_info["user_agent"] == "x" * 300


def test_two_actors_never_share_a_request_number() -> None:
    assert Actor(None, Channel.API).request_id != Actor(None, Channel.API).request_id


def test_a_key_counts_from_when_it_is_found(rf, writer):
    request = rf.get("/")
    request.user = writer.user
    assert actor_of(request).scope is None
    request.credential = Credential(writer.user, Scope.of(["read"]), {"key": "Kkkkkkkkkkkk"})

    actor = actor_of(request)
    assert actor.scope == Scope.of(["read"])
    assert actor.client_info["key"] == "Kkkkkkkkkkkk"
    assert actor_of(request) is actor
