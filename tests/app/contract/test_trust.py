"""`app.contract.trust`: what a contract may say of trust."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.contract import LabelSets, NoveltySpec, Trust
from tests.support.trusted import TRUST


def test_the_threshold_is_that_of_the_level() -> None:
    """The service answers at one of the levels that were measured."""
    thresholds = {"0.9": 0.6, "0.95": 0.4}
    assert LabelSets(level=0.95, thresholds=thresholds).threshold == 0.4
    assert LabelSets(level=0.9, thresholds=thresholds).threshold == 0.6


@pytest.mark.parametrize(
    ("level", "thresholds", "message"),
    [
        (0.99, {"0.9": 0.5}, "thresholds has none for the level 0.99"),
        (0.9, {"0.9": 1.5}, "less than or equal to 1"),
        (0.9, {"0.9": -0.5}, "greater than or equal to 0"),
        (0.9, {"90 %": 0.5}, "should match pattern"),
        (1.0, {"1.0": 0.5}, "less than 1"),
    ],
)
def test_label_sets_that_cannot_be_are_refused(
    level: float, thresholds: dict[str, float], message: str
) -> None:
    """A level without a threshold, or a threshold that is no probability."""
    with pytest.raises(ValidationError, match=message):
        LabelSets(level=level, thresholds=thresholds)


@pytest.mark.parametrize("quantiles", [(), (1.0,), (1.0, 0.0), (0.0, float("nan"))])
def test_quantiles_ascend(quantiles: tuple[float, ...]) -> None:
    """A rank among quantiles needs at least two, in order."""
    with pytest.raises(ValidationError, match="quantiles"):
        NoveltySpec(name="novelty", quantiles=quantiles, threshold=1.0)


@pytest.mark.parametrize("habits", [{"fewest_distinct": 0}, {"most_at_extreme": 0}, {"surprise": 1}])
def test_habits_are_counts(habits: dict[str, Any]) -> None:
    """At least one value is different, and at least one is the largest."""
    document = TRUST.model_dump()
    document["habits"].update(habits)
    with pytest.raises(ValidationError, match="habits"):
        Trust.model_validate(document)
