"""`app.inference.engines.tensorflow` on the committed artifact."""

from __future__ import annotations

import numpy as np
import pytest

from app.contract import Artifact
from app.inference.engines.tensorflow import TensorFlowEngine
from tests.conftest import LabelledSeries

MAX_ROWS = 8


@pytest.fixture(scope="module")
def engine(artifact: Artifact) -> TensorFlowEngine:
    """The model file itself, compiled for small batches."""
    return TensorFlowEngine(artifact, max_rows=MAX_ROWS, threads=0)


def test_golden_answers_are_reproduced(engine: TensorFlowEngine, artifact: Artifact) -> None:
    """The model file gives what training saw."""
    golden = artifact.golden
    answers = engine.predict(golden.series[:MAX_ROWS])
    np.testing.assert_allclose(
        answers, golden.answers[:MAX_ROWS], rtol=0, atol=artifact.contract.output.tolerance
    )


def test_a_batch_that_is_padded_gets_its_own_rows(
    engine: TensorFlowEngine, artifact: Artifact, forda_test: LabelledSeries
) -> None:
    """Five rows run as eight, and five come back, the same as alone."""
    series = forda_test.series[:5]
    together = engine.predict(series)
    alone = np.concatenate([engine.predict(series[i : i + 1]) for i in range(5)])
    assert together.shape == (5, artifact.contract.columns)
    np.testing.assert_allclose(together, alone, rtol=0, atol=artifact.contract.output.tolerance)


def test_the_description_names_the_device(engine: TensorFlowEngine) -> None:
    """An operator sees what computes."""
    assert engine.description.startswith("TensorFlow ")
    assert "CPU" in engine.description or "GPU" in engine.description
