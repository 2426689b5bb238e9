"""The contract's reference for drift: sums over training series that the model was not fitted to.

They are sums and counts, not samples, so that they stay small and say how many series they rest on. The
series that are served are counted into the same cells, and the two are compared.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.contract.frozen import Frozen
from app.contract.optional_part import OptionalPart

MAX_CELLS = 200
MAX_BANDS = 200
MAX_VIEWS = 8
# A contract has room for these many labels' counts.
MAX_DRIFT_LABELS = 2_000

Count = Annotated[int, Field(ge=0)]
Edges = Annotated[tuple[float, ...], Field(min_length=1, max_length=MAX_CELLS - 1)]


class DriftView(Frozen):
    """Sums over the held-out series in one form in which clients send them, such as rounded to 2 decimals."""

    name: str = Field(min_length=1, max_length=100, examples=["stored"])
    series: int = Field(ge=1, description="Number of series, independent of each other.")
    labels: tuple[Count, ...] = Field(
        max_length=MAX_DRIFT_LABELS, description="Series by most probable label."
    )
    confidence: tuple[Count, ...] = Field(description="Series by cell of the highest probability.")
    ood_score: tuple[Count, ...] = Field(description="Series by cell of the OOD score.")
    warnings: dict[str, Count] = Field(description="Series with a warning, by its code.")
    confidence_sum: float = Field(ge=0, description="Sum of the highest probabilities.")
    ood_score_sum: float = Field(ge=0, description="Sum of the OOD scores.")
    spectrum: tuple[float, ...] = Field(
        max_length=MAX_BANDS, description="Sum of the series' shares of power in each band; 1 in all, each."
    )

    @model_validator(mode="after")
    def _counts_each_series_once(self) -> DriftView:
        for name in ("labels", "confidence", "ood_score"):
            if sum(getattr(self, name)) != self.series:
                raise ValueError(f"{name} counts {sum(getattr(self, name))} series, not {self.series}")
        return self


class DriftReference(Frozen):
    """What the series that are served are compared with.

    A value is in the first cell whose upper edge it does not exceed, or in the last cell, which has none.
    """

    confidence_edges: Edges
    ood_score_edges: Edges
    views: tuple[DriftView, ...] = Field(min_length=1, max_length=MAX_VIEWS)

    @model_validator(mode="after")
    def _fits_together(self) -> DriftReference:
        for edges in (self.confidence_edges, self.ood_score_edges):
            if any(low >= high for low, high in pairwise(edges)):
                raise ValueError("edges do not ascend")
        first = self.views[0]
        for view in self.views:
            sizes = (len(view.confidence), len(view.ood_score))
            if sizes != (len(self.confidence_edges) + 1, len(self.ood_score_edges) + 1):
                raise ValueError(f"view {view.name}: the cells do not fit the edges")
            if (len(view.labels), len(view.spectrum)) != (len(first.labels), len(first.spectrum)):
                raise ValueError("views differ in the number of labels or bands")
        return self

    @property
    def bands(self) -> int:
        """Number of bands of the mean spectrum."""
        return len(self.views[0].spectrum)


class DriftContent(Frozen):
    """What is known of the part. Fields that a later release adds are kept."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    reference: DriftReference | None = Field(default=None, exclude_if=lambda value: value is None)


class DriftPart(OptionalPart):
    """The part `drift_reference` of a contract. Older servers of this schema read its shape alone."""

    content: DriftContent = Field(default_factory=DriftContent)  # type: ignore[assignment]  # same JSON
