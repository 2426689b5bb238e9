"""Sealing publishes a version folder that opens and gives its golden answers, or nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from app.contract import (
    CONTRACT_FILE,
    GOLDEN_FILE,
    MODEL_FILE,
    open_artifact,
    sha256_of,
)
from app.errors import ArtifactError
from tests.support.signing import make_keys, needs_model_signing
from tests.training.conftest import make_dataset
from tests.training.report.reports import TRUST, a_note, contract_details
from training.artifact.seal import TOLERANCE, golden_series, seal, verify
from training.config import TrainingConfig
from training.data.ucr import Dataset
from training.errors import SealError, StorageError
from training.fit.result import TrainingResult
from training.model.sealed import build_reference


@pytest.fixture(scope="module")
def model(untrained_result: TrainingResult) -> Any:
    """A tiny, untrained model; sealing does not change it."""
    return untrained_result.model


@pytest.fixture(scope="module")
def first(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its first version, for tests that only read it."""
    dataset, out = make_dataset(classes=2), tmp_path_factory.mktemp("sealed")
    return seal(model, dataset, contract_details(dataset), out=out, write_report=a_note)


@pytest.fixture
def folder(first: Path, tmp_path: Path) -> Path:
    """A copy of it, in a folder of this test."""
    return Path(shutil.copytree(first, tmp_path / "waves" / "1"))


def test_a_sealed_version_opens_and_answers(model: Any, first: Path, wave_dataset: Dataset) -> None:
    """The folder opens, names every file with its digest, and both runtimes give its golden answers."""
    assert (first.parent.name, first.name) == ("waves", "1")
    artifact = open_artifact(first)
    contract = artifact.contract
    assert {path.name for path in first.iterdir()} == {CONTRACT_FILE, *contract.files}
    assert (contract.input.name, contract.input.length) == ("series", wave_dataset.length)
    assert contract.input.invariant_to_offset_and_scale
    assert (contract.output.name, contract.output.tolerance) == ("probabilities", TOLERANCE)
    assert [label.meaning for label in contract.labels] == ["class 0", "class 1"]
    assert contract.parameters == model.count_params()
    assert contract.trust == TRUST
    assert artifact.golden.answers.shape == (16, 3)
    graph = artifact.derived("openvino")
    assert graph is not None
    assert [path.name for path in graph] == ["openvino.xml", "openvino.bin"]
    differences = verify(first)
    assert differences["keras"] <= 1e-6
    assert differences["openvino"] <= 1e-5


