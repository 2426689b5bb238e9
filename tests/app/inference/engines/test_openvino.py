"""`app.inference.engines.openvino` on the committed artifact."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract import Artifact
from app.inference.engines.openvino import OpenVINOEngine
from tests.conftest import LabelledSeries

# Two of the largest call and more: parts that are begun together, and one of another size.
MAX_ROWS = 80


@pytest.fixture(scope="module")
def engine(artifact: Artifact) -> OpenVINOEngine:
    """The sealed graph, for batches of one call and of several."""
    return OpenVINOEngine(artifact, max_rows=MAX_ROWS)


def test_golden_answers_are_reproduced(engine: OpenVINOEngine, artifact: Artifact) -> None:
    """The sealed graph gives what training saw."""
    golden = artifact.golden
    answers = engine.predict(golden.series[:MAX_ROWS])
    np.testing.assert_allclose(
        answers, golden.answers[:MAX_ROWS], rtol=0, atol=artifact.contract.output.tolerance
    )


@given(start=st.integers(0, 1000), rows=st.integers(1, MAX_ROWS))
@settings(deadline=None, max_examples=30)
def test_a_series_gets_the_same_answer_alone_and_in_any_batch(
    engine: OpenVINOEngine, artifact: Artifact, forda_test: LabelledSeries, start: int, rows: int
) -> None:
    """Promise 9 of the batcher: company changes nothing, within the contract's tolerance."""
    series = forda_test.series[start : start + rows]
    alone = np.concatenate([engine.predict(series[i : i + 1]) for i in range(rows)])
    together = engine.predict(series)
    np.testing.assert_allclose(together, alone, rtol=0, atol=artifact.contract.output.tolerance)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="the system keeps no thread to a processor, or has but one",
)
def test_no_call_keeps_to_one_processor(engine: OpenVINOEngine, artifact: Artifact) -> None:
    """In every process it would be the same one, however many others idle."""
    series = artifact.golden.series[:MAX_ROWS]
    mine, found = os.sched_getaffinity(0), set[frozenset[int]]()
    calling = threading.Thread(target=lambda: [engine.predict(series) for _ in range(100)])
    calling.start()
    while calling.is_alive():
        for task in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):
                found.add(frozenset(os.sched_getaffinity(int(task.name))))
    calling.join()
    assert found == {frozenset(mine)}


def test_a_large_batch_is_answered_in_parts(
    engine: OpenVINOEngine, artifact: Artifact, forda_test: LabelledSeries
) -> None:
    """Each part waits for its own answers, also where the last batch's are still in its memory."""
    assert 2 * engine.batch_sizes[-1] < MAX_ROWS < 3 * engine.batch_sizes[-1]
    for start in (0, MAX_ROWS):
        series = forda_test.series[start : start + MAX_ROWS]
        alone = np.concatenate([engine.predict(series[i : i + 1]) for i in range(MAX_ROWS)])
        together = engine.predict(series)
        np.testing.assert_allclose(together, alone, rtol=0, atol=artifact.contract.output.tolerance)


def test_an_answer_is_not_overwritten_by_the_next(engine: OpenVINOEngine, forda_test: LabelledSeries) -> None:
    """Callers may keep their arrays: the runtime's buffers are not handed out."""
    first = engine.predict(forda_test.series[:4])
    kept = first.copy()
    engine.predict(forda_test.series[4:8])
    np.testing.assert_array_equal(first, kept)


def run_python(code: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process, where no runtime has been imported."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )


LOAD = """
import sys, logging
from pathlib import Path
from app.contract import open_artifact
from app.inference.engines import load_engine
logging.basicConfig()
engine = load_engine(open_artifact(Path({path!r})), choice={choice!r}, max_rows=4)
print(engine.description)
print([name for name in ("tensorflow", "keras", "torch", "jax") if name in sys.modules])
"""


def test_the_sealed_graph_needs_neither_tensorflow_nor_keras(root: Path, artifact: Artifact) -> None:
    """Serving on the CPU imports one runtime."""
    done = run_python(LOAD.format(path=str(artifact.folder), choice="openvino"), root)
    assert done.returncode == 0, done.stderr
    description, imported = done.stdout.splitlines()
    assert "sealed graph" in description
    assert imported == "[]"


def test_without_a_sealed_graph_the_model_file_is_converted(
    root: Path, artifact: Artifact, tmp_path: Path
) -> None:
    """`model.keras` alone is enough, golden answers and all, still without TensorFlow."""
    for file in artifact.folder.iterdir():
        if not file.name.startswith("openvino"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    derived = {
        name: digest for name, digest in artifact.contract.files.items() if not name.startswith("openvino")
    }
    bare = artifact.contract.model_copy(update={"derived": {}, "files": derived})
    (tmp_path / "contract.json").write_text(bare.model_dump_json())
    done = run_python(LOAD.format(path=str(tmp_path), choice="openvino"), root)
    assert done.returncode == 0, done.stderr
    description, imported = done.stdout.splitlines()
    assert "converted from model.keras" in description
    assert imported == "['keras']"
