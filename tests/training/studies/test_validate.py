"""Cross-validation of settings on folds of the training series."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.config import TrainingConfig
from training.data.ucr import Dataset
from training.studies.validate import KINDS, main, validate, validation_table


def test_teacher_and_student_predict_held_out_series(
    wave_dataset: Dataset, tiny: Callable[..., TrainingConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    """One row per view, over the chosen folds; both classify easy waves."""
    config = tiny(folds=4, epochs=25, learning_rate=0.02)
    rows = validate(config, wave_dataset, [1, 3]).splitlines()
    assert capsys.readouterr().err.splitlines() == ["fold 1", "fold 3"]
    assert rows[0] == "| 24 held-out series | teacher | student |"
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[2:]] == list(KINDS)
    stored = rows[2].split("|")
    assert float(stored[2].split("(")[0]) > 80
    assert float(stored[3].split("(")[0]) > 80


def test_accuracy_and_cross_entropy_are_right() -> None:
    """Logits of two series, one right and one wrong, give the values computed by hand."""
    logits = np.array([[2.0, 0.0], [2.0, 0.0]], np.float32)
    entropy = np.log1p(np.exp(-2)) / 2 + np.log1p(np.exp(2)) / 2
    shown = validation_table({"student": {"stored": logits}}, np.array([0, 1]))
    assert shown.splitlines()[-1] == f"| stored | 50.00 ({entropy:.4f}) |"


@pytest.mark.parametrize("options", [["--folds", "0"], ["--teacher", "none"]])
def test_other_settings_are_refused_in_one_line(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings without teacher or without folds are refused."""
    assert main(["--", *options]) == 1
    assert (
        capsys.readouterr().err
        == "error: cannot validate these settings; set --tokens spectrum, --teacher svm and --folds of at "
        "least 2\n"
    )
