"""Which version a job uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.contract import open_artifact
from app.registry import publish
from app.scoring.artifacts import ArtifactSource
from app.store import open_store
from tests.conftest import ROOT
from tests.support.object_stores import ObjectStoreServer

VERSIONS = ROOT / "model_artifacts" / "forda"


def model_of(number: int) -> dict[str, object]:
    """What a plan says of a version."""
    artifact = open_artifact(VERSIONS / str(number))
    return {"version": number, "contract_sha256": artifact.contract_sha256}


def test_a_job_keeps_the_version_that_began_it() -> None:
    """A new job uses the version that serves; one whose version is gone is compared with that."""
    source = ArtifactSource(VERSIONS)
    newest = source.open(None).contract.version
    assert newest > 1
    assert source.open(model_of(1)).contract.version == 1
    assert source.open(model_of(newest)).contract.version == newest
    assert source.open({"version": 999, "contract_sha256": "0"}).contract.version == newest
    assert ArtifactSource(VERSIONS / "2").open(model_of(1)).contract.version == 2


def test_the_version_may_be_in_a_store(
    seaweed: ObjectStoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fetched into the cache."""
    for name, value in seaweed.environment.items():
        monkeypatch.setenv(name, value)
    url = seaweed.folder()
    for number in (1, 2):
        publish(VERSIONS / str(number), open_store(url))
    source = ArtifactSource(url, tmp_path / "cache")
    assert source.open(None).contract.version == 2
    found = source.open(model_of(1))
    assert found.contract.version == 1
    assert found.folder.is_relative_to(tmp_path / "cache")
