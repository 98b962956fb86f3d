"""The pages of API keys: made, shown once, changed, rotated and revoked; and those of others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from re import findall
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from accesscontrol import keys
from accesscontrol.actor import Actor, Channel
from accesscontrol.models import ApiKey
from audit.models import AuditLog

Person = Callable[..., User]
Browser = Callable[[User], Client]
LIST, ALL, ADD = "/admin/keys/", "/admin/keys/all/", "/admin/keys/add/"


def key_of(user: User, *scopes: str) -> keys.Made:
    return keys.create(actor=Actor(user, Channel.ADMIN), name="nightly", scopes=list(scopes or ("read",)))


def shown(page: Any) -> list[str]:
    """Return the texts of keys on a page."""
    return findall(r"dbas_[A-Za-z0-9]{12}_[\w-]{43}", page.content.decode())


def filled(**changed: Any) -> dict[str, Any]:
    until = (timezone.now() + timedelta(days=30)).date()
    return {
        "name": "nightly",
        "until": str(until),
        "networks": "",
        "scopes": ["read", "insert:books"],
        **changed,
    }


class TestMaking:
    def test_shows_the_key_this_once(self, person: Person, browser: Browser, news: Any) -> None:
        client = browser(person("Writer"))
        page = client.post(ADD, filled(networks="127.0.0.1\n192.0.2.0/24"))

        (text,) = shown(page)
        assert "no-store" in page["Cache-Control"]
        key = ApiKey.objects.get()
        assert key.scopes == ["insert:books", "read"]
        assert key.networks == ["127.0.0.1/32", "192.0.2.0/24"]
        assert f"{key.expires_at:%H:%M}" == "23:59"
        assert [row.operation for row in news() if row.record_id] == ["KEY_CREATED"]
        for address in (LIST, f"{LIST}{key.prefix}/", f"{LIST}{key.prefix}/revoke/"):
            assert not shown(client.get(address))
            assert text[18:] not in client.get(address).content.decode()
        program = Client(headers={"Authorization": f"Bearer {text}"})
        assert program.get("/api/v1/me/").json()["scopes"] == ["insert:books", "read"]

    @pytest.mark.parametrize(
        "changed",
        [{"name": ""}, {"until": "x"}, {"until": "2001-01-01"}, {"until": "9999-12-31"}, {"networks": "home"},
         {"scopes": []}, {"scopes": ["purge"]}, {"scopes": ["read:nothing"]}, {"scopes": ["x" * 5000]}],
        ids=str,
    )  # fmt: skip
    def test_shows_the_form_again_as_it_was_filled_in(
        self, person: Person, browser: Browser, news: Any, changed: dict[str, Any]
    ) -> None:
        page = browser(person("Writer")).post(ADD, filled(**{"name": "<b>mine</b>", **changed}))

        assert page.status_code == 400
        assert 'role="alert"' in page.content.decode()
        assert "<b>mine</b>" not in page.content.decode()
        assert not ApiKey.objects.exists()
        assert [row.operation for row in news(success=False)] == ["KEY_CREATED"]

    def test_offers_what_the_person_may_do(self, person: Person, browser: Browser) -> None:
        def offered(user: User) -> set[str]:
            page = browser(user).get(ADD).content.decode()
            return set(findall(r'name="scopes" value="([^"]*)"', page))

        assert offered(person()) == set()
        assert offered(person(read=["books"])) == {"read", "read:books"}
        everything = offered(person(is_superuser=True))
        assert {"manage_access", "purge:books", "read:audit_logs"} <= everything
        assert "update:genres" not in everything


class TestChanging:
    def test_narrows_scopes_and_renames(self, person: Person, browser: Browser) -> None:
        user = person("Writer")
        made, client = key_of(user, "read", "insert"), browser(user)
        at = f"{LIST}{made.key.prefix}/"
        page = client.get(at).content.decode()

        assert 'value="update"' not in page
        assert client.post(at, {"name": "weekly", "scopes": ["read:books"]}).status_code == 302
        assert ApiKey.objects.values_list("name", "scopes").get() == ("weekly", ["read:books"])
        wider = client.post(at, {"name": "weekly", "scopes": ["read"]})
        assert wider.status_code == 400
        assert ApiKey.objects.get().scopes == ["read:books"]

    def test_rotates_and_shows_the_new_secret_once(self, person: Person, browser: Browser) -> None:
        user = person("Writer")
        made, client = key_of(user), browser(user)
        at = f"{LIST}{made.key.prefix}/"

        (text,) = shown(client.post(f"{at}rotate/", {"overlap_hours": "2"}))
        assert text != made.text
        assert "two secrets" in client.get(LIST).content.decode()
        for wrong in ("", "x", "-1", "9999", "1e1"):
            answer = client.post(f"{at}rotate/", {"overlap_hours": wrong})
            assert answer.status_code == 400
            assert not shown(answer)
        assert client.get(f"{at}rotate/").status_code == 405

    def test_revokes_after_asking(self, person: Person, browser: Browser) -> None:
        user = person("Writer")
        made, client = key_of(user), browser(user)
        at = f"{LIST}{made.key.prefix}/revoke/"

        assert "at once" in client.get(at).content.decode()
        assert ApiKey.objects.exists()
        assert client.post(at).status_code == 302
        assert not ApiKey.objects.exists()
        assert client.post(at).status_code == 404


class TestOthers:
    def test_have_nothing_to_do_with_ones_keys(self, person: Person, browser: Browser, news: Any) -> None:
        made, client = key_of(person("Writer")), browser(person("Editor"))
        at = f"{LIST}{made.key.prefix}/"

        assert made.key.prefix not in client.get(LIST).content.decode()
        for answer in (client.get(at), client.post(at, filled()), client.get(f"{at}revoke/"),
                       client.post(f"{at}revoke/"), client.post(f"{at}rotate/", {"overlap_hours": "1"})):  # fmt: skip
            assert answer.status_code == 404
        assert client.get(ALL).status_code == 403
        assert ApiKey.objects.get().digest == made.key.digest
        assert "/admin/keys/all/" not in client.get("/admin/").content.decode()

    def test_who_manage_access_see_and_revoke_them(self, person: Person, browser: Browser) -> None:
        made, client = key_of(person("Writer", name="wendy")), browser(person("Administrator"))
        at = f"{LIST}{made.key.prefix}/"
        page = client.get(ALL).content.decode()

        assert "wendy" in page
        assert made.key.prefix in page
        assert client.get(at).status_code == 404
        assert client.post(f"{at}rotate/", {"overlap_hours": "1"}).status_code == 404
        assert client.post(f"{at}revoke/")["Location"] == ALL
        assert not ApiKey.objects.exists()
        assert AuditLog.objects.latest("id").operation == "KEY_REVOKED"
