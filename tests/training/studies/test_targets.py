"""The table of targets."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.contract import (
    Artifact,
    Contract,
    Golden,
    InputSpec,
    Label,
    OutputSpec,
    Provenance,
    open_artifact,
)
from app.errors import ArtifactError
from tests.training.conftest import make_dataset
from tests.training.report.reports import a_config
from training.artifact.export import save_openvino
from training.data.sources import load_dataset
from training.errors import DataError
from training.evaluation.accuracy import Evaluation
from training.evaluation.trust import TrustEvaluation
from training.fit.result import TrainingResult
from training.studies.targets import cost
from training.studies.targets.__main__ import main
from training.studies.targets.measure import measure
from training.studies.targets.metrics import ArtifactMetrics
from training.studies.targets.table import missed, target_results, targets_table

COMMITTED = Path(__file__).parents[3] / "model_artifacts" / "forda"


def metrics(*, trust: dict[str, Any] | None = None, **changes: Any) -> ArtifactMetrics:
    """Metrics that reach every target exactly, with changes; `evaluation` changes its fields."""
    accuracies = {
        "stored": 0.98,
        "six_digits": 0.98,
        "float16": 0.98,
        "rounded_3": 0.985,
        "rounded_2": 0.975,
        "rounded_1": 0.5,
        "noise": 0.95,
    }
    evaluation = Evaluation(
        accuracies=accuracies | changes.pop("accuracies", {}),
        noise={},
        calibration_error={"stored": 0.015, "rounded_2": 0.02},
        loss=0.1,
        confusion=np.zeros((2, 2), np.int64),
        outputs={},
        rounding_leak=None,
    )
    usual: dict[str, Any] = {
        "coverage": {view: {"0.9": 0.88, "0.95": 0.97, "0.99": 0.5} for view in ("stored", "rounded_2")},
        "set_sizes": {},
        "ood_auroc": {"stored": 0.98, "rounded_2": 0.9},
        "near_ood_auroc": {"FordB": {"stored": 0.75, "rounded_2": 0.8}},
        "ood_groups": {},
        "uniform_attention": {"stored": 0.97, "rounded_2": 0.9},
    }
    whole: dict[str, Any] = {
        "evaluation": dataclasses.replace(evaluation, **changes.pop("evaluation", {})),
        "trust": TrustEvaluation(**usual | (trust or {})),
        "resamples": {"stored": 0.97, "rounded_2": 0.985},
        "resample_count": 5,
        "training_seconds": 900.0,
        "parameters": 100_000,
        "milliseconds": 2.0,
    }
    return ArtifactMetrics(**whole | changes)


def test_a_target_that_is_just_reached_is_met() -> None:
    """A value equal to its target meets it, in every row."""
    rows = target_results(metrics())
    assert len(rows) == 14
    assert {row.met for row in rows} == {"yes"}
    assert missed(rows) == []


@pytest.mark.parametrize(
    ("changes", "measure_begins", "reached", "met"),
    [
        (
            {"accuracies": {"noise": 0.8125}},
            "test accuracy with Gaussian",
            "81.25%",
            "MISSED by 13.75 points",
        ),
        (
            {"accuracies": {"rounded_2": 0.965}, "resamples": {"stored": 0.98, "rounded_2": 0.97}},
            "test accuracy, test series rounded",
            "96.50%",
            "MISSED by 1.00 points",
        ),
        ({"accuracies": {"float16": 0.97}}, "largest change", "1.00 points", "MISSED by 0.50 points"),
        (
            {"resamples": {"stored": 0.955, "rounded_2": 0.975}},
            "mean over resamples of train + test, as stored",
            "95.50% (sealed, 5 of them)",
            "MISSED by 1.50 points",
        ),
        (
            {"trust": {"uniform_attention": {"stored": 0.981, "rounded_2": 0.975}}},
            "accuracy lost when attention",
            "-0.10 points (rounded: 0.00 points)",
            "MISSED by 1.10 points",
        ),
        (
            {"evaluation": {"calibration_error": {"stored": 0.0321, "rounded_2": 0.01}}},
            "expected calibration error",
            "3.21% (rounded: 1.00%)",
            "MISSED by 1.71 points",
        ),
        (
            {"trust": {"coverage": {view: {"0.9": 0.95, "0.95": 0.9} for view in ("stored", "rounded_2")}}},
            "coverage of the label sets at 90%",
            "95.00% (rounded: 95.00%)",
            "MISSED by 3.00 points",
        ),
        (
            {"trust": {"ood_auroc": {"stored": 0.9, "rounded_2": 1.0}}},
            "AUROC of the OOD score",
            "0.9000 (rounded: 1.0000); FordB: 0.7500",
            "MISSED by 0.0800",
        ),
        ({"training_seconds": 1000.0}, "training time", "16.7 min (sealed)", "MISSED by 1.7 min"),
        ({"parameters": 101_234}, "parameters", "101,234", "MISSED by 1,234 parameters"),
        ({"milliseconds": 2.004}, "one call", "2.00 ms", "MISSED by less than 0.01 ms"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("MISSED") else "",
)
def test_a_missed_target_is_shown_with_its_distance(
    changes: dict[str, Any], measure_begins: str, reached: str, met: str
) -> None:
    """A missed target's row has the value reached and the distance in the target's unit."""
    rows = target_results(metrics(**changes))
    row = next(row for row in rows if row.measure.startswith(measure_begins))
    assert (row.reached, row.met) == (reached, met)
    assert row in missed(rows)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    """Without trust, resamples and OpenVINO graph, their rows are marked as not measured."""
    rows = target_results(dataclasses.replace(metrics(), trust=None, resamples=None, milliseconds=None))
    assert sum(row.met == "not measured" for row in rows) == 7
    assert sum(row.met == "yes" for row in rows) == 7
    assert missed(rows) == []


def test_the_table_is_markdown() -> None:
    """A header, a rule and one line a target, all with four columns."""
    lines = targets_table(target_results(metrics())).splitlines()
    assert lines[0] == "| measure | target | reached | met? |"
    assert {line.count("|") for line in lines} == {5}
    assert len(lines) == 16


@pytest.fixture
def few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time a graph by a few calls instead of a thousand."""
    monkeypatch.setattr(cost, "ROUNDS", 1)
    monkeypatch.setattr(cost, "CALLS", 10)


