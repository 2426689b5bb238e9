"""A real server under load whose version is swapped, broken and rolled back.

Its model is small where nothing depends on the model: a server loads the committed one in 0.6 s of CPU time.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from app.contract import CONTRACT_FILE, Artifact
from qa.harness.proc import children, held
from qa.harness.server import ServerProcess, running_server
from tests.conftest import ROOT
from tests.support import plain_http
from tests.support.versions import add_version, damage, serve_to_the_end

CALLERS = 3


@contextmanager
def load(server: ServerProcess, artifact: Artifact) -> Iterator[list[Future[set[int]]]]:
    """Clients that ask for golden answers until the end, and check each; the versions that answered them."""
    stop = threading.Event()
    golden, tolerance = artifact.golden, artifact.contract.output.tolerance
    bodies = [{"instances": golden.series[place : place + 1].tolist()} for place in range(4)]

    def ask() -> set[int]:
        versions, place = set(), 0
        with plain_http.client(base_url=server.url, timeout=30) as client:
            while not stop.is_set():
                place = (place + 1) % len(bodies)
                answer = client.post("/predict", json=bodies[place]).raise_for_status().json()
                [prediction] = answer["predictions"]
                found = list(prediction["probabilities"].values())
                np.testing.assert_allclose(found, golden.probabilities[place], rtol=0, atol=tolerance)
                versions.add(answer["version"])
        return versions

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(ask) for _ in range(CALLERS)]
        try:
            yield callers
        finally:
            stop.set()


def wait_for(server: ServerProcess, version: int) -> None:
    """Until a version serves."""
    server.wait_until(lambda: json.loads(server.get("/readyz").body)["version"] == version)


def use(folder: Path, version: str) -> None:
    """The operator's command."""
    command = [sys.executable, "-m", "app", "use", version]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "ARTIFACT": str(folder)}, check=True)


def test_versions_come_and_go_under_load(tmp_path: Path, trusted_artifact: Artifact) -> None:
    """A new one, a broken one and a roll-back: every response is correct and names one version."""
    add_version(tmp_path, 1, trusted_artifact)
    with running_server(ARTIFACT=str(tmp_path), RELOAD_SECONDS="0.05") as server:
        with load(server, trusted_artifact) as callers:
            add_version(tmp_path, 2, trusted_artifact)
            wait_for(server, 2)
            damage(add_version(tmp_path, 3, trusted_artifact))
            while not (refused := plain_http.get(f"{server.url}/model").json()["refused"]):
                time.sleep(0.02)
            use(tmp_path, "1")
            wait_for(server, 1)
        assert set.union(*(caller.result() for caller in callers)) == {1, 2}
        assert list(refused) == ["3"]
        metrics = plain_http.get(f"{server.url}/metrics").text
        assert 'timeseries_refused_versions_total{version="3"} 1.0' in metrics
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_folders_that_are_not_what_they_say_are_refused(
    tmp_path: Path, trusted_artifact: Artifact, workers: int
) -> None:
    """Each by one line of each worker, counted, and shown at `/model`, while the version before serves on."""
    versions, aside = tmp_path / "versions", tmp_path / "aside"
    for folder in (versions, aside):
        folder.mkdir()
    add_version(versions, 1, trusted_artifact)
    with (
        running_server(ARTIFACT=str(versions), RELOAD_SECONDS="0.05", WORKERS=str(workers)) as server,
        plain_http.client(base_url=server.url) as client,
    ):
        server.wait_for_metric("timeseries_ready_workers", workers)  # one that still starts would refuse to
        add_version(aside, 2, trusted_artifact).rename(versions / "3")
        add_version(aside, 4, trusted_artifact).rename(versions / "004")
        add_version(aside, 1, trusted_artifact).rename(aside / "old")
        edited = aside / "old" / CONTRACT_FILE
        edited.write_text(edited.read_text().replace('"version": 1', '"version": 1, "version": 5', 1))
        (aside / "old").rename(versions / "2")
        reasons = {
            "3": "/3: contract.json says version 2; rename the folder to 2",
            "004": "/004: not a version name, which is a number from 1 to 999999999",
            "2": "/2/contract.json: invalid contract: an object has the key 'version' twice",
        }

        def counted(name: str) -> float:
            text = client.get("/metrics").text
            found = re.findall(rf'timeseries_refused_versions_total{{version="{name}"}} (\S+)', text)
            return float(found[0]) if found else 0.0

        def wait(*names: str) -> None:
            server.wait_until(lambda: [counted(name) for name in names] == [workers] * len(names))

        wait("3", "004")
        (versions / "3").rename(aside / "3")
        wait("2", "3", "004")
        refused = client.get("/model").json()["refused"]
        assert {name for name, reason in refused.items() if reasons[name] in reason} == {"2", "004"}
        assert client.get("/readyz").json()["version"] == 1
        body = {"instances": trusted_artifact.golden.series[:1].tolist()}
        assert client.post("/predict?version=1", json=body).json()["version"] == 1
        assert server.stop() == 0
        log = server.log.read_text()
        assert "Traceback" not in log
        for name, reason in reasons.items():
            lines = [line for line in log.splitlines() if f"version {name} is refused, version 1 " in line]
            assert len(lines) == workers
            assert all(reason in line for line in lines)


