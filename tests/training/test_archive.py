"""Other data sets: the same job trains them, and the same service serves what it seals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.client import Client
from app.contract import Contract, open_artifact
from tests.conftest import running_server
from training.archive import PUBLISHED, as_markdown, contracts
from training.config import TrainingConfig
from training.crossfit import Screen
from training.job import run
from training.sources import load_dataset

MOST_CLASSES = "Adiac"


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_data_set_is_trained_and_served(tiny: Callable[..., TrainingConfig], name: str) -> None:
    """A short run on its real files makes an artifact that a real server proves and answers with."""
    # Folds are dealt out by class: those of the most classes, with one series each, stand for all.
    folds = 2 if name == MOST_CLASSES else 0
    config = tiny(dataset=name, name=None, tokens="auto", epochs=1, limit=60, folds=folds)
    folder = run(config, load_dataset(config), Screen(lambda _: None))
    artifact = open_artifact(folder)
    golden, labels = artifact.golden, [label.name for label in artifact.contract.labels]
    with running_server(ARTIFACT=str(folder)) as server:
        with Client(server.url) as client:
            predictions = client.predict(golden.series)
        info = httpx.get(f"{server.url}/model").json()
    answers = np.array([[p.probabilities[label] for label in labels] for p in predictions])
    np.testing.assert_allclose(answers, golden.probabilities, atol=artifact.contract.output.tolerance)
    assert all(set(p.label_set or []) <= set(labels) for p in predictions)
    assert info["contract"]["provenance"]["dataset"] == name
    assert contracts(Path(config.out)) == {name: artifact.contract}


def test_the_table_has_ours_beside_the_published(artifact_contract: Contract) -> None:
    """A row has length, classes and tokens as sealed, our accuracies, and the two published ones."""
    row = as_markdown({"Fish": artifact_contract}).splitlines()[-1]
    metrics = artifact_contract.metrics
    assert row.startswith("| Fish | 500 | 2 |")
    assert f"| {100 * metrics['accuracy']:.1f} | {100 * metrics['accuracy_rounded_2_decimals']:.1f} |" in row
    assert "| 98.3 | 98.3 |" in row


@pytest.fixture
def artifact_contract(root: Path) -> Contract:
    """The contract of the committed artifact."""
    return open_artifact(root / "model_artifacts" / "forda").contract
