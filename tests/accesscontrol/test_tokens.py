"""Access tokens: whose they are, how far they go, when they end, and that nobody forges one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings as django_settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accesscontrol import jwt_keys, key_use, keys, policy, tokens
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden, InvalidInput, NotFound
from accesscontrol.models import AccessToken, ApiKey, Session
from accesscontrol.tokens import Issued
from audit.models import AuditLog
from catalog import registry
from config import env, loading

HOME = "192.0.2.7"
Trail = Callable[..., list[AuditLog]]


def session_of(user: User) -> str:
    store = import_module(django_settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY], store[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def for_session(actor: Actor, **how: Any) -> Issued:
    assert actor.user
    return tokens.issue(actor=actor, session_key=session_of(actor.user), **how)


def program(actor: Actor, *scopes: str, **how: Any) -> Actor:
    """Somebody's program, come with a key."""
    made = keys.create(actor=actor, name="n", scopes=list(scopes), **how)
    found = key_use.authenticate(made.text, HOME)
    return Actor(found.user, Channel.API, dict(found.about), scope=found.scope)


def opens(text: str, address: str | None = HOME) -> bool:
    try:
        tokens.authenticate(text, address)
    except AuthenticationRequired as refusal:
        return refusal.message != "The key or token is not valid."
    return True


def claims_of(text: str) -> dict[str, Any]:
    return dict(jwt.decode(text, options={"verify_signature": False}))


def signed(claims: dict[str, Any], *, key: Any = None, algorithm: str = "HS256", **header: Any) -> str:
    own = jwt_keys.newest()
    headers = {"typ": "at+jwt", "kid": own.id, **header}
    return jwt.encode(claims, own.signs if key is None else key, algorithm, headers=headers)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class TestIssued:
    def test_for_a_session_go_as_far_as_their_user(self, writer):
        found = tokens.authenticate(for_session(writer).text, HOME)

        assert (found.user, found.scope) == (writer.user, None)
        assert found.about == {"token": str(AccessToken.objects.get().pk)}

    def test_for_a_key_go_as_far_as_the_key_goes_now(self, writer):
        actor = program(writer, "read", "insert:books")
        text = tokens.issue(actor=actor).text

        found = tokens.authenticate(text, HOME)
        assert found.scope.texts == ["insert:books", "read"]
        assert [*found.about] == ["key", "token"]
        keys.change(actor=writer, prefix=actor.credential["key"], scopes=["read:books"])
        assert tokens.authenticate(text, HOME).scope.texts == ["read:books"]

    def test_may_go_less_far(self, writer):
        narrow = tokens.issue(actor=program(writer, "read"), scopes_=["read:books"])
        assert tokens.authenticate(narrow.text, HOME).scope.texts == ["read:books"]
        of_session = for_session(writer, scopes_=["read:books"])
        assert tokens.authenticate(of_session.text, HOME).scope.texts == ["read:books"]
        for wider in (["read"], ["insert:books"]):
            with pytest.raises(InvalidInput):
                tokens.issue(actor=program(writer, "read:books"), scopes_=wider)

    def test_say_what_rfc_9068_asks_for(self, writer):
        issued = for_session(writer)
        claims = claims_of(issued.text)

        assert jwt.get_unverified_header(issued.text) == {
            "typ": "at+jwt", "alg": "HS256", "kid": jwt_keys.newest().id,
        }  # fmt: skip
        assert claims.keys() == {"iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti"}
        assert (claims["sub"], UUID(claims["jti"])) == (str(writer.user.pk), issued.id)
        assert claims["exp"] - claims["iat"] == 15 * 60

    def test_are_not_given_for_tokens_or_for_nothing(self, writer):
        found = tokens.authenticate(for_session(writer).text, HOME)
        actor = Actor(found.user, Channel.API, dict(found.about), scope=found.scope)
        of_key = tokens.authenticate(tokens.issue(actor=program(writer, "read")).text, HOME)
        for refused in (
            actor,
            Actor(of_key.user, Channel.API, dict(of_key.about), scope=of_key.scope),
            writer,
        ):
            with pytest.raises(Forbidden):
                tokens.issue(actor=refused, session_key=None)
        with pytest.raises(Forbidden):
            tokens.issue(actor=actor, session_key=session_of(writer.user))

    def test_end_with_their_key_at_the_latest(self, writer):
        soon = timezone.now().replace(microsecond=0) + timedelta(minutes=2)
        assert tokens.issue(actor=program(writer, "read", expires_at=soon)).expires_at == soon

    def test_are_told_to_the_trail_without_themselves(self, writer, trail: Trail):
        issued = for_session(writer)
        tokens.revoke(actor=writer, token_id=issued.id)

        told = [row for row in trail() if row.record_id == f"token {issued.id}"]
        assert [row.operation for row in told] == ["KEY_CREATED", "KEY_REVOKED"]
        assert issued.text.rpartition(".")[2] not in json.dumps([row.changes for row in told])

    def test_are_forgotten_when_they_have_expired(self, writer):
        for_session(writer)
        AccessToken.objects.update(expires_at=timezone.now() - timedelta(hours=1))
        for_session(writer)
        assert AccessToken.objects.count() == 1

    def test_are_read_with_one_select(self, writer):
        text = for_session(writer).text
        with CaptureQueriesContext(connection) as asked:
            tokens.authenticate(text, HOME)
        assert len(asked) == 1


