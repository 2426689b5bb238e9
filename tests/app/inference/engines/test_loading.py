"""`app.inference.engines.loading`: which engine, and what happens when one does not keep the contract.

What needs TensorFlow is tried on a small model: XLA compiles the committed one for seconds, and
`test_tensorflow.py` has its golden answers.
"""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest

from app.contract import Artifact, Golden
from app.errors import ArtifactError
from app.inference.engines import load_engine


@pytest.fixture
def lying(trusted_artifact: Artifact) -> Artifact:
    """The small artifact with golden answers that no engine gives."""
    golden = trusted_artifact.golden
    wrong = np.ascontiguousarray(golden.probabilities[:, ::-1])
    return dataclasses.replace(trusted_artifact, golden=Golden(golden.series, wrong, golden.novelty))


def test_auto_chooses_openvino_where_there_is_no_gpu(artifact: Artifact) -> None:
    """The CPU's fastest runtime is the default on a CPU."""
    engine = load_engine(artifact, choice="auto", max_rows=2)
    assert engine.name == "openvino"
    assert engine.batch_sizes == (1, 2)


def test_tensorflow_is_loaded_on_demand_and_verified(trusted_artifact: Artifact) -> None:
    """The other engine keeps the same golden answers."""
    assert load_engine(trusted_artifact, choice="tensorflow", max_rows=2, threads=0).name == "tensorflow"


def test_an_engine_that_fails_the_golden_answers_is_not_returned(lying: Artifact) -> None:
    """No answer is better than a wrong one."""
    with pytest.raises(ArtifactError, match="golden answers alone on tensorflow differ by"):
        load_engine(lying, choice="tensorflow", max_rows=2, threads=0)


def test_a_sealed_graph_that_fails_is_given_up_with_a_warning(
    lying: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """The derived graph is tried first; when it fails, the log says so and the model file is tried."""
    with caplog.at_level(logging.WARNING), pytest.raises((ArtifactError, Exception)):
        load_engine(lying, choice="openvino", max_rows=2)
    assert "sealed graph not used: golden answers alone on openvino differ by" in caplog.text
