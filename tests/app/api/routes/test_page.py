"""`app.api.routes.page`: the page at `/`, its policy, and the document that it starts from."""

from __future__ import annotations

import re

import numpy as np
import pytest

from app.api.page import FOLDER
from app.contract import Artifact
from tests.app.api.routes.test_docs import Page
from tests.app.conftest import MAX_BODY, MAX_ROWS, App

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def html(app: App) -> str:
    """The page as a browser gets it."""
    return str(app.client.get("/", headers=BROWSER).text)


def test_browsers_get_the_page_and_others_the_servers_liveness(app: App) -> None:
    """By `Accept`; `Vary` names it for caches."""
    page = app.client.get("/", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    other = app.client.get("/", follow_redirects=False)
    assert (other.status_code, other.json()) == (200, {"status": "alive"})
    assert "Accept" in page.headers["vary"]
    assert "Accept" in other.headers["vary"]
    assert app.client.get("/", headers={**BROWSER, "If-None-Match": page.headers["etag"]}).status_code == 304


def test_the_policy_allows_this_server_alone(app: App) -> None:
    """Nothing unsafe, no script in the page, and no HTML from text."""
    response = app.client.get("/", headers=BROWSER)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert not re.search("data:|blob:|https?:", policy)
    page = Page(response.text)
    assert page.scripts == []
    assert page.handlers == []
    assert "style=" not in response.text


def test_all_that_it_loads_is_there_and_never_changes(app: App, html: str) -> None:
    """Styles, scripts, the icon and each module, by one name for all."""
    addresses = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', html))
    modules = {
        path.relative_to(FOLDER / "static").as_posix() for path in FOLDER.glob("static/scripts/**/*.js")
    }
    assert len({address.split("/")[2] for address in addresses}) == 1
    assert modules <= {address.split("/", 3)[3] for address in addresses}
    for address in addresses:
        response = app.client.get(address)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["x-content-type-options"] == "nosniff"


def test_all_style_sheets_are_loaded(html: str) -> None:
    """A sheet without a link would have no effect."""
    for path in FOLDER.glob("static/styles/*.css"):
        assert f"/styles/{path.name}" in html


def test_modules_are_small() -> None:
    """A file has one subject."""
    for path in FOLDER.glob("static/scripts/**/*.js"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 250, path


def test_no_file_has_an_outside_address() -> None:
    """The page works without a network; namespaces of SVG are no addresses."""
    for path in FOLDER.glob("static/**/*.*"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://[a-z0-9]", text), path


def test_the_page_starts_from_samples_spectra_and_limits(app: App, plain_artifact: Artifact) -> None:
    """Of the version that serves; the numbers are those of the golden series, digit by digit."""
    response = app.client.get("/page/start.json")
    start = response.json()
    assert (start["model"], start["version"]) == ("forda", plain_artifact.contract.version)
    assert start["limits"] == {"max_instances": MAX_ROWS, "max_body_bytes": MAX_BODY}
    assert start["protocols"] == ["v1", "v2", "native"]
    assert set(start["spectra"]["log_power"]) == {"-1", "1"}
    for sample in start["samples"]:
        if sample["id"].startswith("golden-"):
            row = plain_artifact.golden.series[int(sample["id"].removeprefix("golden-"))]
            np.testing.assert_array_equal(np.array(sample["series"], np.float32), row)
    assert "private" in response.headers["cache-control"]
    tag = {"If-None-Match": response.headers["etag"]}
    assert app.client.get("/page/start.json", headers=tag).status_code == 304
