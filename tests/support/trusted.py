"""A small real artifact with trust: two named outputs, sealed for both runtimes, whose answers tests choose.

The first value of a series decides its probabilities and the last its novelty, so that a test reaches every
label set and score by two numbers. `python -m tests.support.trusted FOLDER` seals it: in a process of its
own, for Keras keeps the backend that it was first imported with.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract import (
    Contract,
    DerivedGraph,
    Golden,
    InputSpec,
    Label,
    LabelSets,
    NoveltySpec,
    OutputSpec,
    Provenance,
    Trust,
    ValueThresholds,
    sha256_of,
)
from app.inference.engines.openvino_import import import_openvino

LENGTH = 16
LABELS = ("-1", "1")
# A label is in the set from a probability of 0.3; novelty is the logarithm of the last value's size.
TRUST = Trust(
    label_sets=LabelSets(level=0.9, thresholds={"0.9": 0.3, "0.99": 0.1}),
    novelty=NoveltySpec(name="novelty", quantiles=(-2.0, -1.0, 0.0, 1.0, 2.0), threshold=1.5),
    habits=ValueThresholds(fewest_distinct=6, most_at_extreme=4),
)


def a_series(logit: float = 3.0, novelty: float = 0.0) -> NDArray[np.float32]:
    """A series `float32[length]` of usual shape: sigmoid(logit) for the second class, and this novelty."""
    series = np.linspace(-0.5, 0.5, LENGTH, dtype=np.float32)
    series[0], series[-1] = logit, np.exp(novelty)
    return series


def answers(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the model answers, `float32[n, 3]`, in NumPy."""
    second = 1 / (1 + np.exp(-series[:, 0]))
    novelty = 0.5 * np.log(series[:, -1] ** 2 + 1e-6)
    return np.stack([1 - second, second, novelty], axis=1).astype(np.float32)


def seal(folder: Path) -> None:
    """Write the artifact's version folder."""
    folder.mkdir(parents=True)
    model = _model()
    model.save(folder / "model.keras")
    _save_openvino(folder)
    series = np.stack(
        [a_series(logit, novelty) for logit in (-2.0, 0.1, 4.0) for novelty in (-1.5, 0.5, 3.0)]
    )
    expected = answers(series)
    golden = Golden(series, expected[:, :-1], expected[:, -1:])
    np.savez(
        folder / "golden.npz", series=series, probabilities=golden.probabilities, novelty=expected[:, -1:]
    )
    contract = _contract({path.name: sha256_of(path) for path in folder.iterdir()})
    (folder / "contract.json").write_text(contract.model_dump_json(indent=2))


def _model() -> Any:
    os.environ["KERAS_BACKEND"] = "openvino"
    # OpenVINO's converter would import TensorFlow, which takes longer than all else, and so would `save`.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    import_openvino()
    import keras
    from keras import layers, ops

    series = keras.Input((LENGTH, 1), name="series")
    values = layers.Reshape((LENGTH,))(series)
    logits = layers.Dense(2, name="logits")
    last = layers.Dense(1, use_bias=False, name="last")
    outputs = {
        "probabilities": layers.Softmax(name="probabilities")(logits(values)),
        "novelty": layers.Rescaling(0.5, name="novelty")(ops.log(ops.square(last(values)) + 1e-6)),
    }
    first_kernel, last_kernel = _kernels()
    logits.set_weights([first_kernel, np.zeros(2, np.float32)])
    last.set_weights([last_kernel])
    return keras.Model(series, outputs)


def _kernels() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights that take a series' first value as the second logit, and its last value."""
    first = np.zeros((LENGTH, 2), np.float32)
    first[0, 1] = 1.0
    return first, np.eye(LENGTH, dtype=np.float32)[:, -1:]


def _save_openvino(folder: Path) -> None:
    """The same model from OpenVINO's own operations: a conversion would need TensorFlow."""
    openvino = import_openvino()
    from openvino import opset13 as ops

    first_kernel, last_kernel = _kernels()
    series = ops.parameter([-1, LENGTH, 1], np.float32, name="series")
    values = ops.squeeze(series, np.int64(2))
    last = ops.matmul(values, last_kernel, transpose_a=False, transpose_b=False)
    size = ops.log(ops.add(ops.multiply(last, last), np.float32(1e-6)))
    outputs = {
        "probabilities": ops.softmax(
            ops.matmul(values, first_kernel, transpose_a=False, transpose_b=False), 1
        ),
        "novelty": ops.multiply(size, np.float32(0.5)),
    }
    for name, node in outputs.items():
        node.output(0).get_tensor().set_names({name})
    graph = openvino.Model(list(outputs.values()), [series], "tiny")
    openvino.save_model(graph, folder / "openvino.xml", compress_to_fp16=False)


def _contract(files: dict[str, str]) -> Contract:
    return Contract(
        name="tiny",
        version=1,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        description="A test's model.",
        input=InputSpec(name="series", length=LENGTH, invariant_to_offset_and_scale=False),
        output=OutputSpec(name="probabilities", tolerance=1e-3),
        labels=tuple(Label(name=name, meaning="a test's class") for name in LABELS),
        trust=TRUST,
        parameters=50,
        files=files,
        derived={
            "openvino": DerivedGraph(
                files=("openvino.xml", "openvino.bin"), parent_sha256=files["model.keras"]
            )
        },
        metrics={},
        provenance=Provenance(
            dataset="none", data_sha256={}, config={}, seed=0, versions={}, training_seconds=0.0
        ),
    )


if __name__ == "__main__":
    seal(Path(sys.argv[1]))
