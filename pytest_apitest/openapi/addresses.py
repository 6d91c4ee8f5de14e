"""Which addresses may be read from: public ones always, those of this machine and of private networks by rule.

Rules kept here, each with its source:
- public is what the registries of special purpose addresses leave (IANA, RFC 6890), multicast and reserved ranges
  taken out;
- an IPv6 address that stands for an IPv4 address is judged by that one (RFC 4291, section 2.5.5.2; RFC 6052,
  section 2.1; RFC 3056, section 2), and is refused as a form of its own where strangers say what is read;
- of a name all addresses are looked at: one that must not be read from refuses the name.
"""

import ipaddress
from collections.abc import Sequence

from pytest_apitest.data import data

WEB_PORTS = (80, 443)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
_MORE = (ipaddress.IPv4Network("192.88.99.0/24"), ipaddress.IPv6Network("3fff::/20"))


@data
class Reach:
    """What may be read over the network.

    Args:
        guarded: whether strangers say what is read: then only public addresses on the listed ports are.
        ports: the ports that may be connected to when guarded.
        networks: ranges of addresses, such as `10.1.2.0/24`, that count as public.

    """

    guarded: bool = False
    ports: tuple[int, ...] = WEB_PORTS
    networks: tuple[str, ...] = ()


def is_public(address: str, networks: Sequence[str] = ()) -> bool:
    """Tell whether anybody may be sent to an address.

    Args:
        address: an IPv4 or IPv6 address, perhaps with a zone.
        networks: ranges of addresses that count as public.

    """
    found = ipaddress.ip_address(address)
    if any(found in ipaddress.ip_network(network) for network in networks):
        return True
    inner = _inner(found)
    if inner is not None:
        return is_public(str(inner), networks)
    if isinstance(found, ipaddress.IPv6Address) and (found.scope_id or found not in _UNICAST):
        return False
    if found.is_multicast or found.is_reserved or not found.is_global:
        return False
    return not any(found.version == network.version and found in network for network in _MORE)


def refusal(reach: Reach, port: int, addresses: Sequence[str], *, public: bool) -> str:
    """Return why addresses must not be connected to, in words that end a sentence; an empty text when they may.

    Args:
        reach: what may be read.
        port: the port.
        addresses: all addresses of a host.
        public: whether what led here came from a public address.

    """
    if reach.guarded and port not in reach.ports:
        return f"port {port} is not read from"
    for address in addresses:
        if reach.guarded and _is_disguised(address, reach.networks):
            return "an IPv6 form of an IPv4 address is not read from"
        if (reach.guarded or public) and not is_public(address, reach.networks):
            return "an address of this machine or of a private network is not read from here"
    return ""


def _inner(found: _Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, or None."""
    if isinstance(found, ipaddress.IPv4Address):
        return None
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found.sixtofour is not None:
        return found.sixtofour
    if any(found in network for network in _NAT64) or (found in _COMPATIBLE and int(found) > 0xFFFF):
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return None


def _is_disguised(address: str, networks: Sequence[str]) -> bool:
    found = ipaddress.ip_address(address)
    if any(found in ipaddress.ip_network(network) for network in networks):
        return False
    return _inner(found) is not None
