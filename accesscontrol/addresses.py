"""Addresses that requests come from."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network


def network(address: str) -> str:
    """This function will return an address as one client's: of IPv6 the /64 that one client has to itself.

    What is no address is returned as it is.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found if isinstance(found, IPv4Address) else ip_network((int(found), 64), strict=False))
