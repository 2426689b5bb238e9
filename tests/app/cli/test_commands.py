"""`python -m app` as a command."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from app.api.middleware.api_keys import line_of, new_key, read_keys
from app.contract import Artifact, sha256_of
from qa.harness.server import ServerProcess, free_port, running_server
from tests.app.api.served import served
from tests.conftest import ROOT
from tests.support.trusted import a_series


def run(*arguments: str, prefix: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    With its own temporary folder: a server logs that it deletes files of a killed one.
    """
    with TemporaryDirectory() as temporary:
        return subprocess.run(
            [*prefix, sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": temporary, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serving_a_damaged_artifact_ends_with_one_line(
    artifact: Artifact, tmp_path: Path, workers: str
) -> None:
    """The line names the file and what is wrong; there is no trace and no crash loop."""
    folder = Path(shutil.copytree(artifact.folder, tmp_path / artifact.folder.name))
    (folder / "model.keras").write_bytes(b"damaged")
    done = run("serve", ARTIFACT=str(tmp_path), PORT=str(free_port()), WORKERS=workers)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "model.keras: damaged: SHA-256 is" in line


def test_serving_nothing_ends_with_one_line(tmp_path: Path) -> None:
    """The error for a missing folder says what to do."""
    done = run("serve", ARTIFACT=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no such folder; train one with `make train` or set ARTIFACT" in line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serving_an_artifact_that_fails_its_golden_answers_ends_with_one_line(
    trusted_artifact: Artifact, tmp_path: Path, workers: str
) -> None:
    """Golden answers that are not reproduced stop the server, though every digest is right."""
    folder = Path(shutil.copytree(trusted_artifact.folder, tmp_path / trusted_artifact.folder.name))
    with np.load(folder / "golden.npz") as arrays:
        lies = {**arrays, "probabilities": arrays["probabilities"][:, ::-1].copy()}
    np.savez(folder / "golden.npz", **lies)
    contract = json.loads((folder / "contract.json").read_text())
    contract["derived"] = {}
    contract["files"]["golden.npz"] = sha256_of(folder / "golden.npz")
    (folder / "contract.json").write_text(json.dumps(contract))
    done = run("serve", ARTIFACT=str(tmp_path), PORT=str(free_port()), WORKERS=workers)
    assert done.returncode == 1, done.stderr
    critical = [entry for entry in map(json.loads, done.stderr.splitlines()) if entry["level"] == "CRITICAL"]
    assert len(critical) == 1
    assert "golden answers alone on openvino differ by" in critical[0]["message"]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "203.0.113.1", "fe80::1%nowhere"])
def test_an_invalid_host_ends_with_one_line(host: str, workers: str) -> None:
    """It names the variable; no worker is started."""
    done = run("serve", HOST=host, PORT=str(free_port()), WORKERS=workers)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"HOST={host!r}: ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_ends_with_one_line(workers: str) -> None:
    """It names the variable to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", HOST="127.0.0.1", PORT=port, WORKERS=workers)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"PORT={port}: another process listens on this port")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_not_allowed_ends_with_one_line(workers: str) -> None:
    """For a process without permission for ports below 1024; root's is removed here."""
    floor = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not floor.exists() or int(floor.read_text()) <= 1:
        pytest.skip("every process may listen on every port here")
    without = ("setpriv", "--bounding-set=-net_bind_service") if os.geteuid() == 0 else ()
    if without and shutil.which(without[0]) is None:
        pytest.skip("root may listen on every port, and there is no setpriv")
    done = run("serve", prefix=without, HOST="127.0.0.1", PORT="1", WORKERS=workers)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("PORT=1: no permission to listen on this port")


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("WORKERS", "many", "Value error, set a number from 1 to 256, or `auto`"),
        ("LOG_LEVEL", "loud", "Input should be 'debug', 'info', 'warning' or 'error'"),
        ("PORT", "65536", "Input should be less than or equal to 65535"),
    ],
)
def test_a_bad_setting_ends_with_one_line(variable: str, value: str, why: str) -> None:
    """It names the variable and the error."""
    done = run("serve", **{variable: value})
    assert done.returncode == 1
    assert done.stderr == f"{variable}: {why}\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serving_with_an_invalid_key_file_ends_with_one_line(tmp_path: Path, workers: str) -> None:
    """The server does not start without authentication."""
    (tmp_path / "keys").write_text("# keys\nalice\n")
    done = run("serve", API_KEYS_FILE=str(tmp_path / "keys"), PORT=str(free_port()), WORKERS=workers)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "keys: line 2: expected name:sha256" in line


