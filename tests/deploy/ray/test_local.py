"""The application on a real Ray: its answers, a killed replica, a model that must not serve, and the end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from app.client import AsyncClient
from app.contract import CONTRACT_FILE, Artifact, sha256_of
from deploy.ray.proxy import DETAIL
from qa.harness.http_client import HttpClient
from qa.harness.messages import Response, as_json, get, post
from qa.harness.ray import ENVIRONMENT, RayProcess, is_installed, running_ray
from tests.support.versions import add_version

# Of the client, all at a time: more than what makes Ray Serve add the second replica.
CALLERS = 12
# Seconds that a request stays in its replica: so the one that is killed has some at any time. What it has not
# accepted yet, Ray Serve sends to another one itself.
BATCH_WAIT = "0.25"
# One replica, and a second one as soon as requests wait.
SCALING = ("max_replicas=2", "target_ongoing_requests=2", "upscale_delay_s=0", "downscale_delay_s=3")

JSON = [("Content-Type", "application/json")]

pytestmark = pytest.mark.skipif(not is_installed(), reason="Ray is not installed: make ray")


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayProcess]:
    """A Ray with one replica, or two under load."""
    log = tmp_path_factory.mktemp("ray") / "log"
    with running_ray(*SCALING, log=log, MAX_BATCH_WAIT=BATCH_WAIT) as running:
        yield running


@dataclass(slots=True)
class Load:
    """What clients saw while a replica was killed.

    Attributes:
        answers: probabilities of each prediction of the retrying client.
        retries: why that client sent a request again.
        plain: responses to the plain client, which sends nothing again.
        killed: the process id of the replica.
    """

    answers: list[NDArray[np.float32]] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    plain: list[Response] = field(default_factory=list)
    killed: int = 0


@pytest.fixture(scope="module")
def load(ray: RayProcess, artifact: Artifact) -> Load:
    """Load that adds a replica; a replica killed with requests in it; then no load, which removes one."""
    seen, is_over = Load(), asyncio.Event()

    async def caller(client: AsyncClient) -> None:
        while not is_over.is_set():
            found = await client.predict(artifact.golden.series)
            seen.answers.append(found.probabilities)

    def plain_caller() -> None:
        request = post(as_json(artifact.golden.series), JSON)
        while not is_over.is_set():
            with HttpClient(ray.port) as connection:
                seen.plain.append(connection.ask(request))

    def kill_a_replica() -> None:
        ray.wait_for_replicas(2)
        seen.killed = ray.replicas[0]
        os.kill(seen.killed, signal.SIGKILL)
        ray.wait_until(lambda: bool(seen.retries), "at a retry")
        ray.wait_for_replicas(2, without=seen.killed)

    async def run() -> None:
        async with AsyncClient(ray.url, on_retry=lambda retry: seen.retries.append(retry.reason)) as client:
            callers = [asyncio.create_task(caller(client)) for _ in range(CALLERS)]
            plain = [asyncio.create_task(asyncio.to_thread(plain_caller)) for _ in range(4)]
            try:
                await asyncio.to_thread(kill_a_replica)
            finally:
                is_over.set()
            await asyncio.gather(*callers, *plain)
            # A little load until one of the replicas has been removed.
            removal = asyncio.create_task(asyncio.to_thread(ray.wait_for_replicas, 1))
            while not removal.done():
                seen.answers.append((await client.predict(artifact.golden.series)).probabilities)
            await removal

    asyncio.run(run())
    return seen


def test_the_retrying_client_loses_nothing(load: Load, artifact: Artifact) -> None:
    """A replica was added, one was killed with requests in it, one was removed: every prediction is right."""
    assert load.retries
    for answer in load.answers:
        assert answer == pytest.approx(artifact.golden.probabilities, abs=artifact.contract.output.tolerance)


def test_a_plain_client_gets_503_for_what_the_killed_replica_had(load: Load) -> None:
    """With Retry-After, in place of 500; every other response is a prediction."""
    failed = [response for response in load.plain if response.status != 200]
    assert {response.status for response in failed} <= {503}
    assert all(response.headers["retry-after"] == "1" for response in failed)
    assert any(DETAIL in reason for reason in load.retries)


def test_an_error_is_the_servers_own(ray: RayProcess) -> None:
    """The status and the problem document of the server, and one request id."""
    with HttpClient(ray.port) as connection:
        response = connection.ask(post(b'{"instances": [[1, NaN]]}', JSON))
        ready = connection.ask(get("/readyz"))
    assert response.status == 422
    assert response.headers.get_content_type() == "application/problem+json"
    assert len(response.headers.get_all("x-request-id", [])) == 1
    assert ready.status == 200


def test_a_stream_passes(ray: RayProcess, artifact: Artifact) -> None:
    """A recording in chunks gets a line for each window, and the last line has the totals."""
    body = "\n".join(map(str, artifact.golden.series[:2].ravel().tolist())).encode()
    request = post(body, [("Content-Type", "application/x-ndjson")], target="/predict/stream", chunks=4096)
    with HttpClient(ray.port) as connection:
        response = connection.ask(request)
    lines = [json.loads(line) for line in response.body.splitlines()]
    assert [line.get("window") for line in lines] == [0, 1, None]
    assert lines[-1]["windows"] == 2


def test_sigterm_ends_all_of_it(ray: RayProcess, load: Load) -> None:
    """Exit code 0, and none of Ray's processes is left."""
    del load
    assert ray.stop() == 0
    assert ray.pids == []


def test_ray_serve_accepts_the_configuration(root: Path) -> None:
    """Ray Serve's own schema takes what the RayService passes to it, and refuses an unknown field."""
    code = (
        "import sys, yaml; from ray.serve.schema import ServeDeploySchema as Schema;"
        "Schema.model_validate(yaml.safe_load(sys.stdin))"
    )
    service = yaml.safe_load((root / "deploy" / "ray" / "rayservice.yaml").read_text(encoding="utf-8"))
    given = service["spec"]["serveConfigV2"]

    def check(text: str) -> int:
        python = ENVIRONMENT / "bin" / "python"
        command = [str(python), "-c", code]
        return subprocess.run(command, input=text, text=True, capture_output=True, check=False).returncode

    assert check(given) == 0
    assert check(given.replace("import_path", "path")) != 0


def test_a_model_that_fails_its_golden_answers_never_serves(artifact: Artifact, tmp_path: Path) -> None:
    """Ray Serve gives up after some attempts, and the reason is in the output; no request was answered."""
    version = add_version(tmp_path / "forda", 9, artifact)
    with np.load(version / "golden.npz") as arrays:
        golden = dict(arrays)
    golden["probabilities"] = golden["probabilities"][:, ::-1]
    np.savez(version / "golden.npz", **golden)
    contract = json.loads((version / CONTRACT_FILE).read_text())
    contract["files"]["golden.npz"] = sha256_of(version / "golden.npz")
    (version / CONTRACT_FILE).write_text(json.dumps(contract))
    with running_ray(log=tmp_path / "log", wait=False, ARTIFACT=str(version.parent)) as ray:
        assert ray.wait(seconds=240) != 0
        assert re.search(r"golden answers .* differ", ray.output)
