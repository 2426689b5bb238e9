"""Tasks, from the rows of a file to the rows of a shard."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from app.errors import EngineError
from app.scoring.errors import ScoringError
from app.scoring.scorer import TaskScorer, read_ahead
from app.series.readers.rows import RowOptions
from tests.app.scoring.jobs import outputs, plan_of, scored, scorer_of, some_series
from tests.support.fakes import FakeEngine, by_first_value


def test_a_row_has_all_that_a_response_has(artifact: Artifact, tmp_path: Path) -> None:
    """Label, probabilities, label set, OOD score, warnings, model and version, with file and row."""
    values = some_series(20)
    values[3] = 1.5
    np.save(tmp_path / "a.npy", values)
    table = scored(artifact.contract, tmp_path / "a.npy")
    probabilities = by_first_value(values)
    assert table["file"].to_pylist() == [str(tmp_path / "a.npy")] * 20
    assert table["row"].to_pylist() == list(range(1, 21))
    names = [label.name for label in artifact.contract.labels]
    assert table["label"].to_pylist() == [names[place] for place in probabilities.argmax(axis=1)]
    for place, name in enumerate(names):
        # The offset of a series is subtracted before the engine; the first value keeps its rank.
        found = np.array(table[f"probability_{name}"])
        rest = np.arange(20) != 3
        np.testing.assert_allclose(found[rest], probabilities[rest, place], rtol=1e-6)
    assert artifact.contract.trust is not None
    sets = probabilities >= artifact.contract.trust.label_sets.threshold
    expected = [[name for name, is_in in zip(names, row, strict=True) if is_in] for row in sets]
    assert [each for place, each in enumerate(table["label_set"].to_pylist()) if place != 3] == [
        each for place, each in enumerate(expected) if place != 3
    ]
    assert 0 <= table["ood_score"].to_pylist()[0] <= 1
    assert table["warnings"].to_pylist()[3] == ["flat"]
    assert set(table["model"].to_pylist()) == {"forda"}
    assert set(table["version"].to_pylist()) == {artifact.contract.version}
    assert table["error"].null_count == 20


def test_rows_that_cannot_be_scored_stay_in_their_place(artifact: Artifact, tmp_path: Path) -> None:
    """They say why in `error`, and have nulls."""
    values = some_series(9)
    values[4, 7] = np.nan
    np.save(tmp_path / "a.npy", values)
    table = scored(artifact.contract, tmp_path / "a.npy")
    assert table["row"].to_pylist() == list(range(1, 10))
    (row,) = [row for row in table.to_pylist() if row["error"] is not None]
    assert row["row"] == 5
    assert "value 8 is nan" in row["error"]
    assert row["model"] == "forda"
    assert {row[name] for name in ("label", "probability_1", "label_set", "ood_score", "warnings")} == {None}


def test_an_output_that_is_not_finite_is_the_error_of_its_row(artifact: Artifact, tmp_path: Path) -> None:
    """The other rows of the batch have predictions."""

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        found = outputs(series)
        found[2] = np.nan
        return found

    np.save(tmp_path / "a.npy", some_series(5))
    (task,) = plan_of(artifact.contract, tmp_path / "a.npy").tasks()
    scorer = TaskScorer(
        FakeEngine(predict), artifact.contract, RowOptions(), abstain=False, on_rows=lambda _: None
    )
    shard = scorer.score(task)
    assert (shard.rows, shard.bad) == (5, 1)
    errors = pq.read_table(pa.BufferReader(shard.content))["error"].to_pylist()
    assert [error is None for error in errors] == [True, True, False, True, True]


def test_abstaining_leaves_the_label_out(artifact: Artifact, tmp_path: Path) -> None:
    """Where the label set has not exactly one label."""
    np.save(tmp_path / "a.npy", some_series(40))
    plain = scored(artifact.contract, tmp_path / "a.npy")
    table = scored(artifact.contract, tmp_path / "a.npy", abstain=True)
    sizes = [len(each) for each in table["label_set"].to_pylist()]
    assert set(sizes) > {1}
    assert [label is None for label in table["label"].to_pylist()] == [size != 1 for size in sizes]
    assert plain["label"].null_count == 0


def test_a_model_without_trust_has_no_columns_of_it(plain_artifact: Artifact, tmp_path: Path) -> None:
    """No label set, no OOD score."""
    np.save(tmp_path / "a.npy", some_series(3))
    contract = plain_artifact.contract
    scorer = TaskScorer(FakeEngine(), contract, RowOptions(), abstain=False, on_rows=lambda _: None)
    (task,) = plan_of(contract, tmp_path / "a.npy").tasks()
    table = pq.read_table(pa.BufferReader(scorer.score(task).content))
    assert not {"label_set", "ood_score"} & set(table.column_names)
    assert table["warnings"].to_pylist() == [[], [], []]


def test_every_format_gives_the_same_rows(artifact: Artifact, tmp_path: Path) -> None:
    """`.npy`, text, and Parquet with a column of lists and with a column a value."""
    values = some_series(33)
    np.save(tmp_path / "a.npy", values)
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["1", *map(repr, row)] for row in values.tolist()])
    lists = pa.array(list(values), pa.list_(pa.float32()))
    pq.write_table(pa.table({"x": lists}), tmp_path / "a.parquet", row_group_size=10)
    wide = pa.table({f"v{place}": values[:, place] for place in range(values.shape[1])})
    pq.write_table(wide, tmp_path / "b.parquet", row_group_size=7)
    expected = scored(artifact.contract, tmp_path / "a.npy").drop(["file"])
    for name in ("a.csv", "a.parquet", "b.parquet"):
        assert scored(artifact.contract, tmp_path / name).drop(["file"]).equals(expected), name


def test_a_damaged_file_has_the_rows_before_the_damage(artifact: Artifact, tmp_path: Path) -> None:
    """And its problem, which names the file."""
    np.save(tmp_path / "a.npy", some_series(9000))
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[: len(whole) // 2])
    (task,) = plan_of(artifact.contract, tmp_path / "a.npy", rows=10_000).tasks()
    shard = scorer_of(artifact.contract).score(task)
    assert shard.rows == 4096
    assert "a.npy: a damaged .npy file: it is cut off" in shard.problem


def test_a_file_that_changed_ends_the_job(artifact: Artifact, tmp_path: Path) -> None:
    """Its rows would not be those of the plan."""
    np.save(tmp_path / "a.npy", some_series(4))
    (task,) = plan_of(artifact.contract, tmp_path / "a.npy").tasks()
    np.save(tmp_path / "a.npy", some_series(5))
    with pytest.raises(ScoringError, match=r"a\.npy: has changed since the job was planned"):
        scorer_of(artifact.contract).score(task)


def test_an_error_while_reading_ahead_comes_in_its_place() -> None:
    """After the items before it."""

    def items() -> Iterator[int]:
        yield 1
        raise EngineError("broken")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(EngineError, match="broken"):
        next(ahead)
