"""Series from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.data.ood_series import (
    ARCHIVE_SERIES,
    RELATED_DATASETS,
    SYNTHETIC_SERIES,
    other_datasets,
    related_datasets,
    stretch,
    synthetic_series,
)
from training.data.sources import package_folder


def test_synthetic_series_have_the_named_shape() -> None:
    """Noise has a flat or falling spectrum; lines are flat, or straight and clipped."""
    groups = synthetic_series(128)
    assert {series.shape for series in groups.values()} == {(SYNTHETIC_SERIES, 128)}
    assert all(np.isfinite(series).all() for series in groups.values())
    power = {name: (np.abs(np.fft.rfft(series)) ** 2).mean(axis=0) for name, series in groups.items()}
    assert power["white noise"][1:9].mean() == pytest.approx(power["white noise"][-9:-1].mean(), rel=0.2)
    assert power["pink noise"][1:9].mean() > 5 * power["pink noise"][-9:-1].mean()
    assert np.all(np.ptp(groups["flat lines"], axis=1) == 0)
    clipped = groups["clipped lines"]
    at_limit = np.sum(np.abs(clipped) == np.abs(clipped).max(axis=1, keepdims=True), axis=1)
    assert at_limit.min() > 3
    assert np.abs(groups["sines"]).max() <= 1


def test_synthetic_series_are_always_the_same() -> None:
    """Two calls give the same series."""
    for one, other in zip(synthetic_series(32).values(), synthetic_series(32).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_stretching_keeps_the_shape() -> None:
    """A straight line stays straight with the same ends, at any length."""
    line = np.linspace(-1, 3, 10)[np.newaxis]
    np.testing.assert_allclose(stretch(line, 25)[0], np.linspace(-1, 3, 25))
    np.testing.assert_allclose(stretch(line, 4)[0], np.linspace(-1, 3, 4))


def test_other_data_sets_come_from_a_folder(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """All other readable test files are used: related data sets completely, others partly."""
    random = np.random.default_rng(0)
    for name in ("FordA", "FordB", "Other"):
        write_file(
            tmp_path / f"{name}_TEST.tsv",
            random.standard_normal((ARCHIVE_SERIES + 5, 20)),
            ["1"] * (ARCHIVE_SERIES + 5),
        )
    (tmp_path / "Gaps_TEST.tsv").write_text("1\t" + "\t".join(["NaN"] * 20) + "\n", encoding="utf-8")
    found = other_datasets(tmp_path, 30, exclude="FordA")
    shapes = {name: series.shape for name, series in found.items()}
    assert shapes == {"FordB": (ARCHIVE_SERIES + 5, 30), "Other": (ARCHIVE_SERIES, 30)}


def test_related_datasets_have_the_same_kind_of_signal() -> None:
    """The relation is symmetric; most data sets have no related one."""
    assert related_datasets("FordA") == {"FordB"}
    assert related_datasets("CricketY") == {"CricketX", "CricketZ"}
    assert related_datasets("Beef") == set()


def test_related_datasets_exist() -> None:
    """Each name is that of a data set in the archive's package."""
    folder = package_folder()
    assert folder is not None
    assert not [
        name for family in RELATED_DATASETS for name in family if not (folder / f"{name}_TEST.tsv").is_file()
    ]
