"""Two named outputs on every runtime, from a real artifact: `tests/support/trusted.py`."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contract import Artifact, Golden, NoveltySpec, OutputSpec
from app.errors import ArtifactError
from app.inference.engines import Engine, load_engine
from app.inference.engines.base import verify
from app.inference.engines.openvino import OpenVINOEngine
from app.inference.engines.tensorflow import TensorFlowEngine
from tests.support.trusted import a_series, answers

MAX_ROWS = 6
RUNTIMES = {"openvino": OpenVINOEngine, "tensorflow": TensorFlowEngine}


@pytest.fixture(scope="module", params=RUNTIMES)
def engine(request: pytest.FixtureRequest, trusted_artifact: Artifact) -> Engine:
    """Each runtime, proven on the golden answers, novelty and all."""
    return load_engine(trusted_artifact, choice=request.param, max_rows=MAX_ROWS, threads=0)


@given(logits=st.lists(st.tuples(st.floats(-4, 4), st.floats(-3, 3)), min_size=1, max_size=MAX_ROWS))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_outputs_stand_side_by_side(engine: Engine, logits: list[tuple[float, float]]) -> None:
    """Probabilities, then novelty, for any number of rows, in order."""
    series = np.stack([a_series(logit, novelty) for logit, novelty in logits])
    found = engine.predict(series)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, answers(series), rtol=0, atol=1e-4)


def test_an_answer_is_not_overwritten_by_the_next(engine: Engine) -> None:
    """Callers may keep their arrays: the runtime's memory is not handed out."""
    first = engine.predict(a_series(1.0)[np.newaxis])
    kept = first.copy()
    engine.predict(a_series(-1.0)[np.newaxis])
    np.testing.assert_array_equal(first, kept)


def with_outputs(artifact: Artifact, *, probabilities: str, novelty: str) -> Artifact:
    """The artifact with a contract that names its outputs otherwise."""
    contract = artifact.contract
    assert contract.trust is not None
    spec = NoveltySpec.model_validate({**contract.trust.novelty.model_dump(), "name": novelty})
    changes = {
        "output": OutputSpec(name=probabilities, tolerance=contract.output.tolerance),
        "trust": contract.trust.model_copy(update={"novelty": spec}),
    }
    return dataclasses.replace(artifact, contract=contract.model_copy(update=changes))


@pytest.mark.parametrize("make", RUNTIMES.values(), ids=RUNTIMES)
def test_a_graph_without_a_promised_output_is_refused(
    trusted_artifact: Artifact, make: Callable[..., Engine]
) -> None:
    """One line says what is missing and what is there."""
    foreign = with_outputs(trusted_artifact, probabilities="probabilities", novelty="distance")
    with pytest.raises(ArtifactError, match=r"names output distance; the graph has: .*novelty") as info:
        make(foreign, max_rows=1, threads=0)
    assert "\n" not in str(info.value)


def test_a_graph_whose_output_has_another_width_is_refused(trusted_artifact: Artifact) -> None:
    """Names that were mixed up are found before anything is computed."""
    swapped = with_outputs(trusted_artifact, probabilities="novelty", novelty="probabilities")
    with pytest.raises(ArtifactError, match=r"output novelty is \[1\] a series, not \[2\]"):
        OpenVINOEngine(swapped, max_rows=1)


@pytest.mark.parametrize("choice", RUNTIMES)
def test_a_contract_without_trust_requires_probabilities_alone(
    trusted_artifact: Artifact, choice: str
) -> None:
    """A graph may answer more than the contract promises."""
    golden = trusted_artifact.golden
    bare = dataclasses.replace(
        trusted_artifact,
        contract=trusted_artifact.contract.model_copy(update={"trust": None}),
        golden=Golden(golden.series, golden.probabilities),
    )
    found = load_engine(bare, choice=choice, max_rows=2, threads=0).predict(golden.series[:2])
    np.testing.assert_allclose(found, golden.probabilities[:2], rtol=0, atol=1e-4)


def test_a_novelty_that_is_not_reproduced_fails_the_golden_answers(
    engine: Engine, trusted_artifact: Artifact
) -> None:
    """The second output is proven like the first."""
    golden = trusted_artifact.golden
    assert golden.novelty is not None
    wrong = dataclasses.replace(golden, novelty=golden.novelty + np.float32(0.01))
    with pytest.raises(ArtifactError, match=rf"golden answers alone on {engine.name} differ by 0\.01"):
        verify(engine, wrong, tolerance=trusted_artifact.contract.output.tolerance)


CONVERT = """
import dataclasses
from pathlib import Path
import numpy as np
from app.contract import open_artifact
from app.inference.engines import load_engine
artifact = open_artifact(Path({path!r}))
bare = dataclasses.replace(artifact, contract=artifact.contract.model_copy(update={{"derived": {{}}}}))
engine = load_engine(bare, choice="openvino", max_rows=4)
print(engine.description)
print(np.abs(engine.predict(artifact.golden.series[:3]) - artifact.golden.answers[:3]).max() < 1e-4)
"""


def test_the_model_file_converted_by_keras_has_both_outputs(trusted_artifact: Artifact, root: Path) -> None:
    """Keras exports outputs in its own order and unnamed; they are told apart all the same."""
    done = subprocess.run(
        [sys.executable, "-c", CONVERT.format(path=str(trusted_artifact.folder))],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    description, agrees = done.stdout.splitlines()
    assert "converted from model.keras" in description
    assert agrees == "True"
