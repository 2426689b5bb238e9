"""The environment of a client: proxies, exceptions from them, and certificates."""

from __future__ import annotations

import httpx
import pytest

from app.client import Client, InvalidOptions
from app.client.http import environment
from app.client.http.environment import is_exempt, proxy_for, ssl_context_for
from qa.harness.server import ServerProcess

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")
LOCAL = httpx.URL("http://127.0.0.1:8000")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "no_proxy", "exempt"),
    [
        ("http://[::1]:8000", "[::1]", True),
        ("http://[::1]:8000", "::1", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://[::1]:8000", "[::1]:8001", False),
        ("http://[::1]:8000", "fe80::/10", False),
        ("http://[fe80::7]", "fe80::/10", True),
        ("http://10.1.2.3", "192.168.0.0/16, 10.0.0.0/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3", "10.1.2.3:80", True),
        ("https://10.1.2.3", "10.1.2.3:80", False),
        ("http://model.example.org", "example.org", True),
        ("http://model.example.org", ".Example.org", True),
        ("http://model.example.org", "*.example.org", True),
        ("http://myexample.org", "example.org", False),
        ("http://localhost", "localhost,127.0.0.1", True),
        ("http://anything", "*", True),
        ("http://anything", "", False),
        ("http://anything", " , .,/,[", False),
    ],
)
def test_no_proxy_is_read_in_all_its_forms(url: str, no_proxy: str, exempt: bool) -> None:
    """Names with their subdomains, addresses in brackets or not, networks, ports."""
    assert is_exempt(httpx.URL(url), no_proxy) is exempt


@pytest.mark.parametrize("no_proxy", ["[::1],127.0.0.1", "127.0.0.0/8,[::1]:8000", "::1 127.0.0.1"])
def test_no_value_of_no_proxy_breaks_a_request(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    """Httpx refuses some of these, and would not match others."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with Client(server.url) as client:
        assert client.series_length() == 500


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("all_proxy", "gopher://host"),
        ("HTTP_PROXY", "http://[::1"),
        ("http_proxy", "http:///path"),
        ("HTTP_PROXY", "http://10.0.0.2:99999"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """On one line, without the value, which may hold a password."""
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(environment, "find_spec", lambda _: None)  # for SOCKS
    with pytest.raises(InvalidOptions) as info:
        Client("http://10.0.0.1")
    assert str(info.value).startswith(f"{name} ")
    assert value not in str(info.value)
    assert str(info.value).isprintable()


def test_the_proxy_is_the_one_for_the_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ALL_PROXY` is for the others; a broken one of another scheme is no reason to fail."""
    monkeypatch.setenv("HTTPS_PROXY", "http://[::1")
    monkeypatch.setenv("ALL_PROXY", "proxy:3128")
    proxy = proxy_for(LOCAL)
    assert proxy is not None
    assert proxy.url == "http://proxy:3128"


def test_certificates_that_are_missing_matter_to_https_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named by their variable; plain HTTP does not read them."""
    for name in ("SSL_CERT_DIR", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/no/such/place")
        assert ssl_context_for(LOCAL, None) is False
        with pytest.raises(InvalidOptions, match=rf"^{name}='/no/such/place' cannot be used: "):
            ssl_context_for(httpx.URL("https://host"), None)
