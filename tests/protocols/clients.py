"""Runs scripts with clients that others wrote, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.contract import Artifact
from qa.harness.server import ServerProcess
from tests.conftest import ROOT
from tests.protocols.scripts.observe import Target

# Where `make protocols` installs the clients. Their packages are not the server's.
PYTHON = Path(os.environ.get("PROTOCOLS_PYTHON", ROOT / ".cache" / "protocols" / "bin" / "python"))
SECONDS = 120.0
# The scripts of tritonclient: over each transport, for threads and for asyncio.
HTTP = ("triton_http", "triton_http_aio")
GRPC = ("triton_grpc", "triton_grpc_aio")
TRITON = (*HTTP, *GRPC)

Observations = dict[str, Any]


def skip_without_clients() -> None:
    """Skip the calling test if the clients are not installed."""
    if not PYTHON.exists():
        pytest.skip(f"the clients are not installed in {PYTHON.parent.parent}: make .cache/protocols/ready")


def target_of(server: ServerProcess, artifact: Artifact, *, grpc: int | None = None, **more: Any) -> Target:
    """The target of the scripts: a server of an artifact.

    Args:
        server: the server.
        artifact: that it serves.
        grpc: its port for gRPC.
        more: further fields of the target.
    """
    fields = {
        "http": server.address,
        "grpc": "" if grpc is None else f"127.0.0.1:{grpc}",
        "model": artifact.contract.name,
        "version": artifact.contract.version,
        "golden": str(artifact.folder.absolute() / "golden.npz"),
        "input": artifact.contract.input.name,
    }
    return Target(**{**fields, **more})


def observe(script: str, target: Target) -> Observations:
    """What a script's client saw, by scenario.

    Args:
        script: name of a file in `tests/protocols/scripts`, without `.py`.
        target: the server.
    """
    skip_without_clients()
    done = subprocess.run(
        [str(PYTHON), "-m", f"tests.protocols.scripts.{script}", target.command],
        cwd=ROOT,
        env={**os.environ, "no_proxy": "*", "NO_PROXY": "*", "GRPC_VERBOSITY": "NONE"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{script} ended with {done.returncode}:\n{done.stderr[-3000:]}"
    seen: Observations = json.loads(done.stdout.splitlines()[-1])
    return seen
