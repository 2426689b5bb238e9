"""`app.inference.engines.base`: batch sizes and the golden check."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract import Golden
from app.errors import ArtifactError
from app.inference.engines.base import powers, verify, warm
from app.series.spec import SeriesSpec
from tests.support.fakes import FakeEngine, by_first_value

SERIES = np.linspace(-2, 2, 12, dtype=np.float32).reshape(4, 3)
GOLDEN = Golden(series=SERIES, probabilities=by_first_value(SERIES))


@given(st.integers(2, 4), st.integers(1, 100_000))
def test_batch_sizes_ascend_from_one_to_the_maximum(base: int, max_rows: int) -> None:
    """No size is larger than so many times the one before."""
    sizes = powers(base, max_rows)
    assert sizes[0] == 1
    assert sizes[-1] == max_rows
    assert all(small < large <= base * small for small, large in pairwise(sizes))


def test_warming_runs_every_batch_size() -> None:
    """After warming, no size is met for the first time by a request."""
    engine = FakeEngine(max_rows=8)
    warm(engine, SeriesSpec(3))
    assert engine.batches == [1, 8]


def test_golden_answers_are_computed_alone_and_in_a_batch() -> None:
    """An engine that reproduces them passes, and was asked both ways."""
    engine = FakeEngine()
    verify(engine, GOLDEN, tolerance=1e-6)
    assert engine.batches == [1, 1, 1, 1, 4]


def test_an_engine_that_differs_beyond_the_tolerance_is_refused() -> None:
    """The difference and what was allowed are in the line."""
    engine = FakeEngine(lambda series: by_first_value(series) + np.float32(0.01))
    with pytest.raises(ArtifactError, match=r"differ by 0\.01; the contract allows 0\.001"):
        verify(engine, GOLDEN, tolerance=1e-3)


def test_an_engine_that_answers_nan_is_refused() -> None:
    """NaN is no answer, though it compares false with everything."""
    engine = FakeEngine(lambda series: np.full((len(series), 2), np.nan, np.float32))
    with pytest.raises(ArtifactError, match="differ by nan"):
        verify(engine, GOLDEN, tolerance=1e-3)


def test_an_engine_that_is_right_alone_and_wrong_in_a_batch_is_refused() -> None:
    """Rows that leak into each other are found."""
    engine = FakeEngine(lambda series: by_first_value(series - series.mean(axis=0) * (len(series) > 1)))
    with pytest.raises(ArtifactError, match="in a batch"):
        verify(engine, Golden(SERIES[1:], by_first_value(SERIES[1:])), tolerance=1e-3)


def test_an_engine_with_other_classes_is_refused() -> None:
    """An answer of another shape is told as that."""
    engine = FakeEngine(lambda series: np.ones((len(series), 3), np.float32))
    with pytest.raises(ArtifactError, match=r"shape \(4, 3\), expected \(4, 2\)"):
        verify(engine, GOLDEN, tolerance=1e-3)
