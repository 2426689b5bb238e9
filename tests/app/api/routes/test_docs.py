"""`app.api.routes.docs`: the page has all that it needs from here, and its policy lets it have it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from tests.app.conftest import App


class Page(HTMLParser):
    """What a page is made of.

    Attributes:
        files: the addresses of what it loads: `(directive, address)`.
        scripts: that are written in it.
        handlers: attributes that hold scripts.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.files: list[tuple[str, str]] = []
        self.scripts: list[str] = []
        self.handlers: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element loads or runs."""
        given = {name: value or "" for name, value in attrs}
        self.handlers += [name for name in given if name.startswith("on")]
        if tag == "script" and "src" in given:
            self.files.append(("script-src", given["src"]))
        elif tag == "link":
            kind = "style-src" if given["rel"] == "stylesheet" else "img-src"
            self.files.append((kind, given["href"]))
        self._in_script = tag == "script" and "src" not in given

    def handle_data(self, data: str) -> None:
        """Note a script."""
        if self._in_script:
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - no element is within a script
        """A script ends with its element."""
        self._in_script = False


@pytest.fixture
def policy(app: App) -> dict[str, list[str]]:
    """The page's Content-Security-Policy, by directive."""
    [header] = app.client.get("/docs").headers.get_list("content-security-policy")
    return {words[0]: words[1:] for words in (part.split() for part in header.split("; "))}


def test_all_that_the_page_loads_is_here_and_allowed(app: App, policy: dict[str, list[str]]) -> None:
    """It works without the internet: script, style and icon."""
    page = Page(app.client.get("/docs").text)
    assert {directive for directive, _ in page.files} == {"script-src", "style-src", "img-src"}
    for directive, address in page.files:
        assert not urlsplit(address).netloc
        assert "'self'" in policy[directive]
        assert app.client.get(address).status_code == 200


def test_the_script_in_the_page_is_allowed_and_no_other(app: App, policy: dict[str, list[str]]) -> None:
    """By its digest, as a browser takes it: of the text between the tags, byte by byte."""
    page = Page(app.client.get("/docs").text)
    [script] = page.scripts
    assert "SwaggerUIBundle(" in script
    assert page.handlers == []
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == ["'self'", f"'sha256-{digest}'"]
    assert policy["default-src"] == ["'none'"]


def test_the_page_may_ask_this_server_alone(app: App, policy: dict[str, list[str]]) -> None:
    """Its document is here, and so is what it tries out."""
    script = Page(app.client.get("/docs").text).scripts[0]
    address = script.partition("url: '")[2].partition("'")[0]
    assert app.client.get(address).json()["openapi"].startswith("3.")
    assert policy["connect-src"] == ["'self'"]


def test_what_its_style_sheet_loads_is_allowed(app: App, policy: dict[str, list[str]]) -> None:
    """Its icons are written in it, and it has nothing from elsewhere."""
    sheet = app.client.get("/static-offline-docs/swagger-ui.css").text
    addresses = [part.lstrip("\"'")[:5] for part in sheet.split("url(")[1:]]
    assert set(addresses) == {"data:"}
    assert "data:" in policy["img-src"]
    assert "@import" not in sheet


def test_no_other_page_may_show_it(app: App, policy: dict[str, list[str]]) -> None:
    """Nobody is made to click in it without seeing it."""
    assert policy["frame-ancestors"] == ["'none'"]
    headers = app.client.get("/docs").headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
