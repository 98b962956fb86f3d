"""What a request came with: whose key or token it is, and how far that goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.contrib.auth.models import User

from accesscontrol.errors import AuthenticationRequired
from accesscontrol.scopes import Scope


@dataclass(frozen=True)
class Credential:
    """A key or token that was found to be good."""

    user: User
    scope: Scope | None  # None: all that the user may
    about: Mapping[str, str] = field(default_factory=dict)  # how client_info names it: by what is no secret


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
