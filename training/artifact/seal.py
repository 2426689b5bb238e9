"""Sealing: a trained model becomes a new version folder that the service can open, or nothing at all.

Everything is opened and checked as the service will, before it is published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

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
    Golden,
    InputSpec,
    Label,
    OutputSpec,
    Provenance,
    Trust,
    open_artifact,
    reason_of,
    sha256_of,
)
from app.errors import ArtifactError
from app.series.offset import narrow
from app.series.spec import model_input
from training.artifact.export import (
    GRAPH_FILES,
    largest_difference,
    named,
    run_keras,
    run_openvino,
    save_openvino,
    side_by_side,
)
from training.artifact.invariance import is_invariant
from training.artifact.version_folder import new_version
from training.data.ucr import Dataset
from training.errors import SealError
from training.files.write_errors import storage_errors
from training.model.sealed import INPUT_NAME, NOVELTY, PROBABILITIES

# An answer may differ by this much between two runtimes: float32 sums in another order. What was
# measured must stay below a tenth of it, so that other machines have room.
TOLERANCE = 1e-3
MARGIN = 10.0
GOLDEN_ROWS = 16


@dataclass(frozen=True, slots=True)
class Sealing:
    """What a contract says that is not in the files: names, meanings, results and provenance."""

    name: str
    description: str
    labels: tuple[Label, ...]
    trust: Trust | None
    metrics: dict[str, float]
    provenance: Provenance


def seal(
    model: Any,
    dataset: Dataset,
    sealing: Sealing,
    *,
    out: Path,
    write_report: Callable[[Path], Iterable[str]],
) -> Path:
    """Make the next version of an artifact.

    Args:
        model: trained; takes `float32[n, length, channels]`.
        dataset: golden series are taken from its test set.
        sealing: the contract's words.
        out: folder of artifacts; the version goes to `<out>/<name>/<next version>`.
        write_report: writes card, metrics and plots into a folder and names the files it wrote.

    Returns:
        The version folder.

    Raises:
        SealError: the sealed files do not give the model's own answers; nothing was published.
        StorageError: they cannot be written; nothing was published.
    """
    with new_version(out / sealing.name, check_whole) as (folder, version):
        with storage_errors(folder):
            names = [*_write_model(model, dataset, folder), *write_report(folder)]
            write_contract(
                folder, _contract(sealing, folder, names, version=version, model=model, dataset=dataset)
            )
        verify(folder)
    return out / sealing.name / str(version)


def stamp(folder: Path, names: Iterable[str], *, version: int) -> dict[str, Any]:
    """What of a contract belongs to a version folder itself: its number, its time, and digests of its files.

    Args:
        folder: the files are there.
        names: theirs; `model.keras` and the graph that was derived from it are among them.
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
    """Write the contract of a folder whose other files are all there."""
    text = contract.model_dump_json(indent=2) + "\n"
    (folder / CONTRACT_FILE).write_text(text, encoding="utf-8")


def check_whole(folder: Path) -> Artifact:
    """Open a version folder as the service will, which compares all digests.

    Raises:
        SealError: the folder cannot be opened.
    """
    try:
        return open_artifact(folder)
    except ArtifactError as error:
        raise SealError(f"the sealed artifact cannot be opened: {error}") from error


def verify(folder: Path) -> dict[str, float]:
    """Open a version folder as the service will, and compute its golden answers on each runtime.

    Returns:
        Runtime to the largest difference of an answer.

    Raises:
        SealError: the folder cannot be opened, or an answer differs by more than the contract allows.
    """
    artifact = check_whole(folder)
    golden = artifact.golden
    answers = {"keras": run_keras(artifact.model_path, golden.series)}
    if graph := artifact.derived("openvino"):
        try:
            answers["openvino"] = run_openvino(graph[0], golden.series)
        except RuntimeError as error:
            raise SealError(f"{graph[0]}: cannot be run: {reason_of(error)}") from error
    differences = {runtime: largest_difference(answer, golden.answers) for runtime, answer in answers.items()}
    for runtime, difference in differences.items():
        if not difference <= artifact.contract.output.tolerance / MARGIN:
            raise SealError(
                f"{runtime} gives golden answers that differ by {difference:.1e}, more than a tenth of the "
                f"tolerance {artifact.contract.output.tolerance:.0e}; nothing was published"
            )
    return differences


def golden_series(dataset: Dataset) -> NDArray[np.float32]:
    """A few test series of every class: as stored, rounded to 2 decimals, and raw with offset and scale.

    Returns:
        `float32[n, *SeriesSpec.shape]`.
    """
    by_class = [np.flatnonzero(dataset.test_targets == i) for i in range(len(dataset.labels))]
    in_turn = [int(rows[k]) for k in range(GOLDEN_ROWS) for rows in by_class if k < len(rows)][:GOLDEN_ROWS]
    series = dataset.test[in_turn].copy()
    quarter = max(1, len(series) // 4)
    series[-quarter:] = np.round(series[-quarter:], 2)
    golden = narrow(series).series
    golden[0] = golden[0] * 250.0 + 1000.0
    return golden


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


def _answer(model: Any, series: NDArray[np.float32]) -> NDArray[np.float32]:
    return side_by_side(_outputs(model, series))


def _contract(
    sealing: Sealing, folder: Path, names: Iterable[str], *, version: int, model: Any, dataset: Dataset
) -> Contract:
    return Contract(
        name=sealing.name,
        description=sealing.description,
        input=InputSpec(
            name=INPUT_NAME,
            length=dataset.length,
            channels=dataset.channels,
            invariant_to_offset_and_scale=is_invariant(
                partial(_answer, model), golden_series(dataset), tolerance=TOLERANCE
            ),
        ),
        output=OutputSpec(name=PROBABILITIES, tolerance=TOLERANCE),
        labels=sealing.labels,
        trust=sealing.trust,
        parameters=model.count_params(),
        metrics=sealing.metrics,
        provenance=sealing.provenance,
        **stamp(folder, names, version=version),
    )
