"""A whole model's graph, rewritten, is smaller and gives the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.training.artifact.graphs import answers, operations
from tests.training.conftest import make_dataset
from tests.training.report.reports import a_config, trained
from training.artifact.export import convert, named, side_by_side
from training.artifact.graph import simplify


@pytest.mark.parametrize(
    ("options", "left"),
    [
        # What is left is the last softmax, and a dense layer of its own for each band of a window.
        ({}, {"Convolution": 0, "Softmax": 1, "Einsum": 2, "MVN": 5}),
        ({"tokens": "time"}, {"Convolution": 1, "Softmax": 1, "MVN": 5}),
        ({"model": "reference-perceptron", "folds": 0}, {"MVN": 8}),
    ],
)
def test_every_part_is_found_and_the_answers_are_the_same(
    options: dict[str, Any], left: dict[str, int]
) -> None:
    """Each pattern matches in each kind of model, and the outputs agree."""
    dataset = make_dataset(classes=2)
    model = trained(dataset, a_config(**options)).model
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:  # a converter leaves out what multiplies by 1 or adds 0
        weight.assign_add(0.05 * random.standard_normal(weight.shape))
    graph = convert(model)
    before = operations(graph)
    assert simplify(graph) is graph
    found = operations(graph)
    assert {kind: found[kind] for kind in left} == left
    assert sum(found.values()) < sum(before.values())
    series = dataset.test[..., np.newaxis].astype(np.float32)
    wanted = side_by_side(named(model(series, training=False)))
    np.testing.assert_allclose(answers(graph, series), wanted, atol=1e-4)
