"""What the training tests share: small data sets in UCR format, and configurations that finish in seconds.

Keras is imported where it is needed: its import takes longer than all tests together that do without it.
"""

from __future__ import annotations

import os

# Read by Keras and TensorFlow when they are first imported, here and in the processes of tests.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The models are tiny: more threads only wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.config import TrainingConfig, config_from
from training.data import ood_series
from training.data.ucr import Dataset, read_ucr_file

if TYPE_CHECKING:
    from training.fit.result import TrainingResult
    from training.report.report import Report

LENGTH = 64
# TensorFlow 2.21 reads its variables in a way that NumPy 2 deprecates; nothing of ours can change that.
ARRAY_COPY = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
TINY: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 16,
    "windows": (32,),
    "hop": 8,
    "width": 8,
    "heads": 2,
    "blocks": 1,
    "feed_forward": 8,
    "head_units": 8,
    "warmup_epochs": 0,
    "tokens": "spectrum",
    "epoch_size": 1,
    "folds": 2,
    "explained": 0,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let TensorFlow's own deprecations pass, in the tests of this folder alone."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(ARRAY_COPY))


def waves(count: int, *, seed: int, classes: int = 2) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Noisy sines `float64[count, LENGTH]` whose frequency tells the class, and their targets."""
    random = np.random.default_rng(seed)
    targets = np.arange(count) % classes
    phase = random.uniform(0, 2 * np.pi, (count, 1))
    cycles = (4 + 6 * targets)[:, np.newaxis]
    time = np.arange(LENGTH) / LENGTH
    series = np.sin(2 * np.pi * cycles * time + phase) + 0.3 * random.standard_normal((count, LENGTH))
    series -= series.mean(axis=1, keepdims=True)
    return series / series.std(axis=1, ddof=1, keepdims=True), targets


def write_ucr(path: Path, series: NDArray[np.float64], labels: Sequence[Any]) -> Path:
    """Write a file in UCR format."""
    rows = (
        "\t".join([str(label), *(f"{value:.7f}" for value in row)])
        for label, row in zip(labels, series, strict=True)
    )
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session", autouse=True)
def archive_is_read_once() -> Iterator[None]:
    """Keep what is read of the archive's other data sets: 51 files for each report with trust."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ood_series, "read_ucr_file", lru_cache(maxsize=None)(read_ucr_file))
        yield


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pictures out of reports: they take 3 s of CPU time, more than the epochs of a tiny fit."""
    monkeypatch.setattr("training.report.write.draw", lambda _report, _folder: {})


@pytest.fixture
def eager_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit without tracing, which takes 3 s of CPU time for each fit: as long as a hundred eager steps."""
    import keras

    compiled = keras.Model.compile
    monkeypatch.setattr(
        keras.Model, "compile", lambda model, **options: compiled(model, **options, run_eagerly=True)
    )


@pytest.fixture
def wave_files(tmp_path: Path) -> dict[str, str]:
    """The options that name a pair of small files on disk."""
    files = {}
    for part, seed in (("train", 1), ("test", 2)):
        series, targets = waves(48, seed=seed)
        path = write_ucr(tmp_path / f"Waves_{part.upper()}.tsv", series, [2 * t - 1 for t in targets])
        files[f"{part}_file"] = str(path)
    return files


@pytest.fixture
def wave_dataset() -> Dataset:
    """A small data set of two classes, in memory."""
    return make_dataset(classes=2)


def make_dataset(*, classes: int) -> Dataset:
    """A small data set of any number of classes, in memory."""
    train, train_targets = waves(48, seed=1, classes=classes)
    test, test_targets = waves(24, seed=2, classes=classes)
    return Dataset(
        name="Waves",
        labels=tuple(str(i) for i in range(classes)),
        train=train,
        train_targets=train_targets,
        test=test,
        test_targets=test_targets,
        sha256={"Waves_TRAIN.tsv": "0" * 64, "Waves_TEST.tsv": "1" * 64},
    )


def leaking_dataset() -> Dataset:
    """The small data set of two classes with FordA's name, and its leak: class 0 has 2 decimals alone."""
    dataset = dataclasses.replace(make_dataset(classes=2), name="FordA")
    train, test = (
        np.where(targets[:, np.newaxis] == 0, np.round(series, 2), series)
        for series, targets in (
            (dataset.train, dataset.train_targets),
            (dataset.test, dataset.test_targets),
        )
    )
    return dataclasses.replace(dataset, train=train, test=test)


@pytest.fixture(scope="session")
def untrained_result() -> TrainingResult:
    """A tiny trusted model of two classes with random weights, for tests that do not change it."""
    import keras

    from tests.training.report.reports import a_config, trained

    keras.utils.set_random_seed(0)
    return trained(make_dataset(classes=2), a_config())


@pytest.fixture(scope="session")
def full_report() -> Report:
    """A report with everything in it, trust, folds, resamples and a leak, for tests that only read it.

    Its model is on spectra, and the class of its series is their number of cycles: 4 or 10.
    """
    from tests.training.report.reports import a_report

    return a_report(leaking_dataset(), folds=2, resamples=3)


@pytest.fixture(scope="session")
def report_over_time() -> Report:
    """A report on a model whose tokens are stretches of time, of three classes, to be read only."""
    from tests.training.report.reports import a_report

    return a_report(make_dataset(classes=3), tokens="time", folds=2)


@pytest.fixture(scope="session")
def reference_report() -> Report:
    """A report on a model to compare with, which has no trust, of three classes, to be read only."""
    from tests.training.report.reports import a_report

    return a_report(make_dataset(classes=3), model="reference")


@pytest.fixture
def dataset_of() -> Callable[..., Dataset]:
    """Makes a small data set of a number of classes."""
    return make_dataset


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., TrainingConfig]:
    """Makes a configuration of a tiny model that keeps all its files below the test's folder."""

    def make(**options: Any) -> TrainingConfig:
        places = {"out": str(tmp_path / "out"), "runs": str(tmp_path / "runs"), "name": "waves"}
        return config_from(TINY | places | options)

    return make


@pytest.fixture
def untrained() -> Callable[..., Any]:
    """Makes a whole model around an untrained classifier: what is sealed, but for what it has learnt."""
    from training.fit.inputs import FitInputs
    from training.model.sealed import build_trusted

    def make(config: TrainingConfig, dataset: Dataset) -> Any:
        fit_inputs = FitInputs(dataset, config)
        rows = np.arange(len(dataset.train))
        return build_trusted(
            fit_inputs.task(rows).model,
            config,
            length=dataset.length,
            temperature=1.5,
            novelty=fit_inputs.novelty(rows),
        )

    return make


@pytest.fixture
def tiny_options() -> dict[str, Any]:
    """The options of a tiny model, for tests that write a configuration file."""
    return dict(TINY)


@pytest.fixture
def write_file() -> Callable[..., Path]:
    """Writes series and labels as a file in UCR format."""
    return write_ucr
