"""ROOT_PATH behind a real HAProxy that strips the path or passes it on: what is referred to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from qa.harness.server import ServerProcess, free_port, running_server
from tests.app.api.routes.test_docs import Page
from tests.support import plain_http

ROOT = "/forda"
CONFIG = """\
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend strips
    bind 127.0.0.1:{strips}
    http-request replace-path ^/forda(/)?(.*) /\\2
    default_backend server
frontend passes_on
    bind 127.0.0.1:{passes_on}
    default_backend server
backend server
    server only {server}
"""


@pytest.fixture(scope="module")
def proxies(haproxy: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where a server is behind a proxy that strips its path, and behind one that passes it on."""
    folder: Path = tmp_path_factory.mktemp("proxies")
    ports = {"strips": free_port(), "passes_on": free_port()}
    with ExitStack() as stack:
        server = stack.enter_context(running_server(ROOT_PATH=ROOT))
        file = folder / "haproxy.cfg"
        file.write_text(CONFIG.format(server=urlsplit(server.url).netloc, **ports))
        proxy = ServerProcess((haproxy, "-db", "-f", str(file)), port=ports["strips"], log=folder / "log")
        stack.callback(proxy.kill)
        proxy.start()
        proxy.wait_until_ready()
        yield {name: f"http://127.0.0.1:{port}{ROOT}" for name, port in ports.items()}


@pytest.fixture(params=["strips", "passes_on"])
def base(proxies: dict[str, str], request: pytest.FixtureRequest) -> str:
    """The server's address as its callers have it."""
    return proxies[request.param]


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client that follows nothing by itself."""
    with plain_http.client(timeout=30, trust_env=False) as client:
        yield client


def test_the_documentation_has_all_that_it_loads(base: str, http: httpx.Client) -> None:
    """Its files and the document, by the addresses that a browser makes of those in the page."""
    response = http.get(f"{base}/docs")
    page = Page(response.text)
    document = page.scripts[0].partition("url: '")[2].partition("'")[0]
    addresses = [address for _, address in page.files] + [document]
    assert len(addresses) == 5
    for address in addresses:
        url = urljoin(f"{base}/docs", address)
        assert url.startswith(f"{base}/")
        assert http.get(url).status_code == 200
        assert http.head(url).status_code == 200


def test_what_is_tried_out_reaches_the_server(base: str, http: httpx.Client) -> None:
    """The document's server, path and example together are a prediction, and every GET is there."""
    document = http.get(f"{base}/openapi.json").json()
    [server] = document["servers"]
    root = urljoin(f"{base}/openapi.json", server["url"])
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    response = http.post(f"{root}/predict", json=content["example"])
    assert response.status_code == 200
    assert len(response.json()["predictions"]) == 2
    for path, operations in document["paths"].items():
        if "get" in operations and "{" not in path:
            assert http.get(f"{root}{path}").status_code == 200


@pytest.mark.parametrize("path", ["", "/"])
def test_the_start_page_finds_its_files_under_the_path(base: str, http: httpx.Client, path: str) -> None:
    """All addresses in it are below the path that the proxy serves."""
    response = http.get(f"{base}{path}", headers={"Accept": "text/html"})
    assert response.status_code == 200
    addresses = re.findall(r'(?:src|href)="(/[^"]+)"', response.text)
    assert addresses
    for address in addresses:
        url = urljoin(f"{base}{path}", address)
        assert url.startswith(f"{base}/")
        assert http.get(url).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/predict", 405),
        ("POST", "/predict/", 404),
        ("POST", "/predict", 400),
        ("POST", "/predict?x", 400),
    ],
)
def test_a_problems_type_leads_to_what_it_means(
    base: str, http: httpx.Client, method: str, path: str, status: int
) -> None:
    """Resolved against the request's address, as RFC 9457 has it."""
    response = http.request(method, f"{base}{path}")
    problem = response.json()
    assert problem["status"] == response.status_code == status
    told = http.get(urljoin(f"{base}{path}", problem["type"])).json()
    assert (told["type"], told["title"]) == (problem["type"], problem["title"])


def test_a_slash_too_many_gets_a_hint_and_no_redirect(base: str, http: httpx.Client) -> None:
    """The path in it is the caller's."""
    response = http.post(f"{base}/predict/", content=b"{}")
    assert (response.status_code, response.headers.get("location")) == (404, None)
    assert response.json()["detail"] == "POST /forda/predict/: no such route; use /forda/predict"
