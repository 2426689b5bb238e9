"""Two workers: statistics are of both."""

from __future__ import annotations

import pytest

from app.contract import Artifact
from qa.harness.server import free_port, running_server
from tests.protocols.clients import TRITON, observe, target_of

REQUESTS = 64


@pytest.mark.parametrize("script", TRITON)
def test_statistics_are_of_all_workers(artifact: Artifact, script: str) -> None:
    """Whichever worker reports them, and whichever computed."""
    port = free_port()
    with running_server(WORKERS="2", GRPC_PORT=str(port)) as server:
        target = target_of(server, artifact, grpc=port, count=REQUESTS, only=("infer at once",))
        answers = observe(script, target)["infer at once"]
        assert all("raises" not in answer for answer in answers)
        for asking in ("triton_http", "triton_grpc"):
            target = target_of(server, artifact, grpc=port, only=("all statistics",))
            (found,) = observe(asking, target)["all statistics"]["model_stats"]
            assert int(found["inference_count"]) == REQUESTS
