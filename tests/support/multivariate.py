"""A small real artifact of a model with three channels, sealed as training seals, for both runtimes.

`python -m tests.support.multivariate FOLDER` seals it, as `FOLDER/machine/1`: in a process of its own, for
Keras keeps the backend that it was first imported with. The model z-normalises each channel, and has an
embedding. Further arguments: for each version, what its index of neighbours has; by default, one version
whose index has everything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.contract import Label, LabelSets, NoveltySpec, Provenance, Trust, ValueThresholds

if TYPE_CHECKING:
    from training.data.ucr import Dataset

LENGTH, CHANNELS = 24, 3
LABELS = ("idle", "load", "fault")
TRUST = Trust(
    label_sets=LabelSets(level=0.9, thresholds={"0.9": 0.3}),
    novelty=NoveltySpec(name="novelty", quantiles=(-10.0, 0.0, 10.0), threshold=9.0),
    habits=ValueThresholds(fewest_distinct=6, most_at_extreme=4),
)


def a_dataset() -> Dataset:
    """Waves of three channels that differ in their offsets and scales."""
    from training.data.ucr import Dataset

    train, test = (_waves(seed) for seed in (1, 2))
    targets = np.arange(len(train)) % len(LABELS)
    return Dataset("Machine", LABELS, train, targets, test, targets, {})


def _waves(seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    waves: NDArray[np.float64] = random.standard_normal((18, LENGTH, CHANNELS)).cumsum(axis=1)
    return np.asarray(waves * np.array([1.0, 30.0, 0.02]) + np.array([0.0, 500.0, -3.0]))


def a_model() -> Any:
    """A Keras model `float32[n, LENGTH, CHANNELS]` to probabilities, a novelty, and an embedding."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    from keras import layers, ops

    from training.model.normalise import z_normalise

    keras.utils.set_random_seed(3)
    series = keras.Input((LENGTH, CHANNELS), name="series")
    patches = layers.Conv1D(8, 4, strides=4)(z_normalise(series))
    tokens = layers.LayerNormalization()(patches)
    tokens = layers.LayerNormalization()(patches + layers.MultiHeadAttention(2, 4)(tokens, tokens))
    embedding = layers.Rescaling(1.0, name="embedding")(ops.mean(tokens, axis=1))
    # Large weights: answers differ from series to series.
    logits = layers.Dense(len(LABELS), kernel_initializer="glorot_normal")(embedding * 4)
    outputs = {
        "probabilities": layers.Softmax(name="probabilities")(logits),
        "novelty": layers.Rescaling(0.5, name="novelty")(ops.max(logits, axis=1, keepdims=True)),
        "embedding": embedding,
    }
    return keras.Model(series, outputs)


def seal_into(out: Path, neighbours: Iterable[str]) -> None:
    """Seal it with `training.artifact.seal`, a version for each content of the index of neighbours."""
    model = a_model()
    from training.artifact.seal import ContractDetails, seal
    from training.evaluation.neighbours import make_index

    details = ContractDetails(
        name="machine",
        description="A test's model of three channels.",
        labels=tuple(Label(name=name, meaning="a test's class") for name in LABELS),
        trust=TRUST,
        metrics={},
        provenance=Provenance(
            dataset="none", data_sha256={}, config={}, seed=0, versions={}, training_seconds=0.0
        ),
    )
    dataset = a_dataset()
    for contents in neighbours:
        index = make_index(model, dataset, contents)
        seal(model, dataset, details, out=out, write_report=_no_report, index=index)


def _no_report(folder: Path) -> Iterable[str]:
    del folder
    return ()


if __name__ == "__main__":
    seal_into(Path(sys.argv[1]), sys.argv[2:] or ["series"])
