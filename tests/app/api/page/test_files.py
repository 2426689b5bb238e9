"""`app.api.page.files`: names that never change their content, tags, and gzip."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Mount
from starlette.testclient import TestClient

from app.api.page.files import IMMUTABLE, Compressed, Files, MissingPackage, accepts_gzip, package_folder

TEXT = "const answer = 42;\n" * 100


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Files of two folders; both have a.js."""
    for name in ("first", "second"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "a.js").write_text(f"// {name}\n{TEXT}")
    (tmp_path / "second" / "deep" / "b.css").write_text("p {}")
    (tmp_path / "second" / "picture.png").write_bytes(b"png")
    (tmp_path / "second" / "secret.py").write_text("no")
    return Files([tmp_path / "first", tmp_path / "second"])


@pytest.fixture
def client(files: Files) -> TestClient:
    """A client of an app with these files."""
    return TestClient(Starlette(routes=[Mount("/files", app=files)]))


def test_a_file_has_a_plain_and_an_immutable_name(client: TestClient, files: Files) -> None:
    """The one is checked each time, the other is kept for good."""
    plain = client.get("/files/a.js")
    kept = client.get(f"/files/{files.digest}/a.js")
    assert plain.text == kept.text == f"// first\n{TEXT}"
    assert "cache-control" not in plain.headers
    assert kept.headers["cache-control"] == IMMUTABLE
    assert client.get(f"/files/{files.digest}/deep/b.css").headers["content-type"].startswith("text/css")


def test_the_name_of_another_release_gets_this_one_which_is_not_kept(client: TestClient) -> None:
    """During a rolling restart, pages of both releases work on both."""
    response = client.get("/files/0123456789abcdef/a.js")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")


def test_the_name_changes_with_any_content(files: Files, tmp_path: Path) -> None:
    """Also with that of a file that other files import."""
    (tmp_path / "second" / "deep" / "b.css").write_text("p { }")
    assert Files([tmp_path / "first", tmp_path / "second"]).digest != files.digest


def test_text_is_sent_gzipped_to_those_who_accept_it(client: TestClient) -> None:
    """With a tag of its own, by which the client then gets 304."""
    plain = client.get("/files/a.js", headers={"Accept-Encoding": "identity"})
    packed = client.get("/files/a.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], packed.text) == ("gzip", plain.text)
    assert int(packed.headers["content-length"]) < len(plain.content) / 10
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    for response, coding in ((plain, "identity"), (packed, "gzip")):
        headers = {"If-None-Match": response.headers["etag"], "Accept-Encoding": coding}
        again = client.get("/files/a.js", headers=headers)
        assert (again.status_code, again.content) == (304, b"")


def test_pictures_and_parts_are_sent_as_they_are(client: TestClient) -> None:
    """PNG is compressed already, and a range is one of the plain bytes."""
    assert "content-encoding" not in client.get("/files/picture.png").headers
    part = client.get("/files/a.js", headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.text) == (206, "// first")


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "secret.py", "deep", "../secret.py", "%2e%2e/a.js", "0123456789abcdef/nothing.js", ""],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    """Neither other kinds of files nor what is outside."""
    assert client.get(f"/files/{path}").status_code == 404


def test_only_get_is_allowed(client: TestClient) -> None:
    """As for any file."""
    assert client.post("/files/a.js").status_code == 405


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("gzip", True),
        ("br, GZIP ;q=1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.00", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_accepted_if_the_client_says_so(value: str, accepted: bool) -> None:
    """By RFC 9110, 12.5.3."""
    assert accepts_gzip(Headers({"accept-encoding": value})) is accepted


def test_a_document_names_what_its_response_depends_on() -> None:
    """Besides gzip, whatever else the caller says."""
    response = Compressed(b"<p>", "text/html").response(Headers({"accept-encoding": "gzip"}), Vary="Accept")
    assert response.headers["vary"] == "Accept, Accept-Encoding"
    assert response.headers["cache-control"] == "no-cache"
    assert gzip.decompress(bytes(response.body)) == b"<p>"


def test_a_package_that_is_missing_is_named() -> None:
    """With where to get it."""
    with pytest.raises(
        MissingPackage, match=r"no-such-package is not installed; install requirements/serve\.txt"
    ):
        package_folder("no_such_package", "no-such-package")
