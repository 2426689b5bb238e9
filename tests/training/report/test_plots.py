"""The report's plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.series.scores import reliability
from training.report.plots import (
    Measured,
    WindowSpectra,
    plot_confusion,
    plot_learning,
    plot_novelty,
    plot_reliability,
    plot_robustness,
    plot_roc,
    plot_spectra,
)

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = 80_000
ENTRY = {"loss": 0.7, "accuracy": 0.5, "seconds": 1.0}
CHECKED = ENTRY | {"val_loss": 0.6, "val_accuracy": 0.6}


def is_a_picture(path: Path) -> bool:
    """Whether a file is a PNG that is small enough for a repository."""
    content = path.read_bytes()
    return content.startswith(PNG) and 3_000 < len(content) < LARGEST


@pytest.mark.parametrize("classes", [2, 3, 20])
@pytest.mark.parametrize("sharpness", [0.2, 8.0])
def test_classes_are_drawn_however_many(tmp_path: Path, classes: int, sharpness: float) -> None:
    """Confusion matrix and ROC are drawn for two, a few and many classes, also if one has no test series."""
    random = np.random.default_rng(0)
    labels = [str(i) for i in range(classes)]
    targets = np.arange(60) % max(2, classes - 1)
    scores = sharpness * np.eye(classes)[targets] + random.standard_normal((60, classes))
    probabilities = (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float32)
    plot_confusion(tmp_path / "confusion.png", random.integers(0, 9, (classes, classes)), labels)
    plot_roc(tmp_path / "roc.png", {"as stored": probabilities, "rounded": probabilities}, targets, labels)
    assert is_a_picture(tmp_path / "confusion.png")
    assert is_a_picture(tmp_path / "roc.png")


@pytest.mark.parametrize(
    ("fitted", "folds", "kept"),
    [
        ([CHECKED], [], 1),
        ([CHECKED] * 30, [], 12),
        ([ENTRY] * 150, [[CHECKED] * 150] * 4, None),
        ([ENTRY] * 2, [[CHECKED] * 2], None),
        ([ENTRY] * 2, [], 2),
    ],
    ids=["one epoch", "held-out share", "folds", "one fold", "nothing held out"],
)
def test_histories_are_drawn(
    tmp_path: Path, fitted: list[dict[str, float]], folds: list[Any], kept: int | None
) -> None:
    """Learning curves are drawn for one epoch or more, with folds, a held-out share, or neither."""
    plot_learning(tmp_path / "history.png", fitted, folds, kept=kept)
    assert is_a_picture(tmp_path / "history.png")


@pytest.mark.parametrize("diagrams", [1, 2])
def test_reliability_is_drawn_before_and_after(tmp_path: Path, diagrams: int) -> None:
    """One diagram or two side by side, also if all series are in one bin."""
    measured = reliability(np.array([[0.9, 0.1]] * 5), np.array([0, 0, 0, 0, 1]))
    titles = ["Before calibration", "Calibrated, temperature 0.50"][:diagrams]
    plot_reliability(tmp_path / "reliability.png", dict.fromkeys(titles, measured), least=0.5)
    assert is_a_picture(tmp_path / "reliability.png")


@pytest.mark.parametrize("accuracy", [1.0, 0.5])
def test_robustness_is_drawn_at_any_height(tmp_path: Path, accuracy: float) -> None:
    """The plot is drawn for a perfect and for a useless model."""
    value = Measured(accuracy, accuracy - 0.02, min(1.0, accuracy + 0.02))
    precision = dict.fromkeys(["as stored", "2 decimals"], value)
    plot_robustness(tmp_path / "robustness.png", precision, {0.0: value, 0.05: value})
    assert is_a_picture(tmp_path / "robustness.png")


@pytest.mark.parametrize(("windows", "classes"), [(1, 2), (2, 3), (2, 20)])
def test_spectra_are_drawn_window_by_window(tmp_path: Path, windows: int, classes: int) -> None:
    """One column per window; classes without test series are left out; many classes have no legend."""
    means = np.linspace(0, -60, 17) + np.arange(classes)[:, np.newaxis]
    means[-1] = np.nan
    window = WindowSpectra(
        window=32,
        frequencies=np.linspace(0, 0.5, 17),
        means=means,
        edges=np.linspace(0, 0.5, 6),
        attention=np.array([0.5, 1.5, 1, 1, 1]),
    )
    labels = [str(i) for i in range(classes)]
    plot_spectra(tmp_path / "spectra.png", [window] * windows, labels, rounding=-50.8)
    assert is_a_picture(tmp_path / "spectra.png")


@pytest.mark.parametrize("related", [{}, {"FordB": np.zeros(40, np.float32)}])
def test_novelty_is_drawn_group_by_group(tmp_path: Path, related: dict[str, Any]) -> None:
    """One row per group, with or without related data sets, also if all scores are equal."""
    random = np.random.default_rng(0)
    own = {"own, as stored": random.normal(-0.3, 0.2, 300).astype(np.float32)}
    others = {
        "noise": random.normal(1, 0.3, 200).astype(np.float32),
        "flat lines": np.full(200, 3.3, np.float32),
    }
    plot_novelty(tmp_path / "novelty.png", own, related, others, threshold=0.1)
    assert is_a_picture(tmp_path / "novelty.png")
