"""Verify the index of neighbours of a version folder, and the embeddings of its model on each runtime."""

from __future__ import annotations

from app.contract import Artifact
from app.contract.neighbours import read_neighbours
from app.errors import ArtifactError
from training.artifact.export import MARGIN, embed_keras, embed_openvino, largest_difference
from training.errors import SealError


def verify_embeddings(artifact: Artifact) -> None:
    """Read the index as the service does, and compute the embeddings of the golden series; nothing without.

    Raises:
        SealError: the index cannot be read, or an embedding differs by more than a tenth of the tolerance.
    """
    contract, golden = artifact.contract, artifact.golden
    spec = contract.neighbours
    if spec is None:
        return
    try:
        index = read_neighbours(
            artifact.folder / spec.file,
            spec,
            contract.input.spec,
            sha256=contract.files[spec.file],
            golden=len(golden.series),
            classes=contract.classes,
        )
    except ArtifactError as error:
        raise SealError(f"the sealed index of neighbours cannot be opened: {error}") from error
    found = {"keras": embed_keras(artifact.model_path, golden.series, spec.embedding.output)}
    if graph := artifact.derived("openvino"):
        found["openvino"] = embed_openvino(graph[0], golden.series, spec.embedding.output)
    for runtime, embeddings in found.items():
        difference = largest_difference(embeddings, index.golden)
        if not difference <= spec.embedding.tolerance / MARGIN:
            raise SealError(
                f"{runtime}: embeddings differ from the sealed ones by {difference:.1e}, more than a tenth "
                f"of the tolerance {spec.embedding.tolerance:.1e}; nothing was published; seal without them "
                "(--neighbours none)"
            )
