"""Versions on a plain HTTP server, which has no list and, here, sends whole files only."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.contract import CONTRACT_FILE, Artifact, open_artifact
from app.errors import ArtifactError
from app.registry import VERSIONS_FILE, ArtifactCache, RemoteArtifact, choose, publish
from app.store import open_store
from tests.app.registry.conftest import BRIEF
from tests.support.versions import add_version


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the URL that serves it."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_folder_that_was_published_to_is_served_over_http(
    site: tuple[Path, str], small: Artifact, tmp_path: Path
) -> None:
    """The highest of `VERSIONS` that is there, the pinned one, or the one that the URL names."""
    folder, url = site
    for number in (1, 2):
        publish(add_version(tmp_path, number, small), open_store(folder))

    def first(place: str) -> str:
        return RemoteArtifact(place, ArtifactCache(tmp_path / "cache"), timeouts=BRIEF).first().name

    assert first(url) == "2"
    assert first(f"{url}/1/") == "1"
    choose(open_store(folder), 1)
    assert first(url) == "1"
    choose(open_store(folder), None)
    (folder / "2" / CONTRACT_FILE).unlink()
    assert first(url) == "1"
    (folder / VERSIONS_FILE).unlink()
    with pytest.raises(ArtifactError, match=rf"{url}: has neither contract\.json nor VERSIONS"):
        first(url)


def test_a_download_starts_again_where_the_server_cannot_continue(
    site: tuple[Path, str], small: Artifact, tmp_path: Path
) -> None:
    """It sends whole files only."""
    folder, url = site
    publish(add_version(tmp_path, 1, small), open_store(folder))
    cache = ArtifactCache(tmp_path / "cache")
    partial_model = cache.partial(open_artifact(folder / "1").contract_sha256) / "model.keras"
    partial_model.write_bytes((folder / "1" / "model.keras").read_bytes()[:1000])
    found = RemoteArtifact(url, cache, timeouts=BRIEF).first()
    assert open_artifact(found).contract.version == 1
