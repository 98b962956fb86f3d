"""Who calls the REST API: sessions with CSRF, API keys and access tokens; and nobody else."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.views.debug import ExceptionReporter
from rest_framework.request import Request

from accesscontrol import keys
from accesscontrol.actor import Actor, Channel
from accesscontrol.api import authentication
from accesscontrol.models import AccessToken, ApiKey
from accesscontrol.web import actor_of
from audit.models import AuditLog
from catalog.models import Author
from config.logs import logging_config
from tests.api.steps import hide

pytestmark = pytest.mark.django_db

Bearer = Callable[..., Client]
MakeKey = Callable[..., str]
ME, KEYS, TOKENS = "/api/v1/me/", "/api/v1/me/keys/", "/api/v1/tokens/"
JSON = "application/json"


@pytest.fixture
def page(client: Client, writer: Actor) -> Client:
    """A program in a browser: with the session of somebody who logged in."""
    client.force_login(writer.user)
    return client


def refused(answer: Any) -> bool:
    """Say whether an answer asks who one is, in the words for everything that can be wrong."""
    body = answer.json()
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer["Content-Type"] == "application/problem+json"
    return (answer.status_code, body["code"], body["message"]) == (
        401, "AUTHENTICATION_REQUIRED", "The key or token is not valid."
    )  # fmt: skip


class TestKeys:
    def test_let_a_program_work_within_their_scope(self, bearer: Bearer, key: MakeKey, writer: Actor) -> None:
        program = bearer(key(writer, "read:authors", "insert:authors"))

        made = program.post("/api/v1/authors/", {"name": "Jane"}, JSON)
        assert made.status_code == 201
        assert program.get(made["Location"]).json()["name"] == "Jane"
        late = program.patch(made["Location"], {"name": "J."}, JSON)
        assert late.status_code == 403
        assert "the key's scope does not include update on authors" in late.json()["message"]
        assert program.get("/api/v1/books/").status_code == 403

    def test_are_named_in_the_trail_by_what_is_no_secret(
        self, bearer: Bearer, key: MakeKey, writer: Actor
    ) -> None:
        text = key(writer)
        bearer(text).get("/api/v1/authors/")
        bearer(text).delete("/api/v1/authors/1/")

        rows = AuditLog.objects.filter(channel="api").order_by("id")
        assert [row.operation for row in rows] == ["QUERY", "DELETE"]
        for row in rows:
            assert (row.user_id, row.client_info["key"]) == ("wendy", text[5:17])
            assert text[18:] not in json.dumps(row.client_info)

    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Bearer ", "Basic d2VuZHk6Y29ycmVjdCBob3JzZQ==", "Token {key}", "{key}", "Bearer {key} x",
         "Bearer {key},", "Bearer dbas_AAAAAAAAAAAA_{secret}", "Bearer {key}x", "Bearer x.y.z", "Bearer \x00",
         "Bearer é", "Bearer " + "A" * 5000],
    )  # fmt: skip
    def test_that_are_wrong_open_nothing(
        self, client: Client, key: MakeKey, writer: Actor, header: str
    ) -> None:
        text = key(writer)
        sent = header.format(key=text, secret=text[18:])

        assert refused(client.get(ME, headers={"Authorization": sent}))
        assert client.get(ME, headers={"Authorization": f"bearer  {text}"}).status_code == 200

    def test_that_are_wrong_are_not_helped_by_a_session(
        self, page: Client, key: MakeKey, writer: Actor
    ) -> None:
        assert page.get(ME).status_code == 200
        assert refused(page.get(ME, headers={"Authorization": "Bearer nothing"}))
        assert AuditLog.objects.latest("id").user_id is None

    def test_take_the_session_away_whatever_becomes_of_them(
        self, rf: Any, writer: Actor, monkeypatch: Any
    ) -> None:
        def away(*_: Any) -> None:
            raise OperationalError("the database is away")

        monkeypatch.setattr("accesscontrol.key_use.authenticate", away)
        request = rf.get(ME, headers={"Authorization": "Bearer dbas_x"})
        request.user = writer.user
        with pytest.raises(OperationalError):
            authentication.Bearer().authenticate(Request(request))
        assert actor_of(request, Channel.API).user is None

    def test_count_before_a_session_of_the_same_person(
        self, page: Client, key: MakeKey, writer: Actor
    ) -> None:
        text = key(writer, "read:authors")
        told = page.get(ME, headers={"Authorization": f"Bearer {text}"}).json()

        assert told["scopes"] == ["read:authors"]
        assert page.get("/api/v1/books/", headers={"Authorization": f"Bearer {text}"}).status_code == 403

    def test_end_at_once(self, bearer: Bearer, key: MakeKey, writer: Actor) -> None:
        text = key(writer)
        assert bearer(text).get(ME).status_code == 200
        keys.revoke(actor=writer, prefix=text[5:17])
        assert refused(bearer(text).get(ME))

    @pytest.mark.parametrize("how", ["expired", "disabled", "elsewhere"])
    def test_that_are_not_good_are_refused_in_the_same_words(
        self, bearer: Bearer, key: MakeKey, writer: Actor, how: str
    ) -> None:
        text = key(writer, networks=["192.0.2.0/24"])
        assert bearer(text, REMOTE_ADDR="192.0.2.1").get(ME).status_code == 200
        if how == "expired":
            ApiKey.objects.update(expires_at=timezone.now())
        if how == "disabled":
            User.objects.update(is_active=False)
        address = "198.51.100.1" if how == "elsewhere" else "192.0.2.1"
        assert refused(bearer(text, REMOTE_ADDR=address).get(ME))

    def test_know_the_address_that_a_proxy_added(
        self, bearer: Bearer, key: MakeKey, writer: Actor, settings: Any
    ) -> None:
        program = bearer(key(writer, networks=["192.0.2.0/24"]), REMOTE_ADDR="127.0.0.1")
        assert refused(program.get(ME, headers={"X-Forwarded-For": "192.0.2.1"}))
        settings.BEHIND_PROXY = True
        assert program.get(ME, headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.1"}).status_code == 200
        assert refused(program.get(ME, headers={"X-Forwarded-For": "192.0.2.1, 6.6.6.6"}))

    def test_are_told_of_once_a_minute_where_they_are_wrong(self, bearer: Bearer, db: None) -> None:
        for number in range(5):
            bearer(f"dbas_{number:012}_{'A' * 43}").get(ME)

        rows = AuditLog.objects.filter(error_code="AUTHENTICATION_REQUIRED")
        assert [(row.user_id, row.channel, row.operation) for row in rows] == [(None, "api", "QUERY")]

    def test_take_no_statement_of_their_own_once_they_are_known(
        self, bearer: Bearer, key: MakeKey, writer: Actor
    ) -> None:
        program = bearer(key(writer))
        program.get("/api/v1/authors/")

        with CaptureQueriesContext(connection) as asked:
            assert program.get("/api/v1/authors/").status_code == 200
        assert not [query for query in asked if "apikey" in query["sql"].lower()]
        assert not [query for query in asked if "django_session" in query["sql"]]

    @pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "elsewhere"])
    def test_that_are_known_are_refused_as_soon_as_they_are_no_good(
        self, bearer: Bearer, key: MakeKey, writer: Actor, how: str
    ) -> None:
        text = key(writer)
        assert bearer(text).get("/api/v1/authors/").status_code == 200
        mine = ApiKey.objects.filter(prefix=text[5:17])
        match how:
            case "revoked":
                keys.revoke(actor=writer, prefix=text[5:17])
            case "expired":
                mine.update(expires_at=timezone.now() - timedelta(seconds=1))
            case "disabled":
                User.objects.filter(pk=writer.user.pk).update(is_active=False)
            case "elsewhere":
                mine.update(networks=["192.0.2.0/24"])
        assert refused(bearer(text).get("/api/v1/authors/"))
        assert refused(bearer(text).post("/api/v1/authors/", {"name": "Jane"}, JSON))

    def test_that_are_known_are_as_narrow_as_they_are_now(
        self, bearer: Bearer, key: MakeKey, writer: Actor
    ) -> None:
        text = key(writer, "read", "insert")
        assert bearer(text).get("/api/v1/authors/").status_code == 200

        keys.change(actor=writer, prefix=text[5:17], scopes=["read:books"])

        assert bearer(text).get("/api/v1/authors/").status_code == 403
        assert bearer(text).post("/api/v1/authors/", {"name": "Jane"}, JSON).status_code == 403
        assert bearer(text).get("/api/v1/books/").status_code == 200

    def test_need_no_csrf(self, key: MakeKey, writer: Actor) -> None:
        program = Client(
            enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key(writer, 'insert')}"}
        )
        assert program.post("/api/v1/authors/", {"name": "Jane"}, JSON).status_code == 201


class TestSessions:
    def test_need_csrf_where_something_is_written(self, writer: Actor) -> None:
        program = Client(enforce_csrf_checks=True)
        program.force_login(writer.user)
        assert program.get(ME).status_code == 200

        answer = program.post("/api/v1/authors/", {"name": "Jane"}, JSON)
        assert answer.status_code == 403
        assert "CSRF" in answer.json()["message"]
        assert not Author.objects.filter(name="Jane").exists()
        program.cookies["csrftoken"] = "a" * 32
        sent = program.post("/api/v1/authors/", {"name": "Jane"}, JSON, headers={"X-CSRFToken": "a" * 32})
        assert sent.status_code == 201

    def test_of_the_disabled_are_over(self, page: Client) -> None:
        User.objects.update(is_active=False)
        assert page.get(ME).status_code == 401

    def test_strangers_are_asked_who_they_are(self, client: Client, db: None) -> None:
        for address in (ME, KEYS, "/api/v1/keys/", "/api/v1/books/"):
            answer = client.get(address)
            assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
        assert client.post(TOKENS, None, JSON).status_code == 401


class TestMe:
    def test_is_told_what_they_may_do_and_nothing_else(
        self, bearer: Bearer, key: MakeKey, writer: Actor
    ) -> None:
        hide("Writer", "word_count", table="books")
        hide("Writer", "status", table="books", access="read_only")
        text = key(writer, "read:books", "insert:authors")
        told = bearer(text).get(ME).json()

        assert told["username"] == "wendy"
        assert told["credential"] == {"type": "key", "key": text[5:17], "token": None}
        assert told["scopes"] == ["insert:authors", "read:books"]
        assert told["rights"] == []
        assert told["tables"].keys() == {"authors", "books"}
        assert told["tables"]["authors"] == {
            "operations": ["insert"],
            "columns": None,
            "read_only_columns": None,
        }
        assert told["tables"]["books"]["operations"] == ["read"]
        assert "word_count" not in told["tables"]["books"]["columns"]
        assert told["tables"]["books"]["read_only_columns"] == ["status"]
        assert text[18:] not in json.dumps(told)

    def test_of_a_superuser_is_everything(self, client: Client, admin: Actor) -> None:
        client.force_login(admin.user)
        told = client.get(ME).json()

        assert (told["is_superuser"], told["scopes"], told["credential"]["type"]) == (True, None, "session")
        assert len(told["tables"]) == 29
        assert told["rights"] == ["view_audit", "manage_backups", "approve", "manage_access"]
        assert client.get(f"{ME}?who=x").status_code == 400


class TestOwnKeys:
    def test_are_made_shown_changed_rotated_and_revoked(self, page: Client, bearer: Bearer) -> None:
        until = (timezone.now() + timedelta(days=30)).isoformat()
        body = {"name": "nightly", "scopes": ["read"], "networks": ["127.0.0.0/8"], "expires_at": until}
        made = page.post(KEYS, body, JSON)
        text, address = made.json()["key"], made["Location"]

        assert made.status_code == 201
        assert made["Cache-Control"] == "no-store"
        assert bearer(text).get(ME).status_code == 200
        (listed,) = page.get(KEYS).json()["keys"]
        assert listed == page.get(address).json()
        assert listed["last_used_from"] == "127.0.0.1"
        assert "key" not in listed
        assert text[18:] not in json.dumps(listed)
        assert page.patch(address, {"scopes": ["read:books"], "name": "n"}, JSON).json()["scopes"] == [
            "read:books"
        ]
        second = page.post(f"{address}rotate/", {"overlap_hours": 0}, JSON).json()["key"]
        assert refused(bearer(text).get(ME))
        assert bearer(second).get(ME).json()["scopes"] == ["read:books"]
        assert page.delete(address).status_code == 204
        assert refused(bearer(second).get(ME))
        assert page.get(address).status_code == page.delete(address).status_code == 404
        assert page.get(KEYS).json() == {"keys": []}

    @pytest.mark.parametrize(
        "body",
        [{}, [], "x", {"name": "n"}, {"scopes": ["read"]}, {"user": "ada"}, {"name": 1}, {"name": "\u0000"},
         {"scopes": "read"}, {"scopes": ["delete"]}, {"scopes": ["read:nothing"]}, {"expires_at": "tomorrow"},
         {"expires_at": 7}, {"expires_at": "2001-01-01T00:00:00Z"}, {"networks": ["x"]}, {"networks": "127.0.0.1"}],
        ids=str,
    )  # fmt: skip
    def test_are_not_made_of_anything(self, page: Client, body: Any) -> None:
        complete = {"name": "n", "scopes": ["read"]}
        if body and isinstance(body, dict) and body not in ({"name": "n"}, {"scopes": ["read"]}):
            body = {**complete, **body}
        answer = page.post(KEYS, json.dumps(body), JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
        assert not ApiKey.objects.exists()

    def test_are_not_made_by_keys_or_tokens(
        self, page: Client, bearer: Bearer, key: MakeKey, writer: Actor
    ) -> None:
        text = key(writer)
        other = key(writer)[5:17]
        of_session = page.post(TOKENS, None, JSON).json()["access_token"]
        of_key = bearer(text).post(TOKENS, None, JSON).json()["access_token"]
        for credential in (text, of_key, of_session):
            program, own = bearer(credential), f"{KEYS}{text[5:17]}/"
            assert program.post(KEYS, {"name": "n", "scopes": ["read"]}, JSON).status_code == 403
            assert program.post(f"{own}rotate/", None, JSON).status_code == 403
            assert program.patch(own, {"name": "x"}, JSON).status_code == 403
        assert [found["prefix"] for found in bearer(text).get(KEYS).json()["keys"]] == [text[5:17]]
        assert bearer(text).get(f"{KEYS}{other}/").status_code == 404
        assert bearer(text).delete(f"{KEYS}{other}/").status_code == 404
        assert bearer(text).delete(f"{KEYS}{text[5:17]}/").status_code == 204
        assert AuditLog.objects.filter(
            operation="KEY_CREATED", success=False, error_code="PERMISSION_DENIED"
        ).exists()

    def test_are_documented_to_those_who_can_make_them(
        self, page: Client, client: Client, bearer: Bearer, key: MakeKey, writer: Actor, admin: Actor
    ) -> None:
        def told(asker: Client) -> set[tuple[str, str]]:
            paths = asker.get("/api/v1/openapi.json").json()["paths"]
            return {(path, method) for path, methods in paths.items() for method in methods}

        made, others = (KEYS, "post"), ("/api/v1/keys/", "get")
        assert made in told(page)
        assert others not in told(page)
        assert {made, others}.isdisjoint(told(bearer(key(writer))))
        assert others in told(bearer(key(admin, "manage_access")))

    def test_of_others_are_nothing_to_them(self, page: Client, key: MakeKey, editor: Actor) -> None:
        prefix = key(editor)[5:17]
        for answer in (
            page.get(f"{KEYS}{prefix}/"),
            page.delete(f"{KEYS}{prefix}/"),
            page.post(f"{KEYS}{prefix}/rotate/", None, JSON),
            page.patch(f"{KEYS}{prefix}/", {"name": "x"}, JSON),
        ):
            assert answer.status_code == 404
        assert (
            page.get("/api/v1/keys/").status_code == page.delete(f"/api/v1/keys/{prefix}/").status_code == 403
        )
        assert ApiKey.objects.count() == 1

    def test_of_all_are_seen_and_ended_by_who_manages_access(
        self, client: Client, bearer: Bearer, key: MakeKey, admin: Actor, writer: Actor
    ) -> None:
        client.force_login(admin.user)
        text = key(writer)
        (listed,) = client.get("/api/v1/keys/").json()["keys"]
        assert (listed["user"], listed["prefix"]) == ("wendy", text[5:17])
        assert client.delete(f"/api/v1/keys/{text[5:17]}/").status_code == 204
        assert refused(bearer(text).get(ME))
        assert bearer(key(admin, "read")).get("/api/v1/keys/").status_code == 403
        assert bearer(key(admin, "manage_access")).get("/api/v1/keys/").status_code == 200


class TestTokens:
    def test_are_given_for_a_session_and_end_with_it(self, page: Client, bearer: Bearer) -> None:
        given = page.post(TOKENS, None, JSON)
        body = given.json()

        assert (given.status_code, given["Cache-Control"], body["token_type"]) == (201, "no-store", "Bearer")
        assert 0 < body["expires_in"] <= 900
        program = bearer(body["access_token"])
        assert program.get(ME).json()["credential"] == {"type": "token", "key": None, "token": body["id"]}
        assert program.post("/api/v1/authors/", {"name": "Jane"}, JSON).status_code == 201
        assert AuditLog.objects.get(operation="INSERT").client_info["token"] == body["id"]
        assert program.post(TOKENS, None, JSON).status_code == 403
        page.logout()
        assert refused(program.get(ME))

    def test_are_given_for_a_key_and_end_with_it(self, bearer: Bearer, key: MakeKey, writer: Actor) -> None:
        text = key(writer, "read")
        given = bearer(text).post(TOKENS, {"scopes": ["read:books"]}, JSON).json()
        program = bearer(given["access_token"])

        told = program.get(ME).json()
        assert (told["scopes"], told["credential"]["key"]) == (["read:books"], text[5:17])
        assert program.get("/api/v1/authors/").status_code == 403
        wider = bearer(text).post(TOKENS, {"scopes": ["insert"]}, JSON)
        assert wider.status_code == 400
        keys.revoke(actor=writer, prefix=text[5:17])
        assert refused(program.get(ME))

    def test_are_ended_one_by_one(self, page: Client, bearer: Bearer, editor: Actor) -> None:
        given, other = page.post(TOKENS, None, JSON), page.post(TOKENS, None, JSON).json()["access_token"]
        stranger = Client()
        stranger.force_login(editor.user)
        assert stranger.delete(given["Location"]).status_code == 404
        assert page.delete(given["Location"]).status_code == 204
        assert refused(bearer(given.json()["access_token"]).get(ME))
        assert bearer(other).get(ME).status_code == 200
        assert page.delete(given["Location"]).status_code == 404
        assert page.delete(f"{TOKENS}nothing/").status_code == 404

    @pytest.mark.parametrize(
        "body", [[], "x", {"scope": "read"}, {"scopes": []}, {"scopes": ["all"]}, {"minutes": 5}]
    )
    def test_are_not_given_for_anything(self, page: Client, body: Any) -> None:
        assert page.post(TOKENS, json.dumps(body), JSON).status_code == 400
        assert not AccessToken.objects.exists()


class TestSecrets:
    def test_are_in_no_log(
        self, bearer: Bearer, key: MakeKey, page: Client, writer: Actor, caplog: Any, monkeypatch: Any
    ) -> None:
        caplog.set_level(logging.DEBUG)
        text, token = key(writer), page.post(TOKENS, None, JSON).json()["access_token"]

        def broken(*_: Any, **__: Any) -> None:
            raise RuntimeError(f"with {text} and {token}")

        monkeypatch.setattr("catalog.api.listing.find", broken)
        for credential in (text, token):
            answer = bearer(credential).get("/api/v1/authors/")
            assert answer.status_code == 500
            assert credential not in answer.content.decode()
        bearer(text + "x").get(ME)
        lines = formatted(caplog)

        assert "request_failed" in lines
        assert text[18:] not in lines
        assert token.rpartition(".")[2] not in lines

    @pytest.mark.parametrize("as_json", [True, False])
    def test_are_cut_out_of_whatever_is_logged(
        self, as_json: bool, key: MakeKey, writer: Actor, caplog: Any, monkeypatch: Any
    ) -> None:
        text, token = key(writer), "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
        made: dict[str, Any] = {}
        monkeypatch.setattr(logging.config, "dictConfig", made.update)
        monkeypatch.setattr("structlog.configure", lambda **_: None)
        logging_config(level="INFO", as_json=as_json)
        formatter = logging.config.DictConfigurator(made).configure_formatter(made["formatters"]["line"])
        log_a_fault(f"with {text}, {token}", headers={"Authorization": text})
        line = formatter.format(caplog.records[-1])

        assert "RuntimeError" in line
        assert text[5:17] in line
        for secret in (text[18:], "c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"):
            assert secret not in line

    def test_are_no_part_of_a_report_of_an_error(self, key: MakeKey, writer: Actor, rf: Any) -> None:
        text = key(writer)
        request = rf.get(ME, headers={"Authorization": f"Bearer {text}"}, HTTP_COOKIE="sessionid=secret")
        fault = RuntimeError("it failed")
        told = ExceptionReporter(request, type(fault), fault, None).get_traceback_text()

        assert "RuntimeError" in told
        assert text[18:] not in told


def log_a_fault(told: str, **more: Any) -> None:
    """Log an exception with its traceback, its message in the line too."""
    try:
        raise RuntimeError(told)  # noqa: TRY301 - it is the fault
    except RuntimeError:
        logging.getLogger("x").exception("It failed: '%s'", told, extra=more)


def formatted(caplog: Any) -> str:
    """The lines of the log as they are written."""
    (handler,) = [found for found in logging.getLogger().handlers if type(found) is logging.StreamHandler]
    return "\n".join(handler.format(record) for record in caplog.records)
