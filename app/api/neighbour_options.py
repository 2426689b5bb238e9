"""The request parameters `neighbours` and `neighbours_series`."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import QueryParams

from app.api.parameters import boolean_of, only_value
from app.api.payloads import JSON, response_type
from app.api.payloads.wording import shown_value
from app.client.schemas import MAX_NEIGHBOUR_VALUES, MAX_NEIGHBOURS
from app.contract import Contract
from app.errors import ContractViolation, NotSealed
from app.inference.neighbours import NeighbourOptions

_COUNT, _SERIES = "neighbours", "neighbours_series"
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")

# OpenAPI descriptions.
NEIGHBOURS: dict[str, Any] = {
    "name": _COUNT,
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_NEIGHBOURS},
    "description": (
        "Return so many training series with each prediction: those that the model takes for most similar. "
        "Only in JSON, and only for versions that were sealed with an index."
    ),
}
NEIGHBOURS_SERIES: dict[str, Any] = {
    "name": _SERIES,
    "in": "query",
    "required": False,
    "schema": {"type": "boolean"},
    "description": (
        f"Whether neighbours have their series; at most {MAX_NEIGHBOUR_VALUES:,} values in a response. "
        "Default: if the index has them."
    ),
}


def neighbours_of(query: QueryParams, accept: str | None) -> NeighbourOptions | None:
    """The options of a search for neighbours; None if there is no `neighbours`.

    Args:
        query: of the request.
        accept: value of its Accept header.

    Raises:
        ContractViolation: a value is invalid, or the response is not JSON.
    """
    value = only_value(query, _COUNT)
    with_series = boolean_of(query, _SERIES)
    if value is None:
        if with_series is not None:
            raise ContractViolation([(_SERIES, f"set without {_COUNT}; add {_COUNT}=5, say, or remove it")])
        return None
    if not _NUMBER.fullmatch(value) or int(value) > MAX_NEIGHBOURS:
        raise ContractViolation(
            [(_COUNT, f"expected a whole number from 1 to {MAX_NEIGHBOURS}, got {shown_value(value)}")]
        )
    if response_type(accept) != JSON:
        raise ContractViolation(
            [(_COUNT, "npy responses have no neighbours; send Accept: application/json or remove it")]
        )
    return NeighbourOptions(int(value), with_series)


def check_neighbours(options: NeighbourOptions, contract: Contract, *, count: int) -> None:
    """Check that a version has neighbours, and that the response is not too large.

    Args:
        options: of the request.
        contract: of the version.
        count: of the request's series.

    Raises:
        NotSealed: the version has no index, or one without the series that are asked for.
        ContractViolation: there are too many values.
    """
    version, spec = f"version {contract.version}", contract.neighbours
    if spec is None:
        raise NotSealed(
            f"{version} was sealed without an index of training series; remove `{_COUNT}`, or train and seal "
            "it again without --neighbours none"
        )
    if spec.series_error is None:
        if options.with_series:
            raise NotSealed(f"{version} was sealed without the series themselves; remove `{_SERIES}`")
        return
    found = count * min(options.k, spec.number) * contract.input.spec.values
    if options.with_series is not False and found > MAX_NEIGHBOUR_VALUES:
        problem = (
            f"{count} x {options.k} series are {found:,} values; at most {MAX_NEIGHBOUR_VALUES:,} a "
            f"response: send fewer series, ask for fewer neighbours, or set {_SERIES}=false"
        )
        raise ContractViolation([(_COUNT, problem)])
