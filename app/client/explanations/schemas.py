"""The documents of explanations, shared by the server's documentation and the client.

As in `app/client/schemas.py`, nothing of `app` is imported here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Of changes and importances in JSON.
DECIMALS = 6

_CHANGE = (
    "The probability of the explained label with the region perturbed, minus the one without: negative where "
    "the region speaks for the label."
)
_IMPORTANCE = (
    "By how much perturbing the region lowers the log-odds of the explained label: positive where the region "
    "speaks for it. It also ranks regions where the probability is so close to 1 that it hardly changes."
)
_PERTURBATION = "What was done to each region of a series; docs/explanations.md describes each perturbation."


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Windows(_Frozen):
    """Regions of time, in order. They may overlap."""

    starts: list[float] = Field(description="First time step of each, from 0.", examples=[[0.0, 250.0]])
    ends: list[float] = Field(description="The time step after the last of each.", examples=[[250.0, 500.0]])


class Bands(_Frozen):
    """Regions of frequency, in order. They may overlap."""

    starts: list[float] = Field(
        description="Lowest frequency of each, in cycles per time step, 0 to 0.5. Multiply by the sampling "
        "rate for hertz.",
        examples=[[0.0, 0.25]],
    )
    ends: list[float] = Field(description="Highest frequency of each.", examples=[[0.25, 0.5]])


class TimeImportance(_Frozen):
    """How much each window of time matters."""

    perturbation: str = Field(description=_PERTURBATION, examples=["smooth_window"])
    windows: Windows = Field(description="The windows of time.")
    changes: list[float] = Field(description=f"Of each window. {_CHANGE}", examples=[[-0.02, -0.31]])
    importances: list[float] = Field(description=f"Of each window. {_IMPORTANCE}", examples=[[0.4, 2.1]])


class FrequencyImportance(_Frozen):
    """How much each frequency band matters."""

    perturbation: str = Field(description=_PERTURBATION, examples=["band_gain"])
    bands: Bands = Field(description="The frequency bands.")
    changes: list[float] = Field(description=f"Of each band. {_CHANGE}", examples=[[-0.6, 0.01]])
    importances: list[float] = Field(description=f"Of each band. {_IMPORTANCE}", examples=[[3.2, -0.1]])


_Row = Annotated[list[float], Field(description="Of each band.")]


class CellImportance(_Frozen):
    """How much each time-frequency cell matters: a frequency band within a window of time."""

    perturbation: str = Field(description=_PERTURBATION, examples=["cell_gain"])
    windows: Windows = Field(description="The windows of time.")
    bands: Bands = Field(description="The frequency bands.")
    changes: list[_Row] = Field(
        description=f"For each window, a list with the value of each band. {_CHANGE}",
        examples=[[[-0.1, 0.0], [-0.4, 0.01]]],
    )
    importances: list[_Row] = Field(
        description=f"For each window, a list with the value of each band. {_IMPORTANCE}",
        examples=[[[0.6, 0.0], [2.2, -0.1]]],
    )


class Explanation(_Frozen):
    """The explanation of a prediction: how a label's probability changes when regions are perturbed."""

    label: str = Field(
        description="The label that is explained: the most probable one, or that of the request.",
        examples=["1"],
    )
    probability: float = Field(
        ge=0, le=1, description="Its probability for the series as it was sent.", examples=[0.97]
    )
    unlike: float | None = Field(
        ge=0,
        le=1,
        description=(
            "Share of the perturbed copies of the series that are unlike the training data. The higher it "
            "is, the less the explanation says. Null if the model has no OOD score."
        ),
        examples=[0.02],
    )
    time: TimeImportance | None = Field(description="Null if `windows=0` left it out.")
    frequency: FrequencyImportance | None = Field(description="Null if `bands=0` left it out.")
    cells: CellImportance | None = Field(description="Null if `cells=0` left it out.")


class ExplainResponse(_Frozen):
    """One explanation for each series of the request, in its order, and the model that was explained."""

    model: str = Field(description="Name of the model.", examples=["forda"])
    version: int = Field(ge=1, description="Version of the model.", examples=[1])
    variants: int = Field(
        ge=0, description="Number of perturbed copies of each series: one for each region.", examples=[8]
    )
    explanations: list[Explanation] = Field(description="In the order of the request's series.")
