"""A real server that meets versions of other schemas: it serves old ones and refuses newer ones."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.contract import CONTRACT_FILE, Artifact, open_artifact, pin, sha256_of
from qa.harness.server import running_server
from tests.conftest import ROOT
from tests.support import plain_http
from tests.support.versions import add_version, serve_to_the_end

TOO_NEW = "schema_version 4 is too new: this server reads 1 to 3; upgrade the server"


def edit(version: Path, **changes: Any) -> None:
    """Change fields of a contract that nobody has read yet."""
    path = version / CONTRACT_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def add_newer(folder: Path, number: int, source: Artifact) -> None:
    """A version as a later training might seal it; whole at once."""
    aside = folder.parent / "aside"
    aside.mkdir()
    version = add_version(aside, number, source)
    edit(version, schema_version=4, later={"field": 1})
    version.rename(folder / str(number))


@pytest.mark.parametrize("number", [1, 2])
def test_versions_of_old_schemas_are_served(number: int) -> None:
    """Those of schema 1 and 2 that are committed: their golden answers come out of a server of today."""
    folder = ROOT / "model_artifacts" / "forda" / str(number)
    golden = open_artifact(folder).golden
    with running_server(ARTIFACT=str(folder)) as server:
        body = {"instances": golden.series[:4].tolist()}
        answer = plain_http.post(f"{server.url}/predict", json=body).raise_for_status().json()
        found = [list(prediction["probabilities"].values()) for prediction in answer["predictions"]]
        np.testing.assert_allclose(found, golden.probabilities[:4], rtol=0, atol=1e-3)
        assert answer["version"] == number


def test_a_newer_schema_is_refused_by_name_and_the_server_goes_on(
    tmp_path: Path, trusted_artifact: Artifact
) -> None:
    """As in a fleet that is half upgraded; the next version that it reads is taken."""
    folder = tmp_path / "versions"
    folder.mkdir()
    add_version(folder, 1, trusted_artifact)
    body = {"instances": trusted_artifact.golden.series[:1].tolist()}
    with (
        running_server(ARTIFACT=str(folder), RELOAD_SECONDS="0.05") as server,
        plain_http.client(base_url=server.url) as client,
    ):
        add_newer(folder, 2, trusted_artifact)
        deadline = time.monotonic() + 60
        while not (refused := client.get("/model").json()["refused"]):
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.02)
        assert TOO_NEW in refused["2"]
        assert client.post("/predict", json=body).raise_for_status().json()["version"] == 1
        assert client.get("/readyz").is_success
        add_version(folder, 3, trusted_artifact)
        while client.get("/readyz").json()["version"] != 3:
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.02)
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


def test_a_server_that_is_rolled_back_starts_with_a_version_that_it_reads(
    tmp_path: Path, trusted_artifact: Artifact
) -> None:
    """It does not start with one that is too new, and does once another is pinned."""
    folder = tmp_path / "versions"
    folder.mkdir()
    add_version(folder, 1, trusted_artifact)
    add_newer(folder, 2, trusted_artifact)
    done = serve_to_the_end(folder)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert TOO_NEW in line
    assert str(folder / "2" / CONTRACT_FILE) in line
    pin(folder, 1)
    with running_server(ARTIFACT=str(folder)) as server:
        assert plain_http.get(f"{server.url}/readyz").json()["version"] == 1


def test_a_version_with_an_unknown_part_is_served(tmp_path: Path, trusted_artifact: Artifact) -> None:
    """Sealed for a later server: its files are checked like all others, and its answers are the same."""
    version = add_version(tmp_path, 1, trusted_artifact)
    (version / "baseline.npz").write_bytes(b"for later")
    digests = {**trusted_artifact.contract.files, "baseline.npz": sha256_of(version / "baseline.npz")}
    reference = {"files": ["baseline.npz"], "content": {"method": "later"}}
    edit(version, files=digests, explanation_reference=reference)
    golden = trusted_artifact.golden
    with running_server(ARTIFACT=str(tmp_path)) as server:
        body = {"instances": golden.series.tolist()}
        answer = plain_http.post(f"{server.url}/predict", json=body).raise_for_status().json()
        found = [list(prediction["probabilities"].values()) for prediction in answer["predictions"]]
        np.testing.assert_allclose(found, golden.probabilities, rtol=0, atol=1e-3)
        contract = plain_http.get(f"{server.url}/model").json()["contract"]
        assert contract["explanation_reference"] == reference
        assert "drift_reference" not in contract
