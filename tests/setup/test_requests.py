"""What every answer and every log line has."""

from __future__ import annotations

import io
import json
import logging
from uuid import UUID

import psycopg
import pytest
import structlog
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLResolver

from config import page_requests, urls
from config.dispatching import ByFirstName
from config.logs import HIDDEN, hide_secrets

NUMBER = "6d1c2f6e-6e0c-4d3c-9b55-0f6f0c1a2b3c"


@pytest.fixture
def lines() -> list[dict]:
    """The JSON lines logged so far; looks at what the real handler writes."""
    handler = logging.getLogger().handlers[0]
    stream, handler.stream = handler.stream, io.StringIO()

    class Lines(list):
        def __iter__(self):
            return iter([json.loads(line) for line in handler.stream.getvalue().splitlines()])

    yield Lines()
    handler.stream = stream


class TestRequestNumber:
    def test_a_callers_own_is_kept_answered_and_logged(self, client: Client, lines):
        response = client.get("/health", headers={"X-Request-ID": NUMBER})

        assert response["X-Request-ID"] == NUMBER
        assert [line["request_id"] for line in lines] == [NUMBER]

    @pytest.mark.parametrize("sent", ["", "1; DROP", "x" * 36, NUMBER + "\x0b", "{" + NUMBER[1:-1] + "}"])
    def test_anything_else_is_replaced(self, client: Client, lines, sent):
        response = client.get("/health", headers={"X-Request-ID": sent})

        assert str(UUID(response["X-Request-ID"])) == response["X-Request-ID"] != sent
        assert [line["request_id"] for line in lines] == [response["X-Request-ID"]]


class TestRequestLine:
    def test_tells_the_outcome_but_not_what_was_looked_for(self, client: Client, lines):
        client.get("/health?q=a+secret+wish", headers={"X-Forwarded-For": "203.0.113.9"})

        (line,) = lines
        assert (line["request"], line["code"], line["ip"]) == ("GET /health", 200, "127.0.0.1")


class TestHeaders:
    def test_every_page_is_strict(self, client: Client):
        response = client.get("/admin/login/")

        policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert response["X-Frame-Options"] == "DENY"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"
        assert response.cookies["csrftoken"]["httponly"]
        assert response.cookies["csrftoken"]["samesite"] == "Lax"


class TestMiddlewareOfPages:
    def test_is_passed_in_one_step_by_programs(self):
        def view(request: HttpRequest) -> HttpResponse:
            return HttpResponse("there")

        chain = view
        for middleware in (page_requests.Messages, page_requests.Forms, page_requests.Sessions):
            chain = convert_exception_to_response(middleware(chain))

        assert chain.beyond_pages is view
        answer = chain(RequestFactory().get("/api/v1/me/", headers={"Authorization": "Bearer x"}))
        assert answer.content == b"there"


class TestAddressesOfTheApi:
    def test_lead_where_django_would_find_them(self):
        (api,) = [found for found in urls.urlpatterns if isinstance(found, ByFirstName)]
        paths = {f"api/v1/{found.pattern}".replace("<str:key>", "7") for found in api.url_patterns}
        paths = {path for path in paths if "<" not in path}
        assert {"api/v1/scenes/", "api/v1/scenes/export/", "api/v1/scenes/7/", "api/v1/"} <= paths

        for path in [*paths, "api/v1/scenes", "api/v1/nowhere/", "api/v1/me/nothing/"]:
            found, wanted = api.resolve(path), URLResolver.resolve(api, path)
            assert (found.func, found.kwargs, found.view_name, found.route) == (
                wanted.func,
                wanted.kwargs,
                wanted.view_name,
                wanted.route,
            )


class TestHealth:
    def test_tells_that_it_works(self, client: Client):
        assert (client.get("/health").status_code, client.get("/health").json()) == (200, {"status": "ok"})

    def test_tells_strangers_no_reason_when_the_database_is_away(self, client: Client, settings):
        settings.DATABASE_URL = "postgresql://app:hush@127.0.0.1:1/library"

        response = client.get("/health")

        assert (response.status_code, response.json()) == (503, {"status": "unavailable"})


class TestLogs:
    def test_a_line_is_one_json_object_also_with_an_exception(self, lines):
        try:
            int("bad\nvalue")
        except ValueError:
            logging.getLogger("some.library").exception("It failed: %s", "so")

        (line,) = lines
        assert (line["event"], line["level"], line["logger"]) == ("It failed: so", "error", "some.library")
        assert "ValueError: invalid literal" in line["exception"]

    def test_secrets_are_hidden_wherever_they_stand(self, lines):
        structlog.get_logger("ours").info(
            "Connecting to postgresql://app:hush@db/library",
            password="hush",
            headers={"Authorization": "Bearer hush", "Accept": "text/html"},
            tried=["host=db password=hush", {"api_key": "hush"}],
            said=["Bearer hush", "it sent BEARER hush", b"with password=hush"],
        )
        try:
            psycopg.conninfo.conninfo_to_dict("postgresql://app:hush@db/library?nonsense=1")
        except psycopg.ProgrammingError:
            logging.getLogger("psycopg").exception("no: password='hush hush'")

        text = json.dumps(list(lines))
        assert "hush" not in text
        assert text.count(HIDDEN) >= 8
        assert "text/html" in text
        assert "library" in text

    def test_deep_nesting_does_no_harm(self):
        value: object = "deep"
        for _ in range(100):
            value = [value]

        assert "nested" in hide_secrets(None, "info", {"nested": value})
