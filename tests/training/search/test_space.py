"""The search space."""

from __future__ import annotations

from typing import Any

import pytest

from training.config import config_from
from training.search.space import WINDOWS, suggest_options


class Extremes:
    """A trial that always suggests the first or the last value."""

    def __init__(self, *, last: bool) -> None:
        self._last = last

    def suggest_categorical(self, name: str, choices: Any) -> Any:  # noqa: ARG002 - Optuna's signature
        """The first or last choice."""
        return choices[-1 if self._last else 0]

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:  # noqa: ARG002
        """The lowest or highest number."""
        return high if self._last else low

    def suggest_int(self, name: str, low: int, high: int) -> int:  # noqa: ARG002 - Optuna's signature
        """The lowest or highest number."""
        return high if self._last else low


@pytest.mark.parametrize("last", [False, True])
def test_the_corners_of_the_space_are_valid_configurations(*, last: bool) -> None:
    """The extreme values of the search space are valid configurations."""
    options = suggest_options(Extremes(last=last))
    assert config_from(options).windows in WINDOWS.values()