def test_a_new_key_and_its_line_belong_together(tmp_path: Path) -> None:
    """Standard output has only the line for the file; the key is on standard error."""
    done = run("key", "alice")
    assert done.returncode == 0
    key = done.stderr.splitlines()[0]
    (tmp_path / "keys").write_text(done.stdout)
    assert read_keys(tmp_path / "keys") == {hashlib.sha256(key.encode()).digest(): "alice"}
    assert key not in done.stdout


def test_a_key_needs_a_plain_name() -> None:
    """The error says which characters are valid."""
    done = run("key", "a:b")
    assert done.returncode == 2
    assert "'a:b': use 1 to 64 letters, digits, dots, dashes and underscores" in done.stderr


def test_predict_sends_its_key(plain_artifact: Artifact, tmp_path: Path) -> None:
    """From an option or the environment; without one, the server's error in one line."""
    key = new_key()
    (tmp_path / "keys").write_text(line_of("alice", key))
    np.save(tmp_path / "series.npy", plain_artifact.golden.series[:1])
    with served(plain_artifact, api_keys_file=tmp_path / "keys") as app:
        ask = ("predict", str(tmp_path / "series.npy"), "--url", app.url)
        assert len(run(*ask, "--api-key", key).stdout.splitlines()) == 1
        assert len(run(*ask, API_KEY=key).stdout.splitlines()) == 1
        refused = run(*ask)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("API key missing or unknown: send one valid API key")


def test_check_verifies_the_artifact() -> None:
    """For deployment pipelines: golden answers without a server."""
    done = run("check")
    assert done.returncode == 0
    assert "golden answers reproduced on OpenVINO" in done.stderr


def test_health_follows_readiness(server: ServerProcess) -> None:
    """The container's health check."""
    port = server.url.rpartition(":")[2]
    assert run("health", PORT=port).returncode == 0
    gone = run("health", PORT=str(free_port()))
    assert gone.returncode == 1
    assert "readyz" in gone.stderr
    assert len(gone.stderr.splitlines()) == 1


def test_predict_prints_an_answer_a_line(server: ServerProcess, artifact: Artifact, tmp_path: Path) -> None:
    """A file of series in, JSON lines out."""
    file = tmp_path / "series.npy"
    np.save(file, artifact.golden.series[:3])
    done = run("predict", str(file), "--url", server.url)
    assert done.returncode == 0, done.stderr
    labels = [json.loads(line)["label"] for line in done.stdout.splitlines()]
    names = [label.name for label in artifact.contract.labels]
    assert labels == [names[i] for i in artifact.golden.probabilities[:3].argmax(axis=1)]


def test_predict_may_abstain(trusted_artifact: Artifact, tmp_path: Path) -> None:
    """With `--abstain`, a series gets a label only if the model is sure."""
    file = tmp_path / "series.npy"
    np.save(file, np.stack([a_series(logit=3.0), a_series(logit=0.0)]))
    with running_server(ARTIFACT=str(trusted_artifact.folder)) as server:
        plain, abstaining = (
            run("predict", str(file), "--url", server.url, *flag) for flag in ([], ["--abstain"])
        )
    assert [json.loads(line)["label"] for line in plain.stdout.splitlines()] == ["1", "-1"]
    assert [json.loads(line)["label"] for line in abstaining.stdout.splitlines()] == ["1", None]


def test_predict_reports_an_error_in_one_line(tmp_path: Path) -> None:
    """A missing file causes no traceback."""
    done = run("predict", str(tmp_path / "nothing.npy"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("port", ["80x", "99999"])
def test_predict_refuses_an_invalid_port(tmp_path: Path, port: str) -> None:
    """Some systems would connect to another port instead."""
    done = run("predict", str(tmp_path / "series.npy"), PORT=port)
    assert done.returncode == 1
    assert done.stderr == f"PORT: '{port}' is not a port; set a number up to 65535, or use --url\n"
