"""Missing values and series of unequal length, treated as the UCR archive treats its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.series.readers import GapRules, SeriesFile, read_series_file
from app.series.readers.gaps import AMPLITUDE, interpolated, padded
from training.data.sources import package_folder

Read = Callable[..., SeriesFile]
INTERPOLATE = GapRules(missing="interpolate")
PAD = GapRules(unequal="pad")
BOTH = GapRules(missing="interpolate", unequal="pad")


@pytest.mark.parametrize("marker", ["NaN", "nan", "?", "", " ", "NA", "n/a", "null", "None", "-nan"])
def test_gaps_are_filled_by_straight_lines(read: Read, marker: str) -> None:
    """However a gap is written; before the first known value, that value is repeated."""
    text = f"1,0,{marker},{marker},3,4\n1,{marker},7,8,{marker},10"
    np.testing.assert_allclose(read(text, rules=INTERPOLATE).values, [[0, 1, 2, 3, 4], [7, 7, 8, 9, 10]])


def test_a_gap_at_the_end_is_the_end(read: Read, refusal: Callable[..., str]) -> None:
    """As in the archive's files: interpolation has nothing to go to, so padding must be asked for."""
    text = "1,1,2,3,4\n1,5,NaN,7,NaN"
    assert refusal(text, rules=INTERPOLATE).startswith("row 2: value 4 and all after it are missing; cut all")
    assert refusal(text, rules=PAD).startswith("row 2: value 2 is missing; fill it in")
    assert read(text, rules=BOTH).values[1, :3].tolist() == [5, 6, 7]


def test_short_series_are_padded_to_the_longest(read: Read) -> None:
    """Known values stay as they are; missing ones at the end count for the longest row."""
    file = read("1 1 2 3\n1 1 2 3 4 NaN\n1 5 6", rules=PAD)
    assert file.values.shape == (3, 5)
    for row, known in zip(file.values, ([1, 2, 3], [1, 2, 3, 4], [5, 6]), strict=True):
        assert row[: len(known)].tolist() == known
        noise = row[len(known) :] - np.mean(known)
        assert 0 < np.abs(noise).max() < 5 * AMPLITUDE * np.std(known)


def test_series_are_padded_to_a_length_from_elsewhere(read: Read, refusal: Callable[..., str]) -> None:
    """That of training: series that are all shorter are padded to it, a longer one is refused."""
    rules = GapRules(unequal="pad", length=6)
    assert read("1 1 2 3\n1 4 5 6", rules=rules).values.shape == (2, 6)
    assert read("1 1 2 3 4 5 6 NaN", rules=rules).values.tolist() == [[1, 2, 3, 4, 5, 6]]
    assert refusal("1 1 2 3\n1 1 2 3 4 5 6 7", rules=rules) == (
        "row 2: 7 values; the model was trained on 6; cut the series to 6 values"
    )


def test_padding_depends_on_the_series_alone() -> None:
    """The same series is padded alike anywhere, another one otherwise, and noise is of low amplitude."""
    random = np.random.default_rng(0)
    one, other = random.standard_normal((2, 300))
    np.testing.assert_array_equal(padded(one, 1000), padded(one.copy(), 1000))
    tail, tail_of_other = padded(one, 1000)[300:], padded(other, 1000)[300:]
    assert tail.mean() == pytest.approx(one.mean(), abs=3e-3)
    assert tail.std() == pytest.approx(AMPLITUDE * one.std(), rel=0.1)
    assert np.corrcoef(tail, tail_of_other)[0, 1] < 0.2


@pytest.mark.parametrize(("scale", "offset"), [(1e6, 0), (1, 1e5), (1e-3, -1e4)])
def test_padding_is_alike_at_any_offset_and_scale(scale: float, offset: float) -> None:
    """What is padded has the level and the spread of its series, in whatever unit that is."""
    series = np.random.default_rng(0).standard_normal(300)
    tail = padded(scale * series + offset, 1000)[300:]
    assert (tail.mean() - offset) / scale == pytest.approx(series.mean(), abs=3e-3)
    assert tail.std() / scale == pytest.approx(AMPLITUDE * series.std(), rel=0.1)


def test_a_constant_series_is_padded_by_noise_too() -> None:
    """It has no spread to go by, and an amplitude all the same."""
    assert 0 < np.ptp(padded(np.full(3, 7.0), 50)[3:]) < 10 * AMPLITUDE


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_treatment_keeps_the_precision(dtype: type[np.floating]) -> None:
    """A float32 series stays one."""
    assert interpolated(np.array([1, np.nan, 3], dtype)).dtype == dtype
    assert padded(np.array([1, 2, 3], dtype), 5).dtype == dtype


@pytest.mark.parametrize("name", ["DodgerLoopDay", "DodgerLoopGame", "DodgerLoopWeekend"])
@pytest.mark.parametrize("part", ["TRAIN", "TEST"])
def test_the_archives_sets_with_gaps_are_read(name: str, part: str) -> None:
    """Their gaps are on straight lines, and nothing else is changed."""
    folder = package_folder()
    assert folder is not None
    path = folder / f"{name}_{part}.tsv"
    raw = np.genfromtxt(path, delimiter="\t")[:, 1:]
    values = read_series_file(path, rules=INTERPOLATE).values
    known = ~np.isnan(raw)
    assert not known.all()
    np.testing.assert_array_equal(values[known], raw[known])
    for row, filled in zip(raw, values, strict=True):
        assert np.nanmin(row) <= filled.min() <= filled.max() <= np.nanmax(row)


@pytest.mark.parametrize("name", ["AllGestureWiimoteY", "GestureMidAirD2", "GesturePebbleZ1"])
def test_the_archives_sets_of_varying_length_are_read(name: str) -> None:
    """Their test series, of which some are longer than any training series, get the training file's width."""
    folder = package_folder()
    assert folder is not None
    train = read_series_file(folder / f"{name}_TRAIN.tsv", rules=PAD)
    path = folder / f"{name}_TEST.tsv"
    test = read_series_file(path, rules=GapRules(unequal="pad", length=train.values.shape[1]))
    raw = np.genfromtxt(path, delimiter="\t")[:, 1:]
    assert test.values.shape == raw.shape
    known = ~np.isnan(raw)
    np.testing.assert_array_equal(test.values[known], raw[known])
    assert np.isfinite(test.values).all()


def test_rules_are_checked() -> None:
    """A rule that does not exist is a programmer's mistake."""
    with pytest.raises(ValueError, match="missing takes one of"):
        GapRules(missing="guess")
