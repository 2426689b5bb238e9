"""Plans the variants of an explanation, and cuts them into chunks for the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from app.contract import Perturbations
from app.errors import ContractViolation
from app.inference.explanation.options import ExplainOptions
from app.series.perturbations import MedianSpectrum, Perturbation, create_perturbation, most_bands
from app.series.spec import SeriesSpec

# Names of the parts, as in `ExplainOptions` and `Explanations`.
TIME, FREQUENCY, CELLS = "time", "frequency", "cells"


class Piece(NamedTuple):
    """Consecutive variants of one series and one part.

    Attributes:
        series: position of the series.
        part: name of the part; None for the series itself, without a perturbation.
        start: first region.
        end: the region after the last.
    """

    series: int
    part: str | None
    start: int
    end: int

    @property
    def rows(self) -> int:
        """Number of variants."""
        return self.end - self.start


def check_options(options: ExplainOptions, *, spec: SeriesSpec, classes: int) -> None:
    """Check the numbers of an explanation.

    Raises:
        ContractViolation: there is no such class, there are more windows than time steps or more bands than
            frequencies, or everything is left out.
    """
    violations = []
    if options.target is not None and not 0 <= options.target < classes:
        violations.append(("target", f"class {options.target}; the model has classes 0 to {classes - 1}"))
    windows, bands = [("windows", options.windows, 0)], [("bands", options.bands, 0)]
    if options.cells is not None:
        windows.append(("cells", options.cells[0], 1))
        bands.append(("cells", options.cells[1], 1))
    for numbers, most, unit, limit in (
        (windows, spec.length, "windows", "time steps"),
        (bands, most_bands(spec.length), "bands", "frequencies above 0"),
    ):
        violations += [
            (name, f"{number} {unit}; from {least} to {most}, the {limit} of a series")
            for name, number, least in numbers
            if not least <= number <= most
        ]
    if not violations and options.variants == 0:
        violations.append(("", "windows, bands and cells are all left out: there is nothing to explain"))
    if violations:
        raise ContractViolation(violations)


def perturbations_of(
    options: ExplainOptions, reference: Perturbations, spec: SeriesSpec, spectrum: MedianSpectrum
) -> dict[str, Perturbation]:
    """The perturbation of each part that is not left out."""
    found = {}
    create = partial(create_perturbation, length=spec.length, spectrum=spectrum)
    if options.windows:
        found[TIME] = create(reference.time.perturbation, windows=options.windows)
    if options.bands:
        found[FREQUENCY] = create(reference.frequency.perturbation, bands=options.bands)
    if options.cells:
        windows, bands = options.cells
        found[CELLS] = create(reference.cells.perturbation, windows=windows, bands=bands)
    return found


def chunks_of(
    series: int, perturbations: Mapping[str, Perturbation], *, rows: int
) -> Iterator[tuple[Piece, ...]]:
    """All variants of all series, in chunks of so many rows; first the series themselves.

    Args:
        series: number of series.
        perturbations: of each part.
        rows: of a chunk; the last may have fewer.
    """
    chunk: list[Piece] = []
    room = rows
    for piece in _pieces(series, perturbations):
        start = piece.start
        while start < piece.end:
            taken = piece._replace(start=start, end=min(piece.end, start + room))
            chunk.append(taken)
            start, room = taken.end, room - taken.rows
            if not room:
                yield tuple(chunk)
                chunk, room = [], rows
    if chunk:
        yield tuple(chunk)


def _pieces(series: int, perturbations: Mapping[str, Perturbation]) -> Iterator[Piece]:
    for number in range(series):
        yield Piece(number, None, 0, 1)
    for number in range(series):
        for part, perturbation in perturbations.items():
            yield Piece(number, part, 0, perturbation.regions)
