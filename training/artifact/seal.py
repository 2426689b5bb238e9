"""Sealing: publish a trained model as a new version folder that the service can open.

Before publication the version is opened and verified as the service does it. If that fails, nothing is
published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.contract import (
    CONTRACT_FILE,
    GOLDEN_FILE,
    MODEL_FILE,
    SCHEMA_VERSION,
    Artifact,
    Contract,
    DerivedGraph,
    DriftContent,
    DriftPart,
    DriftReference,
    ExplanationContent,
    ExplanationReference,
    Golden,
    InputSpec,
    Label,
    OutputSpec,
    Perturbations,
    Provenance,
    Trust,
    open_artifact,
    reason_of,
    sha256_of,
    sign,
)
from app.contract.neighbours import ExtraContent, ExtraOutputs, NeighboursSpec
from app.errors import ArtifactError
from app.series.offset import narrow
from app.series.spec import model_input
from training.artifact.export import (
    GRAPH_FILES,
    MARGIN,
    largest_difference,
    named,
    run_keras,
    run_openvino,
    save_openvino,
    side_by_side,
)
from training.artifact.invariance import is_invariant
from training.artifact.verify_embeddings import verify_embeddings
from training.artifact.version_folder import new_version
from training.data.ucr import Dataset
from training.errors import SealError
from training.files.write_errors import storage_errors
from training.model.sealed import INPUT_NAME, NOVELTY, PROBABILITIES

# Largest difference of an output between two runtimes: they add float32 in another order. The difference
# measured here must be 10 times smaller, to leave a margin for other machines.
TOLERANCE = 1e-3
GOLDEN_SERIES = 16


class NeighbourIndex(NamedTuple):
    """The index of training series: what the contract says of it, and the content of its file."""

    spec: NeighboursSpec
    content: bytes


@dataclass(frozen=True, slots=True)
class ContractDetails:
    """The fields of a contract that cannot be read from the files of the version."""

    name: str
    description: str
    labels: tuple[Label, ...]
    trust: Trust | None
    metrics: dict[str, float]
    provenance: Provenance
    perturbations: Perturbations | None = None
    drift: DriftReference | None = None


def seal(
    model: Any,
    dataset: Dataset,
    details: ContractDetails,
    *,
    out: Path,
    write_report: Callable[[Path], Iterable[str]],
    index: NeighbourIndex | None = None,
    sign_key: Path | None = None,
) -> Path:
    """Publish the next version of an artifact.

    Args:
        model: trained; takes `float32[n, length, channels]`.
        dataset: golden series come from its test set.
        details: fields of the contract.
        out: folder of artifacts; the version goes to `<out>/<name>/<next version>`.
        write_report: writes card, metrics and plots into a folder and returns the names of the files.
        index: of the training series; None for none.
        sign_key: private key to sign the version with; None for no signature.

    Returns:
        The version folder.

    Raises:
        SealError: the sealed files do not give the model's own outputs; nothing was published.
        StorageError: they cannot be written; nothing was published.
        ArtifactError: the key cannot be used; nothing was published.
    """
    with new_version(out / details.name, open_sealed) as (folder, version):
        with storage_errors(folder):
            names = [*_write_model(model, dataset, folder), *write_report(folder)]
            if index is not None:
                (folder / index.spec.file).write_bytes(index.content)
                names.append(index.spec.file)
            contract = _contract(details, folder, names, version=version, model=model, dataset=dataset)
            if index is not None:
                contract = contract.model_copy(update={"extra_outputs": _extra_outputs(index)})
            write_contract(folder, contract)
        verify(folder)
        if sign_key is not None:
            sign(open_sealed(folder), sign_key)
    return out / details.name / str(version)


def stamp(folder: Path, names: Iterable[str], *, version: int) -> dict[str, Any]:
    """The contract fields of a version folder: schema, number, time, and digests of its files.

    Args:
        folder: the version folder.
        names: its files, with `model.keras` and the derived graph.
        version: its number.
    """
    files = {name: sha256_of(folder / name) for name in sorted(names)}
    return {
        "schema_version": SCHEMA_VERSION,
        "version": version,
        "created": datetime.now(UTC).replace(microsecond=0),
        "files": files,
        "derived": {"openvino": DerivedGraph(files=GRAPH_FILES, parent_sha256=files[MODEL_FILE])},
    }


def write_contract(folder: Path, contract: Contract) -> None:
    """Write the contract; the other files of the folder must be complete."""
    text = contract.model_dump_json(indent=2) + "\n"
    (folder / CONTRACT_FILE).write_text(text, encoding="utf-8")


def open_sealed(folder: Path) -> Artifact:
    """Open a version folder as the service does, and compare all digests.

    Raises:
        SealError: the folder cannot be opened.
    """
    try:
        return open_artifact(folder)
    except ArtifactError as error:
        raise SealError(f"the sealed artifact cannot be opened: {error}") from error


def verify(folder: Path) -> dict[str, float]:
    """Open a version folder as the service does, and compute its golden answers on each runtime.

    Returns:
        Runtime to the largest absolute difference of an output.

    Raises:
        SealError: the folder cannot be opened, or an output differs by more than a tenth of the tolerance.
    """
    artifact = open_sealed(folder)
    golden = artifact.golden
    answers = {"keras": run_keras(artifact.model_path, golden.series)}
    if graph := artifact.derived("openvino"):
        try:
            answers["openvino"] = run_openvino(graph[0], golden.series)
        except RuntimeError as error:
            raise SealError(f"{graph[0]}: OpenVINO cannot run it: {reason_of(error)}") from error
    differences = {runtime: largest_difference(answer, golden.answers) for runtime, answer in answers.items()}
    for runtime, difference in differences.items():
        if not difference <= artifact.contract.output.tolerance / MARGIN:
            raise SealError(
                f"{runtime}: outputs differ from the golden answers by {difference:.1e}, more than a tenth "
                f"of the tolerance {artifact.contract.output.tolerance:.0e}; nothing was published"
            )
    verify_embeddings(artifact)
    return differences


def golden_series(dataset: Dataset) -> NDArray[np.float32]:
    """Some test series of each class: as stored, rounded to 2 decimals, and one with offset and scale.

    Returns:
        `float32[n, *SeriesSpec.shape]`.
    """
    by_class = [np.flatnonzero(dataset.test_targets == i) for i in range(len(dataset.labels))]
    chosen = [int(members[k]) for k in range(GOLDEN_SERIES) for members in by_class if k < len(members)][
        :GOLDEN_SERIES
    ]
    series = dataset.test[chosen].copy()
    quarter = max(1, len(series) // 4)
    series[-quarter:] = np.round(series[-quarter:], 2)
    golden = narrow(series).series
    golden[0] = golden[0] * 250.0 + 1000.0
    return golden


def _extra_outputs(index: NeighbourIndex) -> ExtraOutputs:
    return ExtraOutputs(files=(index.spec.file,), content=ExtraContent(neighbours=index.spec))


def _write_model(model: Any, dataset: Dataset, folder: Path) -> list[str]:
    with storage_errors(folder / MODEL_FILE):
        model.save(folder / MODEL_FILE)
    series = golden_series(dataset)
    outputs = {name: np.asarray(value) for name, value in _outputs(model, series).items()}
    golden = Golden(series, probabilities=outputs[PROBABILITIES], novelty=outputs.get(NOVELTY))
    arrays = {"series": golden.series, "probabilities": golden.probabilities}
    if golden.novelty is not None:
        arrays["novelty"] = golden.novelty
    np.savez(folder / GOLDEN_FILE, allow_pickle=False, **arrays)
    return [MODEL_FILE, GOLDEN_FILE, *save_openvino(model, folder)]


def _outputs(model: Any, series: NDArray[np.float32]) -> dict[str, Any]:
    return named(model(model_input(series), training=False))


def _joined_outputs(model: Any, series: NDArray[np.float32]) -> NDArray[np.float32]:
    return side_by_side(_outputs(model, series))


def _contract(
    details: ContractDetails,
    folder: Path,
    names: Iterable[str],
    *,
    version: int,
    model: Any,
    dataset: Dataset,
) -> Contract:
    return Contract(
        name=details.name,
        description=details.description,
        input=InputSpec(
            name=INPUT_NAME,
            length=dataset.length,
            channels=dataset.channels,
            invariant_to_offset_and_scale=is_invariant(
                partial(_joined_outputs, model), golden_series(dataset), tolerance=TOLERANCE
            ),
        ),
        output=OutputSpec(name=PROBABILITIES, tolerance=TOLERANCE),
        labels=details.labels,
        trust=details.trust,
        drift_reference=DriftPart(content=DriftContent(reference=details.drift)) if details.drift else None,
        parameters=model.count_params(),
        metrics=details.metrics,
        provenance=details.provenance,
        explanation_reference=_explanation_reference(details.perturbations),
        **stamp(folder, names, version=version),
    )


def _explanation_reference(perturbations: Perturbations | None) -> ExplanationReference | None:
    if perturbations is None:
        return None
    return ExplanationReference(content=ExplanationContent(perturbations=perturbations))
