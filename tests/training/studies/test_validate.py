"""What settings are worth, on folds of the training series."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.config import TrainingConfig
from training.data.ucr import Dataset
from training.studies.validate import KINDS, as_markdown, main, validate


def test_teacher_and_student_are_judged_on_what_they_did_not_see(
    wave_dataset: Dataset, tiny: Callable[..., TrainingConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    """One row a view, over the folds asked for; easy waves are told apart by both."""
    config = tiny(folds=4, epochs=25, learning_rate=0.02)
    rows = validate(config, wave_dataset, [1, 3]).splitlines()
    assert capsys.readouterr().err.splitlines() == ["fold 1", "fold 3"]
    assert rows[0] == "| 24 held-out series | teacher | student |"
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[2:]] == list(KINDS)
    stored = rows[2].split("|")
    assert float(stored[2].split("(")[0]) > 80
    assert float(stored[3].split("(")[0]) > 80


def test_accuracy_and_cross_entropy_are_right() -> None:
    """Logits for two series, one right, one wrong, give the figures by hand."""
    logits = np.array([[2.0, 0.0], [2.0, 0.0]], np.float32)
    entropy = np.log1p(np.exp(-2)) / 2 + np.log1p(np.exp(2)) / 2
    shown = as_markdown({"student": {"stored": logits}}, np.array([0, 1]))
    assert shown.splitlines()[-1] == f"| stored | 50.00 ({entropy:.4f}) |"


@pytest.mark.parametrize("options", [["--folds", "0"], ["--teacher", "none"]])
def test_other_settings_are_refused_in_one_line(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What has no teacher or no folds is not validated here."""
    assert main(["--", *options]) == 1
    assert (
        capsys.readouterr().err
        == "error: only settings with folds, spectra and a teacher are validated here\n"
    )
