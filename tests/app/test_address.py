"""`app.address`: reaching a server from its own machine."""

from __future__ import annotations

import pytest

from app.address import local_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("example.org", "http://example.org:80"),
    ],
)
def test_a_server_that_listens_everywhere_is_reached_on_loopback(host: str, url: str) -> None:
    """What a server binds to is not always what a client connects to."""
    assert local_url(host, 80) == url
