"""HOST and PORT: their defaults, and the address and URL of the server on this machine.

Only the standard library: the command `health` imports this every few seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple

HOST = "127.0.0.1"
PORT = 8000

ALL_IPV4 = "0.0.0.0"  # noqa: S104 - bound only if HOST is set to it
ALL_IPV6 = "::"


class Address(NamedTuple):
    """A socket address: its family, and what `socket.bind` and `socket.connect` take."""

    family: socket.AddressFamily
    value: tuple[str, int] | tuple[str, int, int, int]

    @property
    def is_wildcard(self) -> bool:
        """Whether it means all addresses of the machine."""
        return self.value[0] in (ALL_IPV4, ALL_IPV6)


def from_environment(environment: Mapping[str, str]) -> tuple[str, str]:
    """HOST and PORT as text, read as `app.settings` reads them.

    Upper and lower case of names are equal, white space around a value is ignored, and an empty value counts
    as not set.
    """
    found = {name.upper(): value.strip() for name, value in environment.items() if value.strip()}
    return found.get("HOST", HOST), found.get("PORT", str(PORT))


def resolve(host: str, port: int) -> Address:
    """The address that a server listens on.

    Args:
        host: an IPv4 address, an IPv6 address with or without brackets, or a name, which means its first IPv4
            address, or its first IPv6 address if it has no IPv4 address.
        port: 0 to 65535.

    Raises:
        OSError: the name does not resolve.
        UnicodeError: the name is not valid.
        OverflowError: the port is out of range.
    """
    found = socket.getaddrinfo(_without_brackets(host), port, type=socket.SOCK_STREAM)
    # Python without IPv6 support returns IPv6 addresses in another form.
    addresses = [Address(family, value) for family, *_, value in found if isinstance(value[0], str)]
    if not addresses:
        raise OSError("this Python was built without IPv6")
    return min(addresses, key=lambda address: address.family != socket.AF_INET)


def local_address(host: str, port: int) -> Address:
    """The address at which this machine connects to a server that listens on a host and port.

    Args:
        host: as in `resolve`.
        port: as in `resolve`.

    Raises:
        OSError: the name does not resolve.
        UnicodeError: the name is not valid.
        OverflowError: the port is out of range.
    """
    address = resolve(host, port)
    # Also for `::`, which accepts IPv4 connections, and only those on a machine without IPv6.
    return Address(socket.AF_INET, (HOST, port)) if address.is_wildcard else address


def local_url(host: str, port: int) -> str:
    """The URL that this machine uses for a server that listens on `host` and `port`."""
    plain = _without_brackets(host)
    return url(HOST if plain in (ALL_IPV4, ALL_IPV6) else plain, port)


def url(host: str, port: int) -> str:
    """The URL of a host and port; the host is a name or an address without brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _without_brackets(host: str) -> str:
    """The host without the brackets of an IPv6 address in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host