class TestEnd:
    def test_when_revoked(self, writer):
        issued, other = for_session(writer), for_session(writer)
        tokens.revoke(actor=writer, token_id=issued.id)
        assert not opens(issued.text)
        assert opens(other.text)
        with pytest.raises(NotFound):
            tokens.revoke(actor=writer, token_id=issued.id)

    def test_by_whom_they_are_nothing_to(self, writer, viewer, personnel):
        issued = for_session(writer)
        actor = program(writer, "read")
        for somebody in (viewer, actor):
            with pytest.raises(NotFound):
                tokens.revoke(actor=somebody, token_id=issued.id)
        tokens.revoke(actor=personnel, token_id=issued.id)
        mine = tokens.issue(actor=actor)
        found = tokens.authenticate(mine.text, HOME)
        itself = Actor(found.user, Channel.API, dict(found.about), scope=found.scope)
        other = tokens.issue(actor=actor)
        with pytest.raises(NotFound):
            tokens.revoke(actor=itself, token_id=other.id)
        tokens.revoke(actor=itself, token_id=mine.id)
        tokens.revoke(actor=actor, token_id=other.id)

    def test_with_their_session(self, writer):
        text = for_session(writer).text
        Session.objects.filter(user_id=writer.user.pk).delete()
        assert not opens(text)

    def test_with_a_session_that_expired_or_became_somebody_elses(self, writer, viewer):
        text = for_session(writer).text
        Session.objects.update(user_id=viewer.user.pk)
        assert not opens(text)
        Session.objects.update(user_id=writer.user.pk, expire_date=timezone.now())
        assert not opens(text)

    def test_with_the_password(self, writer):
        text = for_session(writer).text
        writer.user.set_password("walrus-teapot-91")
        writer.user.save()
        assert not opens(text)

    def test_not_with_a_new_secret_key_that_knows_the_old_one(self, writer, settings):
        text, old = for_session(writer).text, settings.SECRET_KEY
        settings.SECRET_KEY = "another-secret-key-of-more-than-fifty-characters-it-is"  # noqa: S105 - a test's
        assert not opens(text)
        settings.SECRET_KEY_FALLBACKS = [old]
        assert opens(text)

    def test_with_their_key(self, writer):
        actor = program(writer, "read", networks=["192.0.2.0/24"])
        text = tokens.issue(actor=actor).text
        assert opens(text)
        assert not opens(text, "198.51.100.1")
        ApiKey.objects.update(expires_at=timezone.now())
        assert not opens(text)
        ApiKey.objects.update(expires_at=timezone.now() + timedelta(days=1))
        assert opens(text)
        keys.revoke(actor=writer, prefix=actor.credential["key"])
        assert not opens(text)

    def test_with_their_user(self, writer):
        text = for_session(writer).text
        User.objects.filter(pk=writer.user.pk).update(is_active=False)
        assert not opens(text)
        writer.user.delete()
        assert not opens(text)

    def test_when_the_row_says_so_whatever_they_say(self, writer):
        text = for_session(writer).text
        AccessToken.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
        assert not opens(text)

    def test_nothing_of_rights_that_were_taken(self, writer):
        text = for_session(writer).text
        writer.user.groups.clear()
        found = tokens.authenticate(text, HOME)
        actor = Actor(found.user, Channel.API, scope=found.scope)
        assert not policy.decide(actor, policy.Operation.READ, registry.get("books")).allowed