@pytest.fixture(scope="module")
def model(untrained_result: TrainingResult) -> Any:
    """A trusted model that was never fitted, and its trust."""
    return untrained_result


def _artifact(folder: Path, fits: Any, config: dict[str, Any]) -> Artifact:
    dataset = load_dataset(a_config(**config))
    digest = "0" * 64
    contract = Contract(
        name="waves",
        version=1,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        description="A test's model.",
        input=InputSpec(name="series", length=dataset.length),
        output=OutputSpec(name="probabilities", tolerance=1e-3),
        labels=tuple(Label(name=name, meaning="") for name in dataset.labels),
        trust=fits.trust,
        parameters=1,
        files={"model.keras": digest, "golden.npz": digest},
        metrics={"resamples_mean_accuracy": 0.5, "resamples_mean_accuracy_rounded_2_decimals": 0.25},
        provenance=Provenance(
            dataset="Waves",
            data_sha256=dict(dataset.sha256),
            config=config | {"resamples": 2, "an option of former times": 1},
            seed=1,
            versions={},
            training_seconds=30,
        ),
    )
    nothing = np.zeros((1, 1), np.float32)
    return Artifact(folder=folder, contract=contract, golden=Golden(nothing, nothing))


def test_an_artifact_is_measured_again(tmp_path: Path, model: Any, wave_files: dict[str, str]) -> None:
    """Metrics come from model and data; what cannot be measured again comes from the contract."""
    model.model.save(tmp_path / "model.keras")
    measured = measure(_artifact(tmp_path, model, wave_files))
    assert measured.evaluation.accuracies["stored"] == pytest.approx(0.5, abs=0.5)
    assert measured.trust is not None
    assert measured.trust.ood_auroc["stored"] > 0.5
    assert measured.parameters == model.model.count_params()
    assert (measured.resamples, measured.training_seconds) == ({"stored": 0.5, "rounded_2": 0.25}, 30)
    assert measured.resample_count == 2
    assert measured.milliseconds is None
    assert len(target_results(measured)) == 14


def test_other_data_are_refused(tmp_path: Path, model: Any, wave_files: dict[str, str]) -> None:
    """Files other than those that the artifact was made from are refused."""
    model.model.save(tmp_path / "model.keras")
    artifact = _artifact(tmp_path, model, wave_files)
    test_file = Path(wave_files["test_file"])
    test_file.write_text(test_file.read_text(encoding="utf-8").replace("0", "1"), encoding="utf-8")
    with pytest.raises(DataError, match="not the files that the artifact was made from"):
        measure(artifact)


def test_a_model_that_cannot_be_loaded_is_named(
    tmp_path: Path, model: Any, wave_files: dict[str, str]
) -> None:
    """An invalid `model.keras` is an `ArtifactError` of one line."""
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=r"model\.keras: cannot be loaded: ") as error:
        measure(_artifact(tmp_path, model, wave_files))
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("few_calls")
def test_a_call_is_timed(tmp_path: Path, model: Any) -> None:
    """The graph runs with a batch of 32, also if there are fewer series."""
    save_openvino(model.model, tmp_path)
    series = make_dataset(classes=2).test[:5].astype(np.float32)
    assert 0 < cost.milliseconds_per_call(tmp_path / "openvino.xml", series) < 100


def test_an_artifact_that_cannot_be_opened_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, and nothing is on standard output."""
    assert main(["--artifact", str(tmp_path / "none")]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("error: ")
    assert error.count("\n") == 1


@pytest.mark.usefixtures("few_calls")
def test_the_committed_artifact_reaches_what_it_states(capsys: pytest.CaptureFixture[str]) -> None:
    """The table's accuracy is the contract's, and the exit code is 0, whatever is missed."""
    assert main(["--artifact", str(COMMITTED)]) == 0
    accuracy = open_artifact(COMMITTED).contract.metrics["accuracy"]
    out, _ = capsys.readouterr()
    assert f"| test accuracy, as stored | ≥ 98.0% | {100 * accuracy:.2f}% |" in out
    assert ("MISSED" in out) == ("experiments.md" in out)
