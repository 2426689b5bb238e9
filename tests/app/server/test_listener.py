"""`app.server.listener`: real sockets, and what is said of those that cannot be had."""

from __future__ import annotations

import errno
import socket
from contextlib import closing
from typing import Any

import pytest

from app.errors import CannotListen
from app.server.listener import bind, listen
from qa.harness.server import free_port

has_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6")


def takes(address: str, port: int) -> bool:
    """Whether somebody listens at an address."""
    try:
        socket.create_connection((address, port), timeout=10).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "at"),
    [
        ("127.0.0.1", {"127.0.0.1"}),
        ("0.0.0.0", {"127.0.0.1"}),
        ("localhost", {"127.0.0.1"}),
        pytest.param("::1", {"::1"}, marks=has_ipv6),
        pytest.param("[::1]", {"::1"}, marks=has_ipv6),
        pytest.param("::", {"127.0.0.1", "::1"}, marks=has_ipv6),
        pytest.param("[::]", {"127.0.0.1", "::1"}, marks=has_ipv6),
        pytest.param("::ffff:127.0.0.1", {"127.0.0.1"}, marks=has_ipv6),
    ],
)
def test_a_host_is_listened_on_in_its_families(host: str, at: set[str]) -> None:
    """`::` in both, whatever the system's default for such sockets is."""
    with bind(host, 0) as listener:
        listen(listener)
        port = listener.getsockname()[1]
        assert {address for address in ("127.0.0.1", "::1") if takes(address, port)} == at


def test_connections_are_refused_before_it_listens() -> None:
    """A load balancer then uses another replica at once."""
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert not takes("127.0.0.1", port)
        listen(listener)
        assert takes("127.0.0.1", port)


@pytest.mark.parametrize(
    "host", ["nowhere.invalid", "a..b", "x" * 300, "256.1.1.1", "127.0.0.1:80", "fe80::1%nowhere", "[]"]
)
def test_a_host_that_does_not_resolve_is_an_error_with_its_variable(host: str) -> None:
    """In one line that says what to set."""
    with pytest.raises(CannotListen) as caught:
        bind(host, 0)
    assert str(caught.value).startswith(f"HOST={host!r}: not an address or a name that resolves: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_host_of_several_lines_is_an_error_of_one_line() -> None:
    """A variable may have line breaks."""
    with pytest.raises(CannotListen, match=r"^HOST='no\\nwhere': [^\n]+\Z"):
        bind("no\nwhere", 0)


@pytest.mark.parametrize("host", ["203.0.113.1", pytest.param("2001:db8::1", marks=has_ipv6)])
def test_an_address_of_another_machine_is_an_error_with_its_variable(host: str) -> None:
    """These addresses are reserved for documentation."""
    with pytest.raises(
        CannotListen, match=rf"^HOST='{host}': not an address of this machine; set HOST to one"
    ):
        bind(host, 0)


@has_ipv6
def test_a_link_local_address_needs_an_interface() -> None:
    """The error of the system is only `Invalid argument`; ours says what to set."""
    with pytest.raises(CannotListen, match=r"^HOST='fe80::1': .* an interface; set HOST to fe80::1%eth0"):
        bind("fe80::1", 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", pytest.param("::", marks=has_ipv6)])
def test_a_port_in_use_is_an_error_with_its_variable(host: str) -> None:
    """Also for a wildcard, if one address has the port in use."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"^PORT={port}: another process listens on this port"):
            bind(host, port)


def test_a_port_taken_after_it_was_bound_is_an_error() -> None:
    """Two servers may bind at once; only one may listen."""
    port = free_port()
    with bind("127.0.0.1", port) as late, bind("127.0.0.1", port) as early:
        listen(early)
        with pytest.raises(CannotListen, match=rf"^PORT={port}: another process listens on this port"):
            listen(late)


def test_a_port_can_be_reused_at_once() -> None:
    """Despite connections of the last server in TIME_WAIT."""
    with bind("127.0.0.1", 0) as listener:
        listen(listener)
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        accepted = socket.socket(fileno=accept(listener))
        accepted.close()  # first, so that it is this end that waits
        client.close()
    bind("127.0.0.1", port).close()


def accept(listener: socket.socket) -> int:
    """The descriptor of a connection."""
    listener.setblocking(True)
    connection, _ = listener.accept()
    return connection.detach()


class WithoutIPv6(socket.socket):
    """The sockets of a system that has none for IPv6."""

    def __init__(self, family: int = socket.AF_INET, *others: Any) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        super().__init__(family, *others)


def test_without_ipv6_all_addresses_are_those_of_ipv4(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So that one setting does for all machines; it is told."""
    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    with closing(bind("::", 0)) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"
    assert [record.getMessage() for record in caplog.records] == [
        "HOST='::': this system has no IPv6; listening on 0.0.0.0, for IPv4 only"
    ]


def test_without_ipv6_an_ipv6_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no substitute for it."""
    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    with pytest.raises(
        CannotListen, match=r"^HOST='::1': this system has no IPv6; set HOST to an IPv4 address"
    ):
        bind("::1", 0)