class TestForged:
    @pytest.mark.parametrize(
        "changed",
        [
            {"exp": 0}, {"exp": None}, {"exp": "x"}, {"nbf": 4_000_000_000}, {"nbf": None}, {"iat": 4_000_000_000},
            {"iat": None}, {"aud": "others"}, {"aud": ["database-admin-server", "others"]}, {"aud": None},
            {"iss": "others"}, {"iss": None}, {"jti": "7f2c5a8e-3b0d-4d55-9a51-6d1f0e2b9c44"},
            {"jti": "x"}, {"jti": 7}, {"jti": None},
            {"sub": "0"}, {"sub": 7}, {"sub": None},
        ],
        ids=str,
    )  # fmt: skip
    def test_claims_open_nothing_even_with_our_key(self, writer, changed):
        claims = {**claims_of(for_session(writer).text), **changed}
        assert opens(signed(claims_of(for_session(writer).text)))
        assert not opens(signed({name: value for name, value in claims.items() if value is not None}))

    def test_time_has_a_leeway_of_seconds(self, writer):
        claims = claims_of(for_session(writer).text)
        now = int(datetime.now(UTC).timestamp())
        assert opens(signed({**claims, "exp": now - 5}))
        assert not opens(signed({**claims, "exp": now - 31}))
        assert not opens(signed({**claims, "nbf": now + 31}))

    @pytest.mark.parametrize(
        "header",
        [{"typ": "JWT"}, {"typ": None}, {"typ": "at+JWT"}, {"kid": "0" * 16}, {"kid": None}, {"kid": "../x"},
         {"crit": ["x"]}, {"jwk": {"kty": "oct", "k": "AAAA"}}, {"jku": "https://evil.example/keys"},
         {"x5u": "https://evil.example/keys"}, {"kid": ["a"]}, {"b64": False}],
        ids=str,
    )  # fmt: skip
    def test_headers_open_nothing_even_with_our_key(self, writer, header):
        claims = claims_of(for_session(writer).text)
        own = {"alg": "HS256", "typ": "at+jwt", "kid": jwt_keys.newest().id, **header}
        text = f"{part({k: v for k, v in own.items() if v is not None})}.{part(claims)}"
        whole = {"alg": "HS256", "typ": "at+jwt", "kid": jwt_keys.newest().id}

        assert opens(mac(f"{part(whole)}.{part(claims)}"))
        assert not opens(mac(text))

    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "HS512", "RS256", "EdDSA", "", None, 7])
    def test_algorithms_open_nothing(self, writer, alg):
        good = for_session(writer).text
        header = part({"alg": alg, "typ": "at+jwt", "kid": jwt_keys.newest().id})
        payload, signature = good.split(".")[1:]
        for ending in ("", signature):
            assert not opens(f"{header}.{payload}.{ending}")
        assert not opens(mac(f"{header}.{payload}"))

    @pytest.mark.parametrize("kind", ["rsa", "ed25519"])
    def test_the_public_key_is_no_secret(self, writer, settings, kind):
        """The confusion of algorithms: a public key taken for a shared secret."""
        private = pem(kind)
        settings.JWT_KEYS = [private]
        text, key = for_session(writer).text, jwt_keys.newest()
        assert opens(text)
        public = key.verifies.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        der = key.verifies.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for known in (public, public.strip(), der):
            header = part({"alg": "HS256", "typ": "at+jwt", "kid": key.id})
            assert not opens(mac(f"{header}.{text.split('.')[1]}", known))

    def test_keys_of_others_open_nothing(self, writer):
        claims = claims_of(for_session(writer).text)
        assert not opens(signed(claims, key="x" * 32))
        assert not opens(signed(claims, key=pem("rsa"), algorithm="RS256"))
        assert not opens(signed(claims, key=django_settings.SECRET_KEY))

    def test_texts_open_nothing(self, writer):
        good = for_session(writer).text
        head, body, signature = good.split(".")
        others = part({**claims_of(good), "sub": "1"})
        for wrong in ("", ".", "..", "a.b.c", f"{head}.{body}", f"{head}.{body}.", f"{head}..{signature}", good + "A",
                      good + "=", f".{body}.{signature}", good.replace(".", " "), f"{good}.{signature}", good + "\n",
                      "é.é.é", "A" * 9_000, f"{head}.{others}.{signature}", f"{part([])}.{body}.{signature}",
                      f"{part('x')}.{body}.{signature}"):  # fmt: skip
            assert not opens(wrong), wrong
        assert opens(good)


