"""Finding the outputs that a contract promises among those of a graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.errors import ArtifactError


def find_outputs(promised: Sequence[str], found: Sequence[Collection[str]]) -> list[int]:
    """Where the promised outputs are among a graph's.

    Args:
        promised: `Contract.outputs`.
        found: the names of each output of the graph: one, several or none.

    Returns:
        The position of each promised output. An only output is the promised one whatever its name.

    Raises:
        ArtifactError: the graph has no output of a name.
    """
    if len(promised) == len(found) == 1:
        return [0]
    position = {name: i for i, names in enumerate(found) for name in names}
    for name in promised:
        if name not in position:
            has = ", ".join(sorted(position)) or "none with a name"
            raise ArtifactError(f"the contract promises an output {name}, the graph has: {has}")
    return [position[name] for name in promised]
