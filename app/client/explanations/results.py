"""The explanations of any number of series, a column for each field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from app.client.errors import UnexpectedResponse
from app.client.explanations.schemas import DECIMALS, Explanation
from app.client.results import Answer, Records

PARTS = ("time", "frequency", "cells")
_AXES = ("window", "band")


class Part(NamedTuple):
    """The importance of the regions of n series over time, over frequency, or over cells of both.

    The last axes of `changes` and `importances` are the regions: windows, bands, or windows and then bands.

    Attributes:
        perturbation: name of what was done to each region.
        windows: `float64[windows, 2]`, start and end of each in time steps; None without time.
        bands: `float64[bands, 2]`, lowest and highest frequency of each in cycles per time step; None without
            frequency.
        changes: `float32[n, regions...]`, the label's probability with the region perturbed, minus the one
            without.
        importances: `float32[n, regions...]`, by how much perturbing the region lowers the label's log-odds.
    """

    perturbation: str
    windows: NDArray[np.float64] | None
    bands: NDArray[np.float64] | None
    changes: NDArray[np.float32]
    importances: NDArray[np.float32]


class Explanations(Sequence[Explanation]):
    """Explanations of n series, in their order.

    As a sequence, its items are `Explanation`s as JSON has them, and a slice is an `Explanations`.

    Args:
        answers: to the requests, at least one, in order.

    Attributes:
        versions: of the model; more than one if the server changed it in between.

    Raises:
        UnexpectedResponse: the model changed in between, and divides series otherwise now.
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.versions = tuple(dict.fromkeys(answer.version for answer in answers))
        shapes = {_regions_of(answer.records) for answer in answers}
        if len(shapes) > 1:
            raise UnexpectedResponse(
                f"versions {', '.join(map(str, self.versions))} of the model explain other regions; explain "
                "the series again"
            )
        self._records: Records = np.concatenate([answer.records for answer in answers])

    @property
    def labels(self) -> NDArray[np.str_]:
        """The label that is explained of each series, `str[n]`."""
        return self._records["label"]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Its probability for the series as it was sent, `float32[n]`."""
        return self._records["probability"]

    @property
    def unlike(self) -> NDArray[np.float32]:
        """Share of perturbed copies unlike the training data, `float32[n]`; NaN without an OOD score."""
        return self._records["unlike"]

    @property
    def time(self) -> Part | None:
        """The importance of windows of time; None if it was left out."""
        return self._part("time")

    @property
    def frequency(self) -> Part | None:
        """The importance of frequency bands; None if it was left out."""
        return self._part("frequency")

    @property
    def cells(self) -> Part | None:
        """The importance of time-frequency cells; None if it was left out."""
        return self._part("cells")

    def _part(self, name: str) -> Part | None:
        records = self._records
        if f"{name}_changes" not in (records.dtype.names or ()):
            return None
        windows, bands = (_regions(records[0], f"{name}_{axis}") for axis in _AXES)
        return Part(
            str(records[0][f"{name}_perturbation"]),
            windows,
            bands,
            records[f"{name}_changes"],
            records[f"{name}_importances"],
        )

    def __len__(self) -> int:
        """The number of series."""
        return len(self._records)

    @overload
    def __getitem__(self, place: int) -> Explanation: ...
    @overload
    def __getitem__(self, place: slice) -> Explanations: ...
    def __getitem__(self, place: int | slice) -> Explanation | Explanations:
        """The explanation of one series, or the explanations of a slice."""
        if isinstance(place, slice):
            part = Explanations([Answer(self._records[place], 0)])
            part.versions = self.versions
            return part
        return _explanation(self._records[place])

    def __iter__(self) -> Iterator[Explanation]:
        """The explanation of each series."""
        return map(_explanation, self._records)


def _regions(record: Any, name: str) -> NDArray[np.float64] | None:
    """Start and end of each region of a record; None if it has none of these."""
    if f"{name}_starts" not in record.dtype.names:
        return None
    return np.stack([record[f"{name}_starts"], record[f"{name}_ends"]], axis=1)


def _regions_of(records: Records) -> tuple[Any, ...]:
    """The fields and the regions of records, which all of one call have in common."""
    names = [name for name in records.dtype.names or () if name.endswith(("_starts", "_ends"))]
    shapes = [(name, records.dtype[name].shape) for name in records.dtype.names or ()]
    return (*shapes, *(records[0][name].tobytes() for name in names if len(records)))


def _explanation(record: Any) -> Explanation:
    unlike = float(record["unlike"])
    return Explanation(
        label=str(record["label"]),
        probability=_short(record["probability"]),
        unlike=None if math.isnan(unlike) else _short(record["unlike"]),
        **{name: _document(record, name) for name in PARTS},
    )


def _document(record: Any, name: str) -> dict[str, Any] | None:
    """A part as JSON has it."""
    if f"{name}_changes" not in record.dtype.names:
        return None
    regions = {
        f"{axis}s": {edge: record[f"{name}_{axis}_{edge}"].tolist() for edge in ("starts", "ends")}
        for axis in _AXES
        if f"{name}_{axis}_starts" in record.dtype.names
    }
    return {
        "perturbation": str(record[f"{name}_perturbation"]),
        **regions,
        "changes": _rounded(record[f"{name}_changes"]),
        "importances": _rounded(record[f"{name}_importances"]),
    }


def _short(number: np.float32) -> float:
    """A number as JSON has it: the shortest text that reads back as the same float32."""
    return float(str(number))


def _rounded(values: NDArray[np.float32]) -> Any:
    return (values.astype(np.float64).round(DECIMALS) + 0.0).tolist()