def test_a_reference_model_is_sealed_without_trust(
    wave_dataset: Dataset, tiny: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    """A model with one output has a contract without trust, and gives its golden answers."""
    model = build_reference(
        tiny(model="reference-perceptron", folds=0), length=wave_dataset.length, classes=2
    )
    folder = seal(
        model, wave_dataset, contract_details(wave_dataset, None), out=tmp_path, write_report=a_note
    )
    artifact = open_artifact(folder)
    assert artifact.contract.trust is None
    assert artifact.golden.answers.shape == (16, 2)
    assert max(verify(folder).values()) <= 1e-5


def test_invariance_is_measured(wave_dataset: Dataset, tmp_path: Path) -> None:
    """The contract states the invariance measured on the model."""
    series = keras.Input((wave_dataset.length, 1), name="series")
    first = keras.layers.Flatten()(series)[:, :1]
    rising = keras.ops.sigmoid(first / 100)
    outputs = keras.layers.Concatenate(axis=1, name="probabilities")([1 - rising, rising])
    model = keras.Model(series, outputs)
    folder = seal(
        model, wave_dataset, contract_details(wave_dataset, None), out=tmp_path, write_report=a_note
    )
    assert not open_artifact(folder).contract.input.invariant_to_offset_and_scale


def test_versions_count_up_and_stay(model: Any, folder: Path, wave_dataset: Dataset, tmp_path: Path) -> None:
    """Each call publishes the next version and leaves the earlier ones unchanged."""
    before = {path.name: sha256_of(path) for path in folder.iterdir()}
    second = seal(model, wave_dataset, contract_details(wave_dataset), out=tmp_path, write_report=a_note)
    assert second.name == "2"
    assert {path.name: sha256_of(path) for path in folder.iterdir()} == before


@needs_model_signing
def test_sealing_can_sign(model: Any, wave_dataset: Dataset, tmp_path: Path) -> None:
    """The version is published with its signature, or not at all."""
    keys = make_keys(tmp_path / "keys")
    publish = partial(seal, model, wave_dataset, contract_details(wave_dataset), write_report=a_note)
    folder = publish(out=tmp_path, sign_key=keys.private)
    assert open_artifact(folder, public_key=keys.public).folder == folder
    with pytest.raises(ArtifactError, match="not a usable private key"):
        publish(out=tmp_path, sign_key=keys.public)
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == ["1"]


def test_a_failure_leaves_no_half_version(model: Any, wave_dataset: Dataset, tmp_path: Path) -> None:
    """After a failed report, no version and no other file is left; leftovers of a kill are removed."""

    def fail(folder: Path) -> list[str]:
        raise OSError(f"no space left for {folder.name}")

    leftover = tmp_path / "waves" / ".1.partial"
    leftover.mkdir(parents=True)
    (leftover / MODEL_FILE).write_bytes(b"half")
    with pytest.raises(StorageError, match=r"cannot be written \(no space left for"):
        seal(model, wave_dataset, contract_details(wave_dataset), out=tmp_path, write_report=fail)
    assert list((tmp_path / "waves").iterdir()) == []


def _reseal(folder: Path, name: str) -> None:
    """Write a file's new digest into the contract, as a forger would."""
    path = folder / CONTRACT_FILE
    contract = json.loads(path.read_text(encoding="utf-8"))
    contract["files"][name] = sha256_of(folder / name)
    path.write_text(json.dumps(contract), encoding="utf-8")


def test_wrong_answers_are_not_published(folder: Path) -> None:
    """Wrong golden answers and altered files are refused."""
    golden = open_artifact(folder).golden
    wrong = {"probabilities": golden.probabilities[:, ::-1], "novelty": golden.answers[:, 2:]}
    np.savez(folder / GOLDEN_FILE, allow_pickle=False, series=golden.series, **wrong)
    with pytest.raises(SealError, match=r"cannot be opened: .*golden\.npz: damaged"):
        verify(folder)
    _reseal(folder, GOLDEN_FILE)
    with pytest.raises(SealError, match="keras: outputs differ from the golden answers by"):
        verify(folder)


def test_a_graph_that_does_not_run_is_refused_with_the_full_reason(folder: Path) -> None:
    """The message includes OpenVINO's full reason."""
    graph = folder / "openvino.xml"
    graph.write_text(graph.read_text(encoding="utf-8")[:-200], encoding="utf-8")
    _reseal(folder, graph.name)
    with pytest.raises(SealError, match=r"openvino\.xml: OpenVINO cannot run it: ") as caught:
        verify(folder)
    assert len(str(caught.value).partition("cannot run it: ")[2]) > 100


def test_golden_series_show_every_kind(dataset_of: Callable[..., Dataset]) -> None:
    """Golden series have each class; one has an offset and scale, and some are rounded."""
    dataset = dataset_of(classes=3)
    series = golden_series(dataset)
    assert series.dtype == np.float32
    assert len(series) == 16
    assert series[0].mean() == pytest.approx(1000, abs=1)
    assert series[0].std() == pytest.approx(250, rel=0.05)
    np.testing.assert_array_equal(series[-4:], np.round(series[-4:].astype(np.float64), 2).astype(np.float32))
    np.testing.assert_array_equal(series[1:4], dataset.test[1:4].astype(np.float32))
