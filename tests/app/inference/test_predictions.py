"""`app.inference.predictions`: one engine call for several requests, interpreted by one contract."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract import Artifact
from app.errors import EngineError
from app.inference.predictions import Batch, Postprocessor, Predictions, check_finite, predict_batch
from tests.support.fakes import FakeEngine, by_first_value
from tests.support.trusted import a_series, answers

LOGITS = st.lists(st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=4), min_size=1, max_size=4)


def same(one: Predictions, other: Predictions) -> bool:
    """Whether two say the same of the same number of series."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in Predictions.__slots__]
    return all(np.array_equal(a, b) for a, b in pairs)


@given(LOGITS)
def test_each_request_gets_what_it_would_get_alone(
    trusted_artifact: Artifact, requests: list[list[float]]
) -> None:
    """Probabilities, sets, scores and warnings, in the order of its series."""
    engine, postprocess = FakeEngine(answers), Postprocessor(trusted_artifact.contract)
    batch = [np.stack([a_series(logit, novelty=logit) for logit in request]) for request in requests]
    together = predict_batch(engine, postprocess, batch)
    assert engine.batches == [sum(map(len, requests))]
    for request, share in zip(batch, together, strict=True):
        assert len(share.predictions) == len(request)
        (alone,) = predict_batch(FakeEngine(answers), postprocess, [request])
        assert same(share.predictions, alone.predictions)


def test_the_output_columns_are_separated(trusted_artifact: Artifact) -> None:
    """Probabilities without the novelty, whose rank is the score."""
    series = np.stack([a_series(logit=2.0, novelty=1.0)])
    found = Postprocessor(trusted_artifact.contract)(series, answers(series))
    np.testing.assert_array_equal(found.probabilities, answers(series)[:, :2])
    assert found.ood_scores is not None
    np.testing.assert_allclose(found.ood_scores, [0.75], atol=1e-6)


def test_a_contract_without_trust_gives_probabilities_alone(artifact: Artifact) -> None:
    """The engine's own array, not a copy, and nothing else."""
    bare = artifact.contract.model_copy(update={"trust": None})
    series = np.zeros((2, bare.input.length), np.float32)
    given_answers = by_first_value(series)
    found = Postprocessor(bare)(series, given_answers)
    assert found.probabilities is given_answers
    assert (found.label_sets, found.ood_scores, found.warnings) == (None, None, None)
    assert same(found.of(slice(1, 2)), Predictions(given_answers[1:]))


@pytest.mark.parametrize("columns", [2, 4])
def test_an_answer_of_another_width_is_the_engines_error(trusted_artifact: Artifact, columns: int) -> None:
    """A novelty that is missing is not taken for a probability."""
    engine = FakeEngine(lambda series: np.ones((len(series), columns), np.float32))
    with pytest.raises(EngineError, match=rf"the engine returned shape \[1, {columns}\]; expected \[1, 3\]"):
        predict_batch(engine, Postprocessor(trusted_artifact.contract), [a_series()[np.newaxis]])


def test_what_is_made_of_a_batch_is_made_once(artifact: Artifact) -> None:
    """Each request takes its part of it; what could not be made is tried again."""
    made: list[int] = []

    def texts(batch: Batch) -> list[str]:
        made.append(len(batch.predictions))
        if len(made) == 1:
            raise EngineError("not yet")
        return [f"{value:.1f}" for value in batch.predictions.probabilities[:, 0]]

    postprocess = Postprocessor(artifact.contract.model_copy(update={"trust": None}))
    requests = [np.zeros((rows, artifact.contract.input.length), np.float32) for rows in (1, 3, 2)]
    shares = predict_batch(FakeEngine(), postprocess, requests)
    with pytest.raises(EngineError):
        shares[2].batch.once(texts)
    assert [share.batch.once(texts)[share.rows] for share in shares] == [["0.5"], ["0.5"] * 3, ["0.5"] * 2]
    assert made == [6, 6]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_probability_that_is_not_finite_is_the_engines_error(value: float) -> None:
    """NaN or infinity from an engine never reaches a caller as a broken document."""
    check_finite(Predictions(np.full((2, 2), 0.5, np.float32)))
    with pytest.raises(EngineError) as caught:
        check_finite(Predictions(np.array([[0.5, 0.5], [0.5, value]], np.float32)))
    assert str(caught.value) == "the engine returned a probability that is not finite (series 1, class 1)"


def test_a_novelty_that_is_not_a_number_is_the_engines_error() -> None:
    """A score that cannot be told never reaches a caller as a broken document."""
    halves, sets = np.full((2, 2), 0.5, np.float32), np.ones((2, 2), np.bool_)
    with pytest.raises(EngineError, match=r"a novelty that is not a number \(series 1\)"):
        check_finite(Predictions(halves, sets, np.array([0.5, np.nan], np.float32), sets))
