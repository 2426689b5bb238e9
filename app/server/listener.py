"""The socket that the server listens on, the same for one worker and for several.

What makes a HOST or a PORT impossible is one line that names the variable and says what to set.
"""

from __future__ import annotations

import errno
import logging
import socket
from ipaddress import ip_address

from app.errors import CannotListen
from app.system.address import ALL_IPV4, ALL_IPV6, Address, resolve

# Connections that may wait to be accepted.
BACKLOG = 2048

log = logging.getLogger(__name__)


def bind(host: str, port: int) -> socket.socket:
    """A socket at an address of this machine that does not listen yet: connections are refused until then.

    A worker may take a second until it can answer. A balancer whose connection is refused asks another
    replica at once; one whose connection waits does not.

    Args:
        host: as of `app.system.address.resolve`. `::` takes IPv4 connections too, and alone where the
            system has no IPv6.
        port: 0 for any that is free.

    Raises:
        CannotListen: it cannot be had.
    """
    try:
        address = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise CannotListen(
            f"HOST={host!r}: neither an address nor a name that resolves: {error}; set an address of this "
            "machine, or 0.0.0.0 or :: for all of them"
        ) from error
    try:
        return _bound(address)
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT or address.value[0] != ALL_IPV6:
            raise _cannot_listen(host, port, error) from error
    log.warning("HOST=%r: this system has no IPv6; listening on 0.0.0.0, for IPv4 alone", host)
    return bind(ALL_IPV4, port)


def listen(listener: socket.socket) -> None:
    """Take connections at a socket that is bound.

    Raises:
        CannotListen: another process has begun to listen there since it was bound.
    """
    host, port, *_ = listener.getsockname()
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _bound(address: Address) -> socket.socket:
    listener = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        # A server that is started again need not wait until the last one's connections are forgotten.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address.value)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    at_host, at_port = f"HOST={host!r}", f"PORT={port}"
    reasons = {
        errno.EADDRINUSE: f"{at_port}: another process listens there, at {at_host}; set another PORT",
        errno.EACCES: f"{at_port}: no permission to listen there; set a PORT above 1023, or give the process "
        "the capability CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: f"{at_host}: no address of this machine; set one that is, or 0.0.0.0 or :: for "
        "all of them",
        errno.EAFNOSUPPORT: f"{at_host}: this system has no IPv6; set an IPv4 address, or 0.0.0.0 for all",
    }
    if error.errno == errno.EINVAL and _lacks_scope(host):
        return CannotListen(f"{at_host}: a link-local address needs its interface, such as {host}%eth0")
    other = f"{at_host}, {at_port}: cannot listen there: {error}"
    return CannotListen(reasons.get(error.errno or 0, other))


def _lacks_scope(host: str) -> bool:
    try:
        return "%" not in host and ip_address(host).is_link_local
    except ValueError:
        return False
