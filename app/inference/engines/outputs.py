"""Finds the outputs of a contract among those of a graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.errors import ArtifactError


def find_outputs(promised: Sequence[str], found: Sequence[Collection[str]]) -> list[int]:
    """The positions of the contract's outputs in a graph.

    Args:
        promised: `Contract.outputs`.
        found: the names of each output of the graph; may be empty.

    Returns:
        The position of each output. If there is only one, it matches whatever its name.

    Raises:
        ArtifactError: the graph has no output of a name.
    """
    if len(promised) == len(found) == 1:
        return [0]
    position = {name: i for i, names in enumerate(found) for name in names}
    for name in promised:
        if name not in position:
            has = ", ".join(sorted(position)) or "none with a name"
            raise ArtifactError(f"the contract names output {name}; the graph has: {has}")
    return [position[name] for name in promised]
