"""Peak resident memory of a replica with the settings of deploy/kubernetes/base, one load after the other.

    python -m benchmarks.memory

The requests and limits of deploy/kubernetes follow from it. The server is a real process; the peak is that of
the kernel (`VmHWM`), reset before each load. What a load has left to the allocator counts for the next one,
too, as it does for a server that runs for weeks.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from app.contract import Artifact, open_artifact
from benchmarks.__main__ import machine
from benchmarks.timing import spread
from qa.harness import proc
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_json, as_npy, head, post
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess, running_server

SETTINGS = ROOT / "deploy" / "kubernetes" / "base" / "settings.env"
# The defaults of MAX_BODY_BYTES and MAX_BODY_BYTES_IN_FLIGHT.
_BODY_BYTES = 4 * 2**20
_BODIES = 64
# TensorFlow on a CPU may take minutes to load a version.
_WAIT_SECONDS = 600
_JSON = ("Content-Type", "application/json")
_NPY = ("Content-Type", "application/x-npy")


def settings() -> dict[str, str]:
    """The settings of a replica, without its address."""
    lines = SETTINGS.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value for name, value in pairs if name not in {"HOST", "PORT"}}


class Loads:
    """The loads, in order, on a server that serves all but the last version of an artifact.

    Args:
        server: it is ready.
        artifact: the last version.
        folder: the folder of versions that the server watches.
        seconds: duration of each closed-loop load.
    """

    def __init__(self, server: ServerProcess, artifact: Artifact, folder: Path, *, seconds: float) -> None:
        self._server, self._artifact, self._folder = server, artifact, folder
        self._seconds = seconds
        self._many = np.resize(artifact.golden.series, (256, artifact.contract.input.length))

    def all(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Name and function of each load."""
        yield "ready", lambda: None
        yield (
            "1 series as JSON, 32 connections",
            lambda: self._closed(post(as_json(self._many[:1]), [_JSON]), 32),
        )
        yield "256 series as JSON, 8 connections", lambda: self._closed(post(as_json(self._many), [_JSON]), 8)
        yield "256 series as npy, 8 connections", lambda: self._closed(post(as_npy(self._many), [_NPY]), 8)
        yield "a new version beside the old one", self._swap
        yield "explanations and neighbours, 4 connections", self._evidence
        yield (
            "256 series as npy, 256 connections",
            lambda: self._closed(post(as_npy(self._many), [_NPY]), 256),
        )
        yield "64 bodies of 4 MiB at once", self._flood

    def _closed(self, request: bytes, connections: int) -> None:
        """One request at a time on each connection; a request that a limit refuses may end its connection."""
        end = time.monotonic() + self._seconds

        def send(_: int) -> None:
            while time.monotonic() < end:
                with suppress(OSError), HttpClient(self._server.port) as client:
                    while time.monotonic() < end:
                        client.ask(request)

        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(send, range(connections)))

    def _evidence(self) -> None:
        few = as_json(self._many[:32])
        self._closed(post(few, [_JSON], target="/explain"), 4)
        self._closed(post(few, [_JSON], target="/predict?neighbours=5"), 4)

    def _swap(self) -> None:
        version = str(self._artifact.contract.version)
        shutil.copytree(self._artifact.folder, self._folder / ".new")
        (self._folder / ".new").rename(self._folder / version)
        self._server.process.send_signal(signal.SIGHUP)
        self._server.wait_until(
            lambda: self._loaded() == [int(version)], f"serving version {version}", seconds=_WAIT_SECONDS
        )

    def _loaded(self) -> object:
        return json.loads(self._server.get("/model").body)["loaded"]

    def _flood(self) -> None:
        """All bodies but for their last byte, then all last bytes: every body is held at once."""
        body = as_json(self._many)
        body += b" " * (_BODY_BYTES - len(body))
        with ExitStack() as stack:
            clients = [stack.enter_context(HttpClient(self._server.port)) for _ in range(_BODIES)]
            for client in clients:
                client.send(head("POST", "/predict", [_JSON, ("Content-Length", str(len(body)))]) + body[:-1])
            for client in clients:
                client.send(body[-1:])
            for client in clients:
                with suppress(OSError):
                    client.read()


def measure(artifact: Artifact, *, engine: str, seconds: float) -> dict[str, int]:
    """Bytes at the peak of each load, of a new server."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        versions = sorted(
            int(path.name) for path in artifact.folder.parent.iterdir() if path.name.isdecimal()
        )
        before = str(max(version for version in versions if version < artifact.contract.version))
        shutil.copytree(artifact.folder.parent / before, folder / before)
        peaks = {}
        own: dict[str, Any] = {**settings(), "ARTIFACT": str(folder), "ENGINE": engine, "LOG_LEVEL": "error"}
        with running_server(wait=False, **own) as server:
            server.wait_until_ready(seconds=_WAIT_SECONDS)
            for load, run in Loads(server, artifact, folder, seconds=seconds).all():
                proc.reset_peak(server.pid)
                run()
                peaks[load] = proc.peak(server.pid)
        return peaks


def table(rounds: Sequence[dict[str, int]]) -> str:
    """A row for each load: MiB at the peak, as median and range over servers."""
    rows = ["| load | peak, MiB |", "|---|---|"]
    rows += [f"| {load} | {spread([peaks[load] / 2**20 for peaks in rounds], '.0f')} |" for load in rounds[0]]
    return "\n".join(rows)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="number of servers, one after the other")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of each closed-loop load")
    parser.add_argument("--engine", default="openvino", help="openvino or tensorflow")
    options = parser.parse_args()
    artifact = open_artifact(ROOT / "model_artifacts" / "forda")
    rounds = [
        measure(artifact, engine=options.engine, seconds=options.seconds) for _ in range(options.rounds)
    ]
    print(f"On {machine()}, {options.engine}, {options.rounds} servers, median (min-max):\n\n{table(rounds)}")


if __name__ == "__main__":
    main()