def test_a_server_does_not_start_with_a_folder_that_is_not_what_it_says(
    tmp_path: Path, trusted_artifact: Artifact
) -> None:
    """Nor on the version below it: which one is meant is the operator's to say."""
    add_version(tmp_path, 1, trusted_artifact)
    add_version(tmp_path, 2, trusted_artifact).rename(tmp_path / "3")
    done = serve_to_the_end(tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{tmp_path / '3'}: contract.json says version 2; ")


def test_sighup_starts_a_check_and_a_version_can_be_requested(
    tmp_path: Path, trusted_artifact: Artifact
) -> None:
    """One of the loaded versions; the response names it."""
    add_version(tmp_path, 1, trusted_artifact)
    with (
        running_server(ARTIFACT=str(tmp_path), RELOAD_SECONDS="0", KEEP_VERSIONS="2") as server,
        plain_http.client(base_url=server.url) as client,
    ):
        body = {"instances": trusted_artifact.golden.series[:1].tolist()}
        add_version(tmp_path, 2, trusted_artifact)
        server.process.send_signal(signal.SIGHUP)
        wait_for(server, 2)
        assert client.get("/model").json()["loaded"] == [2, 1]
        for query, version in (("", 2), ("?version=1", 1), ("?version=2", 2)):
            assert client.post(f"/predict{query}", json=body).json()["version"] == version
        refusal = client.post("/predict?version=3", json=body)
        assert refusal.status_code == 422
        assert refusal.json()["violations"][0]["message"] == "3 is not loaded; loaded: 2, 1"
        assert client.get("/openapi.json").json()["info"]["version"] == "tiny/2"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_during_the_start_ends_no_process(workers: int) -> None:
    """It is handled after the start, with one process or several workers."""
    with running_server(wait=False, WORKERS=str(workers)) as server:
        struck: set[int] = set()
        deadline = time.monotonic() + 60
        while len(struck) < (1 if workers == 1 else 1 + workers):
            assert time.monotonic() < deadline, server.log.read_text()
            workers_yet = {pid for pid in children(server.process.pid) if is_itself(pid, server.process.pid)}
            for pid in {server.process.pid, *workers_yet} - struck:
                if has_blocked_sighup(pid):
                    os.kill(pid, signal.SIGHUP)
                    struck.add(pid)
        server.wait_until_ready()
        while server.log.read_text().count("SIGHUP: checking for another version") < workers:
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.02)
        assert "replaced" not in server.log.read_text()
        assert server.stop() == 0


def is_itself(pid: int, parent: int) -> bool:
    """Whether a child runs its own program: before, it is a copy of its parent, with all signals blocked."""
    own, parents = (Path(f"/proc/{each}/cmdline").read_bytes() for each in (pid, parent))
    return own not in (b"", parents)


def has_blocked_sighup(pid: int) -> bool:
    """Whether it waits until the process wants it: from its first lines on until it handles it."""
    (mask,) = re.findall(r"SigBlk:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(mask, 16) >> (signal.SIGHUP - 1) & 1)


def test_memory_returns_after_many_swaps(tmp_path: Path, artifact: Artifact) -> None:
    """Each swap loads a model and drops one: six swaps take little more memory than one."""
    add_version(tmp_path, 1, artifact)
    with running_server(ARTIFACT=str(tmp_path), RELOAD_SECONDS="0") as server:

        def megabytes() -> float:
            return held(server.pid).resident / 1e6

        def swap(number: int) -> float:
            add_version(tmp_path, number, artifact)
            server.process.send_signal(signal.SIGHUP)
            wait_for(server, number)
            return megabytes()

        before = megabytes()
        first = swap(2) - before
        after = [swap(number) - before for number in range(3, 8)]
        # A model that is not given up adds as much each time as the first swap did: six times in the end.
        assert after[-1] < 3 * max(first, 30), (first, after)
