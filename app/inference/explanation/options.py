"""What a request for explanations asks for."""

from __future__ import annotations

from dataclasses import dataclass

from app.contract import Contract, Perturbations
from app.errors import NotSealed


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """Which class to explain, and into how many regions to divide time and frequency.

    Attributes:
        target: index of the class whose probability is explained; None for each series' predicted class.
        windows: number of time windows; 0 leaves the importance over time out.
        bands: number of frequency bands; 0 leaves the importance over frequency out.
        cells: numbers of time windows and frequency bands of the time-frequency cells; None leaves them out.
    """

    target: int | None = None
    windows: int = 10
    bands: int = 25
    cells: tuple[int, int] | None = None

    @property
    def variants(self) -> int:
        """Number of variants of each series, without the series itself: one for each region."""
        return self.windows + self.bands + (self.cells[0] * self.cells[1] if self.cells else 0)


def sealed_perturbations(contract: Contract) -> Perturbations:
    """How explanations perturb the series of a version.

    Raises:
        NotSealed: the version was sealed without it.
    """
    if contract.perturbations is None:
        raise NotSealed(
            f"{contract.name}/{contract.version} was sealed without `explanation_reference`, which "
            "explanations are made with; train and seal it again with this release"
        )
    return contract.perturbations
