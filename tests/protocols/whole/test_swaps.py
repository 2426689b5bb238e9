"""Versions that come and go under load: every answer is right, and names the version that gave it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.contract import Artifact
from qa.harness.server import free_port, running_server
from tests.process.test_versions import use, wait_for
from tests.protocols.clients import TRITON, observe, target_of
from tests.support.versions import add_version

SECONDS = 15.0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_versions_are_swapped_under_load(artifact: Artifact, tmp_path: Path, workers: str) -> None:
    """A new one twice, and back: no request fails, with any form of the client."""
    add_version(tmp_path, 1, artifact)
    port = free_port()
    settings = {
        "ARTIFACT": str(tmp_path),
        "RELOAD_SECONDS": "0.05",
        "GRPC_PORT": str(port),
        "WORKERS": workers,
    }
    with running_server(**settings) as server, ThreadPoolExecutor(len(TRITON)) as pool:  # type: ignore[arg-type]
        target = target_of(server, artifact, grpc=port, seconds=SECONDS, only=("steadily",))
        clients = [pool.submit(observe, script, target) for script in TRITON]
        server.wait_until(lambda: server.metric("timeseries_predictions_total") > 50, "under load")
        for version in (2, 3):
            add_version(tmp_path, version, artifact)
            wait_for(server, version)
        use(tmp_path, "1")
        wait_for(server, 1)
        found = [client.result()["steadily"] for client in clients]
    for seen in found:
        assert seen["faults"] == {}
        assert set(seen["versions"]) <= {"1", "2", "3"}
    assert set.union(*(set(seen["versions"]) for seen in found)) == {"1", "2", "3"}
