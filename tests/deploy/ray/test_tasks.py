"""`score` as tasks of a real Ray."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

import numpy as np
import pytest

from app.cli.exit_codes import OK
from app.contract import Artifact
from qa.harness.process import Process
from qa.harness.ray import ENVIRONMENT, START_SECONDS, is_installed, short_folder

ROWS, SHARD_ROWS, TASKS = 1000, 100, 2

pytestmark = pytest.mark.skipif(not is_installed(), reason="Ray is not installed: make ray")


def test_tasks_share_a_job(artifact: Artifact, tmp_path: Path) -> None:
    """Each row is in the result once, and every task has seen the whole job complete."""
    golden = artifact.golden.series
    np.save(tmp_path / "series.npy", np.resize(golden, (ROWS, *golden.shape[1:])))
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "deploy.ray.score", "--tasks", str(TASKS), "--"]
    command += ["--input", str(tmp_path / "series.npy"), "--output", str(tmp_path / "scores")]
    variables = {"ARTIFACT": str(artifact.folder), "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with short_folder() as folder:
        process = Process(
            [*command, "--shard-rows", str(SHARD_ROWS)],
            log=tmp_path / "log",
            settings={**variables, "RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"},
        )
        try:
            process.start()
            assert process.wait(seconds=START_SECONDS) == OK, process.output
        finally:
            process.kill()
    complete = re.findall(rf"\(score pid=(\d+)\).* complete .* {ROWS:,} series scored", process.output)
    assert len(set(complete)) == TASKS
    shards = json.loads((tmp_path / "scores" / "manifest.json").read_text())["shards"]
    assert [shard["end"] for shard in shards] == list(range(SHARD_ROWS, ROWS + 1, SHARD_ROWS))
    assert sum(shard["counts"]["scored"] for shard in shards) == ROWS
