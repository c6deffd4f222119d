"""Where a request comes from, as far as it tells one asker from another."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

UNKNOWN: Final = "unknown"

_ONE_HOUSE: Final = 64  # bits of an IPv6 address that a line is given; the rest is for its owner to choose


def source_of(host: str | None) -> str:
    """The address, of IPv6 only the network: its owner has more addresses than there is room to count."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _ONE_HOUSE), strict=False))
