"""A small sealed model, and a real store with an address that tests can disturb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.contract import Artifact, open_artifact
from app.registry import ArtifactCache, RemoteArtifact, publish
from app.registry.download import RateLimit
from app.store import Store, StoreTimeouts, open_store
from tests.conftest import ROOT
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.object_stores import ObjectStoreServer
from tests.support.versions import add_version

# For faults that end by themselves; a busy machine needs more for requests that succeed.
BRIEF = StoreTimeouts(connect=5.0, read=5.0, retries=1, total=2.0)

Publish = Callable[[int], str]
Open = Callable[..., RemoteArtifact]


@pytest.fixture(scope="session")
def small() -> Artifact:
    """The smallest version that is committed: 1 MB in 11 files."""
    return open_artifact(ROOT / "model_artifacts" / "forda" / "1")


@pytest.fixture
def proxy(seaweed: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """A proxy in front of SeaweedFS, which the environment names as the store."""
    with faulty_proxy(seaweed.process.port) as running:
        for name, value in seaweed.through(running.url).items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def url(seaweed: ObjectStoreServer, proxy: FaultyProxy) -> str:  # noqa: ARG001 - sets the environment
    """The URL of an empty folder of versions."""
    return seaweed.folder()


@pytest.fixture
def store(url: str) -> Store:
    """The store of that folder."""
    return open_store(url)


@pytest.fixture
def published(store: Store, tmp_path: Path, small: Artifact) -> Publish:
    """Publishes a version of a number."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    return lambda number: publish(add_version(folder, number, small), store)


@pytest.fixture
def remote(url: str, tmp_path: Path) -> Open:
    """Opens the artifact at the URL as a server does; each time as another process."""

    def open_remote(
        *, min_bytes: int = 1, seconds: float = 30.0, timeouts: StoreTimeouts = BRIEF
    ) -> RemoteArtifact:
        cache = ArtifactCache(tmp_path / "cache")
        return RemoteArtifact(url, cache, timeouts=timeouts, rate=RateLimit(min_bytes, seconds))

    return open_remote
