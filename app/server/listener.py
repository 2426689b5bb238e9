"""The socket that the server listens on, for one worker or several.

If HOST or PORT cannot be used, the error names the variable and says what to set.
"""

from __future__ import annotations

import errno
import logging
import socket
from ipaddress import ip_address

from app.errors import CannotListen
from app.system.address import ALL_IPV4, ALL_IPV6, Address, resolve

# Maximum number of connections that wait to be accepted.
BACKLOG = 2048
GRPC_PORT = "GRPC_PORT"

log = logging.getLogger(__name__)


def bind(host: str, port: int, *, setting: str = "PORT", is_shared: bool = False) -> socket.socket:
    """A socket that is bound and does not listen yet: until then, connections are refused.

    A worker may take a second until it can respond. A load balancer sends a refused connection to another
    replica at once; it waits for one that is not refused.

    Args:
        host: as in `app.system.address.resolve`. `::` accepts IPv4 connections, too, and nothing else on a
            system without IPv6.
        port: 0 for any free port.
        setting: that has the port, for messages.
        is_shared: whether other processes of this user may bind the port, too (SO_REUSEPORT).

    Raises:
        CannotListen: the address cannot be bound.
    """
    try:
        address = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise CannotListen(
            f"HOST={host!r}: not an address or a name that resolves: {error}; set HOST to an address of this "
            "machine, or to 0.0.0.0 or :: for all addresses"
        ) from error
    try:
        return _bound(address, is_shared=is_shared)
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT or address.value[0] != ALL_IPV6:
            raise _cannot_listen(host, port, error, setting) from error
    log.warning("HOST=%r: this system has no IPv6; listening on 0.0.0.0, for IPv4 only", host)
    return bind(ALL_IPV4, port, setting=setting, is_shared=is_shared)


def reserve(host: str, port: int) -> socket.socket:
    """A socket that keeps GRPC_PORT for this server's processes, each of which binds it with SO_REUSEPORT.

    It never listens, so it gets no connections.

    Args:
        host: as for `bind`.
        port: 0 for any free port.

    Raises:
        CannotListen: the address cannot be bound, or another process listens there.
    """
    if port:
        # Without SO_REUSEPORT, which would let two servers share the port.
        bind(host, port, setting=GRPC_PORT).close()
    return bind(host, port, setting=GRPC_PORT, is_shared=True)


def listen(listener: socket.socket) -> None:
    """Listen on a socket that is bound.

    Raises:
        CannotListen: another process has started to listen there since it was bound.
    """
    host, port, *_ = listener.getsockname()
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _bound(address: Address, *, is_shared: bool) -> socket.socket:
    listener = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        # Restart at once, without waiting for old connections in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if address.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address.value)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _cannot_listen(host: str, port: int, error: OSError, setting: str = "PORT") -> CannotListen:
    at_host, at_port = f"HOST={host!r}", f"{setting}={port}"
    reasons = {
        errno.EADDRINUSE: f"{at_port}: another process listens on this port, at {at_host}; "
        f"set another {setting}",
        errno.EACCES: f"{at_port}: no permission to listen on this port; set {setting} above 1023, or give "
        "the process the capability CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: f"{at_host}: not an address of this machine; set HOST to one that is, or "
        "to 0.0.0.0 or :: for all addresses",
        errno.EAFNOSUPPORT: f"{at_host}: this system has no IPv6; set HOST to an IPv4 address, or to "
        "0.0.0.0 for all",
    }
    if error.errno == errno.EINVAL and _lacks_scope(host):
        return CannotListen(
            f"{at_host}: a link-local address needs an interface; set HOST to {host}%eth0 or similar"
        )
    other = f"{at_host}, {at_port}: cannot listen: {error}"
    return CannotListen(reasons.get(error.errno or 0, other))


def _lacks_scope(host: str) -> bool:
    try:
        return "%" not in host and ip_address(host).is_link_local
    except ValueError:
        return False
