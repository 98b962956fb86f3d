"""What a request came with: whose key or token it is, and how far that goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.contrib.auth.models import User

from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired
from accesscontrol.scopes import Scope


@dataclass(frozen=True)
class Credential:
    """A key or token that was found to be good."""

    user: User
    scope: Scope | None  # None: all that the user may
    about: Mapping[str, str] = field(default_factory=dict)  # how client_info names it: by what is no secret
    known_under: str | None = (
        None  # the mark (see grants) under which it was known, where it was not read now
    )
    check_again: Callable[[], Scope | None] | None = field(default=None, repr=False)

    def within(self, actor: Actor) -> Actor:
        """This function will return an actor as the bearer of the credential."""
        return Actor(
            actor.user,
            actor.channel,
            {**actor.client_info, **self.about},
            actor.request_id,
            self.scope,
            self.known_under,
            self.check_again,
        )


def refused() -> AuthenticationRequired:
    """This function will return the refusal of any key or token, whatever is wrong with it."""
    return AuthenticationRequired(
        "The key or token is not valid.",
        hint="It may be wrong, expired or revoked, or not be good for this address.",
    )


def is_from(address: str | None, networks: Sequence[str]) -> bool:
    """This function will say whether an address is in one of the networks; none of them stand for anywhere."""
    if not networks:
        return True
    try:
        found = _plain(ip_address(address or ""))
    except ValueError:
        return False
    return any(found in ip_network(network) for network in networks)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address as such, also where a socket of IPv6 tells it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
