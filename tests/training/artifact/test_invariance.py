"""Whether a model minds offset and scale, on models that do and that do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import open_artifact
from training.artifact.export import run_openvino
from training.artifact.invariance import is_invariant

Answer = Callable[[NDArray[np.float32]], NDArray[np.float32]]
ARTIFACTS = Path(__file__).parents[3] / "model_artifacts" / "forda"
SERIES = np.random.default_rng(0).normal(size=(4, 32)).astype(np.float32)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda x: np.sign(x - x.mean(axis=1, keepdims=True)) * np.float32(0.5), True),
        (lambda x: (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True), True),
        (lambda x: x - x.mean(axis=1, keepdims=True), False),
        (lambda x: x / np.ptp(x, axis=1, keepdims=True), False),
        (lambda x: np.tanh(x[:, :1]), False),
        (lambda x: np.full((len(x), 1), np.nan, np.float32), False),
    ],
    ids=["signs", "z-normalised", "scale", "offset", "first value", "not a number"],
)
def test_a_model_is_what_its_answers_show(answer: Answer, expected: bool) -> None:
    """A model that depends on offset or scale is not invariant."""
    assert is_invariant(answer, SERIES, tolerance=1e-3) is expected


def z_normalised(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each channel by itself."""
    return np.asarray((x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda x: z_normalised(x).mean(axis=2), True),
        (lambda x: np.tanh(x[..., 0] - x[..., 1]), False),
        (lambda x: z_normalised(x[..., :1] - x[..., 1:2])[..., 0], False),
        (lambda x: np.argmax(np.ptp(x, axis=1), axis=1, keepdims=True).astype(np.float32), False),
        (lambda x: z_normalised(x)[..., 0] + np.tanh(x[..., 2]), False),
    ],
    ids=["each z-normalised", "difference", "difference, z-normalised", "largest channel", "last channel"],
)
def test_each_channel_is_measured_by_itself(answer: Answer, expected: bool) -> None:
    """A model that depends on the difference of channels is not invariant."""
    series = np.random.default_rng(0).normal(9, size=(4, 32, 3)).astype(np.float32)
    assert is_invariant(answer, series, tolerance=1e-3) is expected


@pytest.mark.parametrize("version", sorted(ARTIFACTS.glob("[0-9]*")), ids=lambda path: path.name)
def test_every_committed_version_is_what_its_contract_says(version: Path) -> None:
    """The contract of each committed version states the measured invariance."""
    artifact = open_artifact(version)
    graph = artifact.derived("openvino")
    assert graph is not None
    found = is_invariant(
        lambda series: run_openvino(graph[0], series),
        artifact.golden.series,
        tolerance=artifact.contract.output.tolerance,
    )
    assert found == artifact.contract.input.invariant_to_offset_and_scale
