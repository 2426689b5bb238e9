"""The options of a call for explanations: the query of its requests, and how many series fit into one."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlencode

from app.client.errors import InvalidOptions
from app.client.schemas import ExplanationSupport, ModelDescription


class ExplainOptions(TypedDict, total=False):
    """What to explain, and into how many regions to divide time and frequency.

    Attributes:
        label: whose probability is explained; None for the most probable one of each series.
        windows: number of time windows; 0 leaves the importance over time out. None for the server's default.
        bands: number of frequency bands; 0 leaves the importance over frequency out. None as above.
        cells: numbers of windows and of bands of the time-frequency cells; 0 leaves them out. None as above.
    """

    label: str | None
    windows: int | None
    bands: int | None
    cells: tuple[int, int] | int | None


def query_of(options: ExplainOptions) -> str:
    """The query of a request, with its question mark; empty for the defaults.

    Raises:
        InvalidOptions: `cells` is neither a pair nor 0.
    """
    cells = options.get("cells")
    if isinstance(cells, int) and cells:
        raise InvalidOptions(f"cells is {cells}; give a pair of windows and bands, such as (10, 25), or 0")
    given = {
        **{name: options.get(name) for name in ("label", "windows", "bands")},
        "cells": "x".join(map(str, cells)) if isinstance(cells, tuple) else cells,
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    return f"?{urlencode(wanted)}" if wanted else ""


def support_of(model: ModelDescription) -> ExplanationSupport:
    """What the server offers.

    Raises:
        InvalidOptions: the model has no explanations.
    """
    if model.explanations is None:
        raise InvalidOptions(
            f"{model.contract.name}/{model.contract.version} has no explanations: it was sealed without what "
            "they are measured from; train it again with this release"
        )
    return model.explanations


def series_in_request(options: ExplainOptions, support: ExplanationSupport) -> int:
    """The number of series whose explanations fit into one request.

    Raises:
        InvalidOptions: a series has more regions than a request may have.
    """
    windows, bands, cells = options.get("windows"), options.get("bands"), options.get("cells")
    pair = support.cells if cells is None else cells if isinstance(cells, tuple) else (0, 0)
    variants = (support.windows if windows is None else windows) + (support.bands if bands is None else bands)
    variants += pair[0] * pair[1] + 1  # and the series itself
    if variants > support.max_variants:
        raise InvalidOptions(
            f"{variants:,} variants of each series; the server takes {support.max_variants:,} a request: ask "
            "for fewer windows, bands or cells"
        )
    return min(support.max_series, support.max_variants // variants)
