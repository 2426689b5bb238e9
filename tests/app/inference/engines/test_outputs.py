"""`app.inference.engines.outputs`: which of a graph's outputs are the promised ones."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from app.errors import ArtifactError
from app.inference.engines.outputs import find_outputs


@pytest.mark.parametrize(
    ("found", "places"),
    [
        ([["probabilities"], ["novelty"]], [0, 1]),
        ([{"novelty", "graph/novelty:0"}, {"probabilities"}], [1, 0]),
        ([["more"], ["novelty"], [], ["probabilities"]], [3, 1]),
    ],
)
def test_outputs_are_found_by_name_wherever_they_are(found: list[Collection[str]], places: list[int]) -> None:
    """Each runtime and converter has an order of its own, and may add names or outputs."""
    assert find_outputs(("probabilities", "novelty"), found) == places


@pytest.mark.parametrize("names", [[], ["Result_7"], ["probabilities"]])
def test_an_only_output_needs_no_name(names: list[str]) -> None:
    """Where one is promised and one is there, there is nothing to confuse."""
    assert find_outputs(("probabilities",), [names]) == [0]


@pytest.mark.parametrize(
    ("promised", "found", "line"),
    [
        (
            ("probabilities", "novelty"),
            [["probabilities"]],
            "output novelty; the graph has: probabilities",
        ),
        (("probabilities", "novelty"), [[], []], "output probabilities; the graph has: none with a name"),
        (("probabilities",), [["b"], ["a"]], "output probabilities; the graph has: a, b"),
    ],
)
def test_an_output_that_is_missing_is_named(
    promised: tuple[str, ...], found: list[list[str]], line: str
) -> None:
    """And so are those that are there."""
    with pytest.raises(ArtifactError) as info:
        find_outputs(promised, found)
    assert str(info.value) == f"the contract names {line}"
