"""A real Triton with the committed model, to compare with: what benchmarks/peers installs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.contract import Artifact
from benchmarks.peers.errors import PeerError
from benchmarks.peers.processes import Running, running
from benchmarks.peers.servers.base import Place
from benchmarks.peers.servers.triton import Triton
from benchmarks.peers.single_requests import responds
from qa.harness.server import free_port
from tests.conftest import ROOT

ENVIRONMENTS = ROOT / ".cache" / "peers"
_MODEL = Path(__file__).with_name("triton_model")


@dataclass(frozen=True, slots=True)
class Reference:
    """A running Triton and its ports."""

    process: Running
    http: int
    grpc: int


def skip_without_triton() -> None:
    """Skip the calling test if Triton is not installed."""
    binary = (
        Triton().environment(ENVIRONMENTS).packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"
    )
    if not binary.exists():
        pytest.skip("Triton is not installed: make protocols")


@contextmanager
def running_triton(artifact: Artifact, folder: Path) -> Iterator[Reference]:
    """A Triton that is ready.

    Args:
        artifact: whose graph it computes.
        folder: for its files.
    """
    place = Place(ENVIRONMENTS, artifact.folder.absolute(), folder, free_port())
    grpc = free_port()
    models, version = folder / "models", str(artifact.contract.version)
    shutil.copytree(_MODEL, models / "forda", ignore=shutil.ignore_patterns("model.py", "__pycache__"))
    (models / "forda" / version).mkdir()
    shutil.copy(_MODEL / "model.py", models / "forda" / version)
    with (models / "forda" / "config.pbtxt").open("a") as config:
        config.write(f"version_policy {{ specific {{ versions: [{version}] }} }}\n")
    launch = Triton().serve(place, models, {"grpc-address": "127.0.0.1", "grpc-port": str(grpc)})
    with running(launch, log=folder / "triton.log") as process:
        process.wait_until(lambda: responds(place.port, Triton.health), seconds=Triton.seconds)
        yield Reference(process, place.port, grpc)


def main() -> int:
    """Install Triton for the tests; without it they are skipped."""
    try:
        Triton().environment(ENVIRONMENTS).install()
    except PeerError as error:
        print(  # noqa: T201 - to the user of `make protocols`
            f"no Triton, so nothing is compared with it: {error}", file=sys.stderr
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
