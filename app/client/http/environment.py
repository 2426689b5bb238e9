"""What the client takes from the environment: the proxy and the certificates for one URL.

httpx reads the same variables for all URLs at once, and fails on some of their usual values: `NO_PROXY` with
`[::1]` or a network, a proxy that the request would not use, a file of certificates that plain HTTP does not
need.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from importlib.util import find_spec
from pathlib import Path
from urllib.request import getproxies

import httpx

from app.client.errors import InvalidOptions

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535
SHOWN = 80


def checked_url(url: str) -> httpx.URL:
    """The URL of a server.

    Raises:
        InvalidOptions: it is none.
    """
    shown = ascii(url[:SHOWN])
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidOptions(f"{shown}: not a URL: {error}") from error
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.host or (parsed.port or 0) > _MAX_PORT:
        raise InvalidOptions(f"{shown}: not a URL of a server; write http://HOST:PORT or https://HOST")
    return parsed


def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy to a server: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, without those that `NO_PROXY` names.

    Raises:
        InvalidOptions: the variable that applies is invalid; the message begins with its name.
    """
    proxies = getproxies()
    key = url.scheme if url.scheme in proxies else "all"
    address = proxies.get(key, "").strip()
    if not address or is_exempt(url, proxies.get("no", "")):
        return None
    name = _variable(f"{key}_proxy")
    # The address may have a password.
    try:
        proxy = httpx.URL(address if "://" in address else f"http://{address}")
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidOptions(f"{name} is not the URL of a proxy: {error}; correct or unset it") from error
    if proxy.scheme not in _PROXY_SCHEMES or not proxy.host or (proxy.port or 0) > _MAX_PORT:
        raise InvalidOptions(
            f"{name} is not the URL of a proxy: send http://, https://, socks5:// or socks5h://; correct or "
            "unset it"
        )
    if proxy.scheme.startswith("socks") and find_spec("socksio") is None:
        raise InvalidOptions(
            f"{name} names a SOCKS proxy, which needs one more package: pip install socksio. If "
            f"{url.host} is reached without a proxy, add it to NO_PROXY"
        )
    return httpx.Proxy(proxy)


def is_exempt(url: httpx.URL, no_proxy: str) -> bool:
    """Whether `NO_PROXY` exempts a server from the proxy.

    Args:
        url: of the server.
        no_proxy: entries separated by commas or spaces: `*`; a host, which includes its subdomains, with or
            without a leading dot; an IP address, `[::1]` for example; a network, `10.0.0.0/8`; each host or
            address with a port, too.
    """
    entries = no_proxy.replace(",", " ").lower().split()
    return any(entry == "*" or _matches(url, entry) for entry in entries)


def _matches(url: httpx.URL, entry: str) -> bool:
    host, port = url.host.lower().strip("[]"), url.port or _DEFAULT_PORTS[url.scheme]
    entry = entry.rpartition("://")[2]
    name, colon, digits = entry.rpartition(":")
    # `::1` is an address, not the host `:` with port 1.
    if colon and digits.isdecimal() and (":" not in name or name.endswith("]")):
        if int(digits) != port:
            return False
        entry = name
    entry = entry.replace("[", "").replace("]", "")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # one of them is a name; an address of the other family is just not in the network
        suffix = entry.removeprefix("*").removeprefix(".")
        return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def ssl_context_for(url: httpx.URL, proxy: httpx.Proxy | None) -> ssl.SSLContext | bool:
    """The certificates to trust: `SSL_CERT_FILE`, `SSL_CERT_DIR`, else certifi's; False if TLS is not used.

    Raises:
        InvalidOptions: the file or the folder cannot be used; the message begins with the variable's name.
    """
    if url.scheme != "https" and (proxy is None or proxy.url.scheme != "https"):
        return False  # loading certificates takes 20 ms
    name = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), "")
    path = os.environ.get(name, "")
    try:
        if name == "SSL_CERT_DIR" and not Path(path).is_dir():
            raise NotADirectoryError(None, "not a folder")
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or str(error)
        shown = f"{name}={path[:SHOWN]!a}" if name else "the certificates of certifi"
        raise InvalidOptions(f"{shown} cannot be used: {reason}; correct or unset it") from error


def _variable(name: str) -> str:
    """The name of a variable as it is written in the environment."""
    return next((each for each in os.environ if each.lower() == name), name.upper())
