"""`app.system.address`: the address that HOST means, and the local address of the server."""

from __future__ import annotations

import socket

import pytest

from app.system.address import Address, from_environment, local_address, local_url, resolve


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://127.0.0.1:80"),
        ("[::]", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("[::1]", "http://[::1]:80"),
        ("fe80::1%eth0", "http://[fe80::1%eth0]:80"),
        ("example.org", "http://example.org:80"),
    ],
)
def test_a_server_that_listens_everywhere_is_reached_on_loopback(host: str, url: str) -> None:
    """The address to connect to may differ from the bound one."""
    assert local_url(host, 80) == url


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "::", "[::]", "::0", "0:0:0:0:0:0:0:0"])
def test_a_wildcard_is_reached_on_loopback(host: str) -> None:
    """In any notation; `::` accepts IPv4, too."""
    assert resolve(host, 80).is_wildcard
    assert local_address(host, 80) == Address(socket.AF_INET, ("127.0.0.1", 80))


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [
        ("192.0.2.7", socket.AF_INET, ("192.0.2.7", 80)),
        ("2001:db8::7", socket.AF_INET6, ("2001:db8::7", 80, 0, 0)),
        ("[2001:db8::7]", socket.AF_INET6, ("2001:db8::7", 80, 0, 0)),
        ("localhost", socket.AF_INET, ("127.0.0.1", 80)),
    ],
)
def test_another_host_is_reached_where_it_listens(
    host: str, family: socket.AddressFamily, address: tuple[str, int]
) -> None:
    """A name with addresses in both families means its IPv4 address."""
    assert local_address(host, 80) == resolve(host, 80) == Address(family, address)


def test_a_link_local_address_keeps_its_interface() -> None:
    """The socket address has the number of the interface."""
    (index, name), *_ = socket.if_nameindex()
    assert local_address(f"fe80::1%{name}", 80).value == ("fe80::1", 80, 0, index)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, ("127.0.0.1", "8000")),
        ({"HOST": "", "PORT": ""}, ("127.0.0.1", "8000")),
        ({"HOST": " ", "PORT": " 80 "}, ("127.0.0.1", "80")),
        ({"HOST": " ::1\t"}, ("::1", "8000")),
        ({"host": "::1", "Port": "80"}, ("::1", "80")),
    ],
)
def test_the_environment_is_read_as_the_settings_read_it(
    variables: dict[str, str], found: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise `health` would check another address than the server's."""
    from app.settings import Settings

    for name in ("HOST", "PORT", "host", "Port"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert from_environment(variables) == found == (settings.host, str(settings.port))
