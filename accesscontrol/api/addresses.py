"""The addresses about keys and tokens, under /api/v1/."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from accesscontrol.api.keys import AllKeysView, AnyKeyView, KeysView, KeyView, RotateView
from accesscontrol.api.tokens import TokensView, TokenView


def urls() -> Iterator[URLPattern]:
    """This function will return the addresses."""
    yield path("me/keys/", KeysView.as_view(), name="own-keys")
    yield path("me/keys/<str:prefix>/", KeyView.as_view(), name="key")
    yield path("me/keys/<str:prefix>/rotate/", RotateView.as_view(), name="key-rotate")
    yield path("keys/", AllKeysView.as_view(), name="keys")
    yield path("keys/<str:prefix>/", AnyKeyView.as_view(), name="any-key")
    yield path("tokens/", TokensView.as_view(), name="tokens")
    yield path("tokens/<uuid:token_id>/", TokenView.as_view(), name="token")
