"""The columns of many predictions, and the predictions in them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from app.client import ClientError, Predictions
from app.client.results import Answer
from app.client.schemas import InputWarning
from tests.app.client.mocked import DESCRIPTION, records_for
from tests.conftest import ROOT

FIRST = np.array([[0.1], [0.5], [0.95]])
RECORDS = records_for(FIRST)
RECORDS["warnings"] = [0, 1, 3]
RECORDS["label_set"][2] = False


def predictions(*, abstain: bool = False) -> Predictions:
    """Of three series: sure, unsure, and unlike the training data."""
    return Predictions([Answer(RECORDS[:1], 3), Answer(RECORDS[1:], 4)], DESCRIPTION, abstain=abstain)


def test_the_columns_are_arrays() -> None:
    """Each with one row a series."""
    result = predictions()
    assert result.labels.tolist() == ["-1", "-1", "1"]
    assert result.probabilities.dtype == np.float32
    np.testing.assert_allclose(result.probabilities[:, 1], FIRST[:, 0], atol=1e-6)
    assert result.label_sets is not None
    assert result.label_sets.tolist() == [[True, False], [True, True], [False, False]]
    assert result.ood_scores is not None
    assert result.ood_scores.tolist() == [0.5] * 3
    assert result.warnings.tolist() == [0, 1, 3]
    assert {bit: kind.code for bit, kind in result.warning_kinds.items()} == {1: "flat", 2: "clipped"}
    assert result.versions == (3, 4)


def test_with_abstention_only_a_set_of_one_has_a_label() -> None:
    """In the column and in each prediction."""
    result = predictions(abstain=True)
    assert result.labels.tolist() == ["-1", None, None]
    assert [each.label for each in result] == ["-1", None, None]


def test_it_is_a_sequence_of_predictions() -> None:
    """With the texts of the warnings, and numbers as short as in JSON."""
    result = predictions()
    assert len(result) == 3
    assert list(result) == [result[0], result[1], result[-1]]
    assert result[0].probabilities == {"-1": 0.9, "1": 0.1}
    assert result[2].label_set == []
    assert result[2].warnings == [
        InputWarning(code="flat", message="seen", remedy="do"),
        InputWarning(code="clipped", message="seen too", remedy="do more"),
    ]
    part = result[1:]
    assert isinstance(part, Predictions)
    assert list(part) == list(result)[1:]
    with pytest.raises(IndexError):
        result[3]


def test_no_series_have_no_predictions() -> None:
    """An empty array is no error."""
    result = Predictions([], DESCRIPTION)
    assert (len(result), list(result), result.labels.tolist(), result.versions) == (0, [], [], ())


ROWS = [
    ("-1", ["-1"], []),
    ("-1", ["-1", "1"], ["flat"]),
    ("1", [], ["flat", "clipped"]),
]
COLUMNS = ["label", "probability_-1", "probability_1", "label_set", "ood_score", "warnings"]


def test_arrow_has_the_columns_as_lists_and_numbers() -> None:
    """Labels as text, sets and codes as lists."""
    pytest.importorskip("pyarrow")
    table = predictions().to_arrow()
    assert table.column_names == COLUMNS
    rows = [(row["label"], row["label_set"], row["warnings"]) for row in table.to_pylist()]
    assert rows == ROWS
    assert Predictions([], DESCRIPTION).to_arrow().num_rows == 0


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_frame_has_the_columns_of_the_table(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pandas if that is installed, else of Polars."""
    pytest.importorskip(package)
    from app.client import results

    monkeypatch.setattr(results, "find_spec", lambda name: name if name == package else None)
    frame = predictions().to_frame()
    assert type(frame).__module__.startswith(package)
    assert list(frame.columns) == COLUMNS
    columns = (list(map(list, frame[name])) for name in ("label_set", "warnings"))
    assert list(zip(frame["label"], *columns, strict=True)) == ROWS


def test_what_is_not_installed_is_named() -> None:
    """With the command that installs it."""
    code = (
        "import sys; sys.modules.update(pandas=None, polars=None, pyarrow=None)\n"
        "from tests.app.client.test_results import predictions, ClientError\n"
        "for method in (predictions().to_frame, predictions().to_arrow):\n"
        "    try:\n        method()\n    except ClientError as error:\n        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "to_frame needs pandas or Polars: pip install pandas",
        "to_arrow needs pyarrow: pip install pyarrow",
    ]
    assert issubclass(ClientError, Exception)
