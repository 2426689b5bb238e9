"""Series from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.data.other_series import COUNT, EACH, FAMILIES, made_up, other_datasets, relatives_of, stretch
from training.data.sources import package_folder


def test_what_is_made_up_is_what_its_name_says() -> None:
    """Noise has a flat or a falling spectrum, and lines are flat, or straight up to a limit."""
    groups = made_up(128)
    assert {series.shape for series in groups.values()} == {(COUNT, 128)}
    assert all(np.isfinite(series).all() for series in groups.values())
    power = {name: (np.abs(np.fft.rfft(series)) ** 2).mean(axis=0) for name, series in groups.items()}
    assert power["white noise"][1:9].mean() == pytest.approx(power["white noise"][-9:-1].mean(), rel=0.2)
    assert power["pink noise"][1:9].mean() > 5 * power["pink noise"][-9:-1].mean()
    assert np.all(np.ptp(groups["flat lines"], axis=1) == 0)
    clipped = groups["clipped lines"]
    at_limit = np.sum(np.abs(clipped) == np.abs(clipped).max(axis=1, keepdims=True), axis=1)
    assert at_limit.min() > 3
    assert np.abs(groups["sines"]).max() <= 1


def test_what_is_made_up_is_always_the_same() -> None:
    """Two models are judged by the same series."""
    for one, other in zip(made_up(32).values(), made_up(32).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_stretching_keeps_the_shape() -> None:
    """A straight line stays one, from its first value to its last, longer or shorter."""
    line = np.linspace(-1, 3, 10)[np.newaxis]
    np.testing.assert_allclose(stretch(line, 25)[0], np.linspace(-1, 3, 25))
    np.testing.assert_allclose(stretch(line, 4)[0], np.linspace(-1, 3, 4))


def test_other_data_sets_come_from_a_folder(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """All readable test files but its own are taken, stretched: relatives whole, of others a few."""
    random = np.random.default_rng(0)
    for name in ("FordA", "FordB", "Other"):
        write_file(tmp_path / f"{name}_TEST.tsv", random.standard_normal((EACH + 5, 20)), ["1"] * (EACH + 5))
    (tmp_path / "Gaps_TEST.tsv").write_text("1\t" + "\t".join(["NaN"] * 20) + "\n", encoding="utf-8")
    found = other_datasets(tmp_path, 30, but="FordA")
    shapes = {name: series.shape for name, series in found.items()}
    assert shapes == {"FordB": (EACH + 5, 30), "Other": (EACH, 30)}


def test_relatives_are_the_rest_of_the_family() -> None:
    """A data set with the same kind of signal is a relative, in both directions; most have none."""
    assert relatives_of("FordA") == {"FordB"}
    assert relatives_of("CricketY") == {"CricketX", "CricketZ"}
    assert relatives_of("Beef") == set()


def test_families_name_data_sets_that_there_are() -> None:
    """Every name in a family is that of a data set in the archive's package."""
    folder = package_folder()
    assert folder is not None
    assert not [name for family in FAMILIES for name in family if not (folder / f"{name}_TEST.tsv").is_file()]