class TestKeys:
    @pytest.mark.parametrize(("kind", "algorithm"), [("rsa", "RS256"), ("ed25519", "EdDSA")])
    def test_may_be_asymmetric(self, writer, settings, kind, algorithm):
        settings.JWT_KEYS = env.jwt_keys(pem(kind))
        text = for_session(writer).text

        assert jwt.get_unverified_header(text)["alg"] == algorithm
        assert opens(text)
        assert "PRIVATE" not in repr(jwt_keys.newest())

    def test_rotate(self, writer, settings):
        old, new = "o" * 32, "n" * 40
        settings.JWT_KEYS = [old]
        text = for_session(writer).text
        settings.JWT_KEYS = [new, old]
        newer = for_session(writer).text
        assert opens(text)
        assert opens(newer)
        settings.JWT_KEYS = [new]
        assert not opens(text)
        assert opens(newer)

    def test_that_are_public_only_verify(self, writer, settings):
        private = pem("ed25519")
        settings.JWT_KEYS = [private]
        text = for_session(writer).text
        public = (
            jwt_keys.newest().verifies.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        )
        settings.JWT_KEYS = env.jwt_keys(f"{'n' * 32},{public}")
        assert opens(text)

    def test_are_for_one_audience(self, writer, settings):
        text = for_session(writer).text
        settings.JWT_AUDIENCE = "another"
        assert not opens(text)

    @pytest.mark.parametrize(
        "wrong", ["short", f"{'n' * 32},short", "-----BEGIN PRIVATE KEY-----\nx", "small", "public"]
    )
    def test_that_are_none_stop_the_start(self, wrong):
        public = ed25519.Ed25519PrivateKey.generate().public_key()
        given = {
            "small": lambda: pem("rsa", 1024),
            "public": lambda: public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        }.get(wrong, lambda: wrong)()

        with pytest.raises(loading.Misconfigured, match="JWT_KEYS") as refused:
            loading.load({"JWT_KEYS": given})
        assert given not in str(refused.value)


def mac(text: str, key: bytes | None = None) -> str:
    """A text with what HS256 would put behind it."""
    from hashlib import sha256  # noqa: PLC0415
    from hmac import digest  # noqa: PLC0415

    found = digest(jwt_keys.newest().signs if key is None else key, text.encode(), sha256)
    return f"{text}.{base64.urlsafe_b64encode(found).decode().rstrip('=')}"


def pem(kind: str, bits: int = 2048) -> str:
    key: Any = (
        rsa.generate_private_key(65537, bits) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    )
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
