"""`training.evaluation.neighbours` and the index in a sealed version."""

from __future__ import annotations

import dataclasses
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.contract import open_artifact
from app.contract.neighbours import ExtraContent, ExtraOutputs, NeighbourFile, read_neighbours
from tests.training.conftest import make_dataset
from tests.training.report.reports import a_note, contract_details
from training.artifact.rederive import rederive
from training.artifact.seal import seal, verify
from training.artifact.verify_embeddings import verify_embeddings
from training.config import TrainingConfig
from training.data.dataset_size import limit_dataset
from training.data.ucr import Dataset
from training.errors import SealError
from training.evaluation.neighbours import make_index, vote_accuracies
from training.fit.result import TrainingResult
from training.model.embedding import EMBEDDING, votes_are_right
from training.model.outputs import outputs_of
from training.model.sealed import build_reference, with_embedding


@pytest.fixture(scope="module")
def folder(untrained_result: TrainingResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version with an index of everything."""
    model, dataset = untrained_result.model, make_dataset(classes=2)
    return seal(
        model,
        dataset,
        contract_details(dataset),
        out=tmp_path_factory.mktemp("sealed"),
        write_report=a_note,
        index=make_index(model, dataset, "series"),
    )


def read(folder: Path) -> NeighbourFile:
    """The index of a version, as the service reads it."""
    artifact = open_artifact(folder)
    contract, spec = artifact.contract, artifact.contract.neighbours
    assert spec is not None
    return read_neighbours(
        folder / spec.file,
        spec,
        contract.input.spec,
        sha256=contract.files[spec.file],
        golden=len(artifact.golden.series),
        classes=contract.classes,
    )


def test_an_index_is_sealed_and_survives_a_new_graph(
    folder: Path, untrained_result: TrainingResult, wave_dataset: Dataset, tmp_path: Path
) -> None:
    """Embeddings, labels, rows and series of all training series; each runtime gives the embeddings."""
    model, index, spec = untrained_result.model, read(folder), open_artifact(folder).contract.neighbours
    assert spec is not None
    assert (spec.number, spec.embedding.layer, spec.training_file) == (
        48,
        f"classifier/{EMBEDDING}",
        "Waves_TRAIN.tsv",
    )
    assert spec.bytes == (folder / spec.file).stat().st_size
    assert spec.series_error is not None
    assert spec.series_error < 2e-5
    assert spec.median_distance > 0
    series = wave_dataset.train.astype(np.float32)[..., np.newaxis]
    np.testing.assert_allclose(index.embeddings, outputs_of(model, series)[EMBEDDING], atol=1e-5)
    assert index.targets.tolist() == wave_dataset.train_targets.tolist()
    assert index.rows.tolist() == list(range(48))
    assert index.series is not None
    np.testing.assert_allclose(index.series.restore(np.arange(48)), wave_dataset.train, atol=2e-4)
    assert open_artifact(folder).contract.outputs == ("probabilities", "novelty")
    first = shutil.copytree(folder, tmp_path / "waves" / "1")
    again = rederive(first)
    np.testing.assert_array_equal(read(again).embeddings, index.embeddings)
    assert max(verify(again).values()) < 1e-4


def test_series_or_the_whole_index_are_left_out(
    untrained_result: TrainingResult, wave_dataset: Dataset
) -> None:
    """No value of a training series is in the file then."""
    index = make_index(untrained_result.model, wave_dataset, "labels")
    assert index is not None
    assert index.spec.series_error is None
    with np.load(io.BytesIO(index.content)) as arrays:
        assert set(arrays) == {"embeddings", "targets", "rows", "golden"}
    assert make_index(untrained_result.model, wave_dataset, "none") is None


def test_indices_are_rows_of_the_file_also_of_a_part_of_it(
    untrained_result: TrainingResult, wave_dataset: Dataset, tiny: Callable[..., TrainingConfig]
) -> None:
    """With `--limit`, which chooses series at random."""
    few = limit_dataset(wave_dataset, tiny(limit=9))
    assert few.train_rows is not None
    np.testing.assert_array_equal(wave_dataset.train[few.train_rows], few.train)
    index = make_index(untrained_result.model, few, "labels")
    assert index is not None
    assert index.spec.number == 9


def test_embeddings_that_differ_are_not_published(folder: Path, tmp_path: Path) -> None:
    """Nor is an index that the service would refuse. The message says how to seal without."""
    strict = open_artifact(shutil.copytree(folder, tmp_path / "1"))
    spec = strict.contract.neighbours
    assert spec is not None
    embedding = spec.embedding.model_copy(update={"tolerance": 1e-12})
    content = ExtraContent(neighbours=spec.model_copy(update={"embedding": embedding}))
    part = ExtraOutputs(files=(spec.file,), content=content)
    contract = strict.contract.model_copy(update={"extra_outputs": part})
    with pytest.raises(SealError, match=r"embeddings differ from the sealed ones .*--neighbours none"):
        verify_embeddings(dataclasses.replace(strict, contract=contract))
    (tmp_path / "1" / spec.file).write_bytes(b"damaged")
    with pytest.raises(SealError, match=r"cannot be opened: .*neighbours\.npz: damaged"):
        verify_embeddings(strict)


def test_a_reference_model_has_an_embedding_too(
    wave_dataset: Dataset, tiny: Callable[..., TrainingConfig]
) -> None:
    """Its probabilities stay the same."""
    config = tiny(model="reference-perceptron", folds=0)
    plain = build_reference(config, length=wave_dataset.length, classes=2)
    model, series = with_embedding(plain), wave_dataset.test.astype(np.float32)[..., np.newaxis]
    outputs = outputs_of(model, series)
    np.testing.assert_array_equal(outputs["probabilities"], outputs_of(plain, series))
    index = make_index(model, wave_dataset, "labels")
    assert index is not None
    assert (index.spec.embedding.layer, index.spec.embedding.dimension) == (EMBEDDING, 128)


def test_votes_are_those_of_the_nearest(wave_dataset: Dataset, tiny: Callable[..., TrainingConfig]) -> None:
    """One is the label of the nearest series itself; of equal counts, the nearest class wins."""
    plain = build_reference(
        tiny(model="reference-perceptron", folds=0), length=wave_dataset.length, classes=2
    )
    series = wave_dataset.train.astype(np.float32)[..., np.newaxis]
    targets = wave_dataset.train_targets
    votes = votes_are_right(plain, series, targets, [series, series], targets)
    assert votes.shape == (2, 48, 2)
    assert votes[:, :, 0].all()  # a series is nearest to itself
    wrong = votes_are_right(plain, series, targets, [series], 1 - targets)
    assert not wrong[0, :, 0].any()
    np.testing.assert_array_equal(wrong[0], ~votes[0])
    accuracies = vote_accuracies(votes)
    assert list(accuracies) == ["stored", "rounded_2"]
    assert accuracies["stored"] == {1: 1.0, 5: pytest.approx(votes[0, :, 1].mean())}
