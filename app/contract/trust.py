"""The contract's data on how far to trust a prediction, for models that were sealed with it."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from app.contract.frozen import Frozen

Level = Annotated[str, StringConstraints(pattern=r"^0\.\d+$")]
Fraction = Annotated[float, Field(ge=0, le=1)]


class LabelSets(Frozen):
    """A label is in a series' set if its probability reaches a level's threshold (conformal prediction).

    Thresholds were calibrated on series that the model was not fitted to: of similar series, at least the
    level's share has its true label in its set. A series unlike the training data gets the empty set.
    """

    level: float = Field(gt=0, lt=1, description="The level that the service answers at.", examples=[0.99])
    thresholds: dict[Level, Fraction] = Field(
        description="Level to the least probability of a label in the set.", examples=[{"0.95": 0.6}]
    )

    @property
    def threshold(self) -> float:
        """The threshold of the level that the service answers at."""
        return self.thresholds[str(self.level)]

    @model_validator(mode="after")
    def _has_its_level(self) -> LabelSets:
        if str(self.level) not in self.thresholds:
            raise ValueError(f"thresholds has none for the level {self.level}")
        return self


class NoveltySpec(Frozen):
    """The model's second output, `float32[n, 1]`: the distance of a series' spectrum from the training data.

    It is the natural logarithm of a distance; its rank among the quantiles is the OOD score.
    """

    name: str = Field(min_length=1, examples=["novelty"])
    quantiles: tuple[float, ...] = Field(
        min_length=2, description="Of series held out of training, at evenly spaced ranks from 0 to 1."
    )
    threshold: float = Field(description="Above this, a series is unlike the training data.")

    @model_validator(mode="after")
    def _ascends(self) -> NoveltySpec:
        if any(low > high for low, high in pairwise(self.quantiles)):
            raise ValueError("quantiles do not ascend")
        return self


class ValueThresholds(Frozen):
    """Thresholds from the training series' values, for warnings about unusual input."""

    fewest_distinct: int = Field(ge=1, description="Fewer different values in a series than this are odd.")
    most_at_extreme: int = Field(
        ge=1, description="More values equal to a series' largest, or to its smallest, than this are odd."
    )


class Trust(Frozen):
    """Calibration of trust, measured on training series that the model was not fitted to."""

    label_sets: LabelSets
    novelty: NoveltySpec
    habits: ValueThresholds
