"""Where the server listens unless it is told otherwise, and how it is reached from the same machine.

Only the standard library: the health command imports this every few seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple

HOST = "127.0.0.1"
PORT = 8000

ALL_IPV4 = "0.0.0.0"  # noqa: S104 - compared with, and bound to where HOST says so
ALL_IPV6 = "::"


class Address(NamedTuple):
    """A socket address: its family, and what `socket.bind` and `socket.connect` take."""

    family: socket.AddressFamily
    value: tuple[str, int] | tuple[str, int, int, int]

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every address of the machine."""
        return self.value[0] in (ALL_IPV4, ALL_IPV6)


def from_environment(environment: Mapping[str, str]) -> tuple[str, str]:
    """HOST and PORT as text, found as `app.settings` finds them.

    Names count in any case, white space around a value does not, and an empty value is not set.

    Args:
        environment: the process's variables.
    """
    found = {name.upper(): value.strip() for name, value in environment.items() if value.strip()}
    return found.get("HOST", HOST), found.get("PORT", str(PORT))


def resolve(host: str, port: int) -> Address:
    """The one address that a server listens on.

    Args:
        host: an IPv4 or IPv6 address, the latter in brackets or without, or a name: its first IPv4 address
            counts, or its first IPv6 address if it has none.
        port: 0 to 65535.

    Raises:
        OSError: the name does not resolve.
        UnicodeError: it cannot be a name.
        OverflowError: there is no such port.
    """
    found = socket.getaddrinfo(_without_brackets(host), port, type=socket.SOCK_STREAM)
    # A Python that was built without IPv6 has other values for its addresses.
    addresses = [Address(family, value) for family, *_, value in found if isinstance(value[0], str)]
    if not addresses:
        raise OSError("this Python was built without IPv6")
    return min(addresses, key=lambda address: address.family != socket.AF_INET)


def local_address(host: str, port: int) -> Address:
    """The address to connect to, on this machine, for a server that listens on a host and port.

    Args:
        host: as of `resolve`.
        port: as of `resolve`.

    Raises:
        OSError: the name does not resolve.
        UnicodeError: it cannot be a name.
        OverflowError: there is no such port.
    """
    address = resolve(host, port)
    # Also for `::`, which takes IPv4 connections, and on a machine without IPv6 takes no others.
    return Address(socket.AF_INET, (HOST, port)) if address.is_wildcard else address


def local_url(host: str, port: int) -> str:
    """The URL, from this machine, of a server that listens on `host` and `port`."""
    plain = _without_brackets(host)
    return url(HOST if plain in (ALL_IPV4, ALL_IPV6) else plain, port)


def url(host: str, port: int) -> str:
    """The URL of a host and port; the host is a name or an address without brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _without_brackets(host: str) -> str:
    """An IPv6 address as it is, when it is written as in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host
