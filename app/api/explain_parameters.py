"""The options of a request for explanations, from its query."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from app.api.parameters import only_value
from app.api.payloads.wording import shown, shown_value
from app.client.schemas import ExplanationSupport
from app.contract import Contract
from app.errors import ContractViolation
from app.inference.explanation import ExplainOptions, sealed_perturbations
from app.series.perturbations import most_bands

# Most series in a request for explanations, of which each has many variants.
MAX_SERIES = 64
_LABEL, _WINDOWS, _BANDS, _CELLS = "label", "windows", "bands", "cells"
_SHOWN_LABELS = 10
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_PAIR = re.compile(r"([1-9][0-9]{0,8})x([1-9][0-9]{0,8})")


_DEFAULT = "`GET /model` has the default as `explanations`."


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }


def explain_parameters(contract: Contract) -> list[dict[str, Any]]:
    """The OpenAPI descriptions of the parameters, for one version."""
    length = contract.input.length
    return [
        _parameter(
            _LABEL,
            {"type": "string", "enum": [label.name for label in contract.labels]},
            "The label whose probability is explained. The default is the most probable one of each series.",
        ),
        _parameter(
            _WINDOWS,
            {"type": "integer", "minimum": 0, "maximum": length},
            f"Number of windows of time; 0 leaves the importance over time out. {_DEFAULT}",
        ),
        _parameter(
            _BANDS,
            {"type": "integer", "minimum": 0, "maximum": most_bands(length)},
            f"Number of frequency bands; 0 leaves the importance over frequency out. {_DEFAULT}",
        ),
        _parameter(
            _CELLS,
            {
                "type": "string",
                "pattern": f"^(0|{_PAIR.pattern})$".replace("(", "(?:"),
                "examples": ["10x25"],
            },
            "Numbers of windows and of bands of the time-frequency cells, such as `10x25`, each up to the "
            f"maximum of that parameter; `0` leaves the importance of cells out. {_DEFAULT}",
        ),
    ]


class ExplainLimits(NamedTuple):
    """Limits of a request for explanations: variants of all its series together, and seconds."""

    max_variants: int
    timeout: float


class ExplainQuery(NamedTuple):
    """The options that a query names. None stands for the default, which depends on the model.

    Attributes:
        label: that is explained; None for the most probable one of each series.
        windows: number of time windows; 0 for none.
        bands: number of frequency bands; 0 for none.
        cells: numbers of windows and bands of cells; (0, 0) for none.
    """

    label: str | None
    windows: int | None
    bands: int | None
    cells: tuple[int, int] | None

    def options(self, contract: Contract) -> ExplainOptions:
        """The options for a version.

        Raises:
            NotSealed: the version has no explanations.
            ContractViolation: the model has no such label.
        """
        sealed = sealed_perturbations(contract)
        cells = (sealed.cells.windows, sealed.cells.bands) if self.cells is None else self.cells
        return ExplainOptions(
            None if self.label is None else _target(self.label, contract),
            sealed.time.windows if self.windows is None else self.windows,
            sealed.frequency.bands if self.bands is None else self.bands,
            cells if all(cells) else None,
        )


def support_for(contract: Contract, limits: ExplainLimits) -> ExplanationSupport | None:
    """What requests for a version may ask for, and the defaults; None if it has no explanations."""
    sealed = contract.perturbations
    if sealed is None:
        return None
    return ExplanationSupport(
        max_series=MAX_SERIES,
        max_variants=limits.max_variants,
        timeout=limits.timeout,
        windows=sealed.time.windows,
        bands=sealed.frequency.bands,
        cells=(sealed.cells.windows, sealed.cells.bands),
    )


def read_query(query: bytes) -> ExplainQuery:
    """The options of a query, without its question mark.

    Raises:
        ContractViolation: one is invalid.
    """
    found = QueryParams(query)
    return ExplainQuery(
        only_value(found, _LABEL), _number(found, _WINDOWS), _number(found, _BANDS), _cells(found)
    )


def _target(label: str, contract: Contract) -> int:
    names = [each.name for each in contract.labels]
    if label not in names:
        some = ", ".join(map(shown, names[:_SHOWN_LABELS])) + (", …" if len(names) > _SHOWN_LABELS else "")
        raise ContractViolation(
            [(_LABEL, f"expected a label of the model ({some}), got {shown_value(label)}")]
        )
    return names.index(label)


def _number(query: QueryParams, name: str) -> int | None:
    value = only_value(query, name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise ContractViolation(
            [(name, f"expected a whole number from 0 to 999999999, got {shown_value(value)}")]
        )
    return int(value)


def _cells(query: QueryParams) -> tuple[int, int] | None:
    value = only_value(query, _CELLS)
    if value is None:
        return None
    if value == "0":
        return 0, 0
    pair = _PAIR.fullmatch(value)
    if pair is None:
        expected = "expected numbers of windows and bands such as 10x25, or 0"
        raise ContractViolation([(_CELLS, f"{expected}; got {shown_value(value)}")])
    return int(pair[1]), int(pair[2])
