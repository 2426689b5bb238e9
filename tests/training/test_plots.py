"""The report's pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.plots import plot_confusion, plot_history, plot_roc

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("classes", [2, 3, 20])
def test_pictures_are_drawn_for_any_number_of_classes(tmp_path: Path, classes: int) -> None:
    """Confusion matrix and ROC are drawn for two, a few and many classes, also if one is never tested."""
    random = np.random.default_rng(0)
    labels = [str(i) for i in range(classes)]
    targets = np.arange(60) % max(2, classes - 1)
    probabilities = random.dirichlet(np.ones(classes), 60).astype(np.float32)
    plot_confusion(tmp_path / "confusion.png", random.integers(0, 9, (classes, classes)), labels)
    plot_roc(tmp_path / "roc.png", probabilities, targets, labels)
    for name in ("confusion.png", "roc.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)


def test_the_history_is_drawn_from_one_epoch_on(tmp_path: Path) -> None:
    """A learning curve of a single epoch is a picture too."""
    entry = {"loss": 0.7, "accuracy": 0.5, "val_loss": 0.6, "val_accuracy": 0.6, "seconds": 1.0}
    plot_history(tmp_path / "history.png", [entry], best_epoch=1)
    assert (tmp_path / "history.png").read_bytes().startswith(PNG)
