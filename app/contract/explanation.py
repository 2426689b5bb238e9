"""The contract's reference for explanations: how to perturb, and how faithful that was measured to be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.contract.frozen import Frozen
from app.contract.optional_part import OptionalPart
from app.contract.trust import Fraction
from app.series.perturbations import most_bands
from app.series.perturbations.spectrum import MOST_BANDS, MOST_CHANNELS
from app.series.spec import SeriesSpec

MOST_WINDOWS = 1000

Power = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Row = Annotated[tuple[Power, ...], Field(min_length=1, max_length=MOST_BANDS)]


class Curve(Frozen):
    """The mean probability of the predicted class while regions are perturbed one after the other.

    The mean is over series and over steps, from a tenth of the regions to half of them, by the order in which
    regions were taken.
    """

    most_first: Fraction = Field(description="The most important region first.")
    random: Fraction = Field(description="In random order.")
    least_first: Fraction = Field(description="The least important region first.")


class Faithfulness(Frozen):
    """How well importances predict what the model does, on training series held out of the fit."""

    deletion: Curve = Field(description="Regions are perturbed. Most first should be the lowest.")
    insertion: Curve = Field(
        description="All regions are perturbed, then restored. Most first should be the highest."
    )
    unlike: Fraction | None = Field(
        description="Share of variants with one perturbed region that are unlike the training data; null if "
        "the model has no OOD score."
    )
    unlike_in_curves: Fraction | None = Field(description="The same of the variants of both curves.")


class TimePart(Frozen):
    """How time windows are perturbed."""

    perturbation: Literal["smooth_window", "interpolated_gap"]
    windows: int = Field(ge=1, le=MOST_WINDOWS, description="Number of windows that was measured.")
    faithfulness: Faithfulness


class FrequencyPart(Frozen):
    """How frequency bands are perturbed."""

    perturbation: Literal["band_gain", "band_stop"]
    bands: int = Field(ge=1, le=MOST_WINDOWS, description="Number of bands that was measured.")
    faithfulness: Faithfulness


class CellsPart(Frozen):
    """How time-frequency cells are perturbed."""

    perturbation: Literal["cell_gain", "cell_stop"]
    windows: int = Field(ge=1, le=MOST_WINDOWS)
    bands: int = Field(ge=1, le=MOST_WINDOWS)
    faithfulness: Faithfulness


class Perturbations(Frozen):
    """What the server perturbs series with, and the figures of the card."""

    series: int = Field(ge=1, description="Number of held-out training series that were measured.")
    time: TimePart
    frequency: FrequencyPart
    cells: CellsPart
    is_relative: bool = Field(
        default=True,
        description="Whether power is relative to the variance of a channel, because scale does not matter.",
    )
    median_power: tuple[Row, ...] = Field(
        min_length=1,
        max_length=MOST_CHANNELS,
        description="Median power of the training series in bands of equal width, by channel; one row may "
        "stand for all channels. White noise has power 1.",
    )

    @model_validator(mode="after")
    def _is_rectangular(self) -> Perturbations:
        if len({len(row) for row in self.median_power}) > 1:
            raise ValueError("median_power has rows of different lengths")
        return self


class ExplanationContent(Frozen):
    """What is known of explanations. Fields that a later release adds are kept."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    perturbations: Perturbations | None = Field(default=None, exclude_if=lambda value: value is None)


class ExplanationReference(OptionalPart):
    """The part of a version that explanations are made with; it has no files."""

    content: ExplanationContent = Field(default_factory=ExplanationContent)  # type: ignore[assignment]  # same JSON

    def check_fits(self, spec: SeriesSpec) -> None:
        """Check that the spectrum and the regions are those of such series.

        Raises:
            ValueError: they have other channels, or more bands or windows than a series has.
        """
        found = self.content.perturbations
        if found is None:
            return
        rows, most = len(found.median_power), most_bands(spec.length)
        if rows not in (1, spec.channels):
            raise ValueError(f"median_power has {rows} rows, but the input has {spec.channels} channels")
        bands = max(len(found.median_power[0]), found.frequency.bands, found.cells.bands)
        if bands > most:
            raise ValueError(f"there are {bands} bands, but the input has {most} frequencies above 0")
        if (windows := max(found.time.windows, found.cells.windows)) > spec.length:
            raise ValueError(f"there are {windows} windows, but the input has {spec.length} time steps")
