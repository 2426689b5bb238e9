"""The README is true: its request gets its response, its code runs, its results are those of the artifact."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app.contract import Artifact
from qa.harness.server import ServerProcess
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The contents of the README's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def block_with(language: str, text: str) -> str:
    """The one block in a language that has a text in it."""
    (found,) = (block for block in blocks(language) if text in block)
    return found


def test_the_request_gets_the_answer_that_is_shown(server: ServerProcess, artifact: Artifact) -> None:
    """The curl command, word for word but for the address, prints what the README says it prints."""
    command = block_with("sh", "curl").replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(shlex.split(command), cwd=ROOT, capture_output=True, check=True)
    answer, shown = json.loads(done.stdout), json.loads(blocks("json")[0])
    for given, stated in zip(answer["predictions"], shown["predictions"], strict=True):
        for figures in ("probabilities", "ood_score"):
            stated_figures = stated.pop(figures)
            assert given.pop(figures) == pytest.approx(stated_figures, abs=artifact.contract.output.tolerance)
    assert answer == shown


def test_the_python_example_runs(server: ServerProcess) -> None:
    """Copied into a file, it prints a line for each series."""
    code = block_with("python", "Client").replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"(?:(-1|1) \[.*\] [01]\.\d+\n)+", done.stdout)


def test_the_results_are_the_artifacts(artifact: Artifact) -> None:
    """The table of results has the accuracies that the job measured and sealed."""
    metrics = artifact.contract.metrics
    shown = [name for name in metrics if name.startswith(("resamples", "expected_calibration_error"))]
    for name in ("accuracy", "accuracy_rounded_2_decimals", "accuracy_with_noise", *shown):
        assert f"{metrics[name]:.2%}".replace("%", " %") in README, name
    assert f"{metrics['ood_auroc']:.4f}" in README
    assert f"{artifact.contract.parameters:,}" in README


def test_the_example_is_a_golden_series(artifact: Artifact) -> None:
    """The request's series is one that training sealed, rounded as a client would."""
    (series,) = json.loads(Path(ROOT, "docs", "example.json").read_text())["instances"]
    distances = abs(artifact.golden.series - series).max(axis=1)
    assert distances.min() < 1e-4
