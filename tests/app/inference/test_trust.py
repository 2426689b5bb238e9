"""`app.inference.trust`: label sets, scores and warnings, against the definitions, one series at a time."""

from __future__ import annotations

from itertools import compress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from app.contract import LabelSets, NoveltySpec, Trust, ValueThresholds
from app.inference.trust import PRECISION_LOST, Assessment, Assessor, warning_kinds
from tests.support.trusted import TRUST, a_series

LENGTH = 12
# Those of an assessment; the last kind is seen when a body is read.
CODES = [kind.code for kind in warning_kinds(TRUST)][:-1]
USUAL = 0.0


def assess(series: NDArray[np.float32], novelty: float = USUAL, *, trust: Trust = TRUST) -> Assessment:
    """The assessment of one series `float32[length]` with probabilities (0.2, 0.8)."""
    answers = np.array([[0.2, 0.8, novelty]], np.float32)
    return Assessor(trust)(series[np.newaxis], answers)


def warned(series: NDArray[np.float32], novelty: float = USUAL, *, trust: Trust = TRUST) -> list[str]:
    """The codes of one series' warnings."""
    return [
        code
        for code, given in zip(CODES, assess(series, novelty, trust=trust).warnings[0], strict=True)
        if given
    ]


def with_habits(fewest_distinct: int, most_at_extreme: int) -> Trust:
    """Trust with these habits."""
    habits = ValueThresholds(fewest_distinct=fewest_distinct, most_at_extreme=most_at_extreme)
    return TRUST.model_copy(update={"habits": habits})


# Few different values, so that ties are common, and both zeros, which are equal.
values = st.sampled_from([-2.0, -0.0, 0.0, 0.5, 1.0, 3.0]) | st.floats(-5, 5, width=32)
batches = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(LENGTH)), elements=values)
novelties = st.floats(-10, 10, width=32) | st.sampled_from(
    [*TRUST.novelty.quantiles, TRUST.novelty.threshold]
)


@st.composite
def answered(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Series and an engine's answers to them."""
    series = draw(batches)
    rows = len(series)
    second = draw(arrays.arrays(np.float32, rows, elements=st.floats(0, 1, width=32)))
    novelty = draw(arrays.arrays(np.float32, rows, elements=novelties))
    return series, np.stack([1 - second, second, novelty], axis=1)


@given(answered(), st.integers(1, LENGTH + 2), st.integers(1, LENGTH + 2))
def test_warnings_are_those_of_the_definitions(
    batch: tuple[NDArray[np.float32], NDArray[np.float32]], fewest: int, most: int
) -> None:
    """Whatever the values and the habits, counting by hand finds the same warnings."""
    series, answers = batch
    found = Assessor(with_habits(fewest, most))(series, answers).warnings
    for row, (_, _, novelty), given_warnings in zip(series.tolist(), answers.tolist(), found, strict=True):
        flat = len(set(row)) == 1
        at_extreme = max(row.count(max(row)), row.count(min(row)))
        assert given_warnings.tolist() == [
            flat,
            at_extreme > most and not flat,
            len(set(row)) < fewest and not flat,
            novelty > TRUST.novelty.threshold,
        ]


@given(answered())
def test_label_sets_hold_the_probable_labels_of_series_that_are_known(
    batch: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    """A label is in the set from the level's threshold on, and never where the novelty is above its own."""
    series, answers = batch
    found = Assessor(TRUST)(series, answers).label_sets
    least = np.float32(TRUST.label_sets.threshold)
    for (*probabilities, novelty), labels in zip(answers, found, strict=True):
        known = novelty <= TRUST.novelty.threshold
        assert labels.tolist() == [bool(p >= least and known) for p in probabilities]


@given(answered())
def test_a_series_is_judged_the_same_alone_and_in_any_batch(
    batch: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    """Company changes nothing, to the bit."""
    series, answers = batch
    together = Assessor(TRUST)(series, answers)
    for i in range(len(series)):
        alone = Assessor(TRUST)(series[i : i + 1], answers[i : i + 1])
        np.testing.assert_array_equal(alone.label_sets[0], together.label_sets[i])
        np.testing.assert_array_equal(alone.ood_scores[0], together.ood_scores[i])
        np.testing.assert_array_equal(alone.warnings[0], together.warnings[i])


def scores(*novelty: float, quantiles: tuple[float, ...] = TRUST.novelty.quantiles) -> list[float]:
    """The scores of series with these novelties."""
    spec = NoveltySpec(name="novelty", quantiles=quantiles, threshold=1.5)
    answers = np.array([[0.2, 0.8, value] for value in novelty], np.float32)
    series = np.tile(a_series(), (len(novelty), 1))
    found: list[float] = Assessor(TRUST.model_copy(update={"novelty": spec}))(
        series, answers
    ).ood_scores.tolist()
    return found


def test_the_score_is_the_rank_among_the_quantiles() -> None:
    """Linear between two quantiles, 0 below the first and 1 above the last."""
    assert scores(-9.0, -2.0, -1.5, 0.0, 1.25, 2.0, 9.0) == [0.0, 0.0, 0.125, 0.5, 0.8125, 1.0, 1.0]


def test_quantiles_that_are_equal_rank_as_the_last_of_them() -> None:
    """A value that many series have is as far as all of them."""
    assert scores(0.9, 1.0, 1.1, quantiles=(0.0, 1.0, 1.0, 2.0)) == pytest.approx([0.3, 2 / 3, 0.7])


@given(st.lists(novelties, min_size=2, max_size=10).map(sorted))
def test_the_score_grows_with_the_novelty(novelty: list[float]) -> None:
    """Never down, and always from 0 to 1."""
    found = scores(*novelty)
    assert found == sorted(found)
    assert all(0 <= score <= 1 for score in found)


@given(novelties, novelties, st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_label_sets_shrink_as_novelty_grows_or_probability_falls(
    novelty: float, other: float, probability: float, less: float
) -> None:
    """Less reason for a label never puts it into the set."""
    rows = [
        [max(probability, less), 0.0, min(novelty, other)],
        [min(probability, less), 0.0, max(novelty, other)],
    ]
    more_reason, less_reason = Assessor(TRUST)(
        np.tile(a_series(), (2, 1)), np.array(rows, np.float32)
    ).label_sets
    assert more_reason[0] >= less_reason[0]


@pytest.mark.parametrize(
    ("novelty", "score", "unlike"),
    [(np.inf, 1.0, True), (-np.inf, 0.0, False), (np.nan, np.nan, True)],
)
def test_a_novelty_that_is_not_finite_is_never_trusted_by_accident(
    novelty: float, score: float, unlike: bool
) -> None:
    """Infinitely far is unlike the training data, and so is what cannot be told."""
    found = assess(a_series(), novelty)
    np.testing.assert_array_equal(found.ood_scores, [np.float32(score)])
    assert bool(found.warnings[0, CODES.index("unlike_training_data")]) is unlike
    assert found.label_sets[0].any() != unlike


def test_a_usual_series_has_no_warnings() -> None:
    """The common case is silent."""
    assert warned(a_series()) == []


def test_a_flat_series_is_flat_and_nothing_else() -> None:
    """It is also clipped and has few different values, but that is the same said three times."""
    assert warned(np.full(LENGTH, 7.25, np.float32)) == ["flat"]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clipped_series_is_found_at_either_end(sign: int) -> None:
    """Five of its values at the limit are one more than is usual; four are not."""
    series = sign * np.arange(LENGTH, dtype=np.float32)
    four, five = series.copy(), series.copy()
    four[-4:] = five[-5:] = sign * 99.0
    assert warned(four) == []
    assert warned(five) == ["clipped"]


def test_a_coarse_series_has_few_different_values() -> None:
    """Five different values are one too few."""
    coarse = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 4], np.float32)
    assert warned(coarse) == ["few_distinct_values"]
    coarse[0] = 0.5
    assert warned(coarse) == []


def test_a_series_far_from_the_training_data_gets_a_warning() -> None:
    """Above the threshold of novelty, not at it."""
    assert warned(a_series(), 1.5) == []
    assert warned(a_series(), 1.51) == ["unlike_training_data"]


def test_a_long_series_is_counted_right() -> None:
    """More different values than 16 bits can count do not start from 0 again."""
    series = np.arange(70_000, dtype=np.float32)
    assert warned(series, trust=with_habits(70_000, 1)) == []
    assert warned(series, trust=with_habits(70_001, 1)) == ["few_distinct_values"]


def test_a_series_of_one_value_is_flat() -> None:
    """The shortest series there can be."""
    assert warned(np.ones(1, np.float32)) == ["flat"]


def test_the_batch_is_left_as_it_was() -> None:
    """Requests share their memory with the batch, which may be read-only."""
    series = np.tile(a_series(), (2, 1))
    series.flags.writeable = False
    answers = np.array([[0.2, 0.8, 0.0]] * 2, np.float32)
    answers.flags.writeable = False
    assert Assessor(TRUST)(series, answers).label_sets.tolist() == [[False, True]] * 2


def test_what_is_odd_about_a_channel_is_odd_about_its_series() -> None:
    """Each channel is looked at by itself: one below the other they would have values enough."""
    usual = a_series()
    flat, clipped = np.full_like(usual, 3.0), np.minimum(usual, 0.0)
    series = np.stack(
        [np.stack([usual, usual + 9], 1), np.stack([usual, flat], 1), np.stack([clipped, usual], 1)]
    )
    answers = np.array([[0.2, 0.8, 0.0]] * 3, np.float32)
    found = Assessor(TRUST)(series.astype(np.float32), answers).warnings
    assert [list(compress(CODES, row)) for row in found] == [[], ["flat"], ["clipped"]]
    flat_kind, clipped_kind, few_kind, *_ = warning_kinds(TRUST, 2)
    assert flat_kind.message == "All values of a channel are equal."
    assert clipped_kind.message.startswith(
        "More than 4 values equal a channel's largest or its smallest value"
    )
    assert few_kind.message.startswith("A channel has fewer than 6 different values")


def test_every_kind_says_what_was_seen_and_what_to_do() -> None:
    """Different codes, whole sentences, and the contract's own limits in the words."""
    kinds = warning_kinds(TRUST)
    assert CODES == ["flat", "clipped", "few_distinct_values", "unlike_training_data"]
    assert warning_kinds(None) == kinds[-1:] == (PRECISION_LOST,)
    for kind in kinds:
        assert kind.message.endswith(".")
        assert kind.remedy.endswith(".")
    assert "More than 4 values" in kinds[1].message
    assert "fewer than 6 different values" in kinds[2].message


def test_another_level_has_another_threshold() -> None:
    """The service answers at the contract's level, whichever it is."""
    wide = LabelSets(level=0.99, thresholds=TRUST.label_sets.thresholds)
    assert assess(a_series()).label_sets.tolist() == [[False, True]]
    assert assess(a_series(), trust=TRUST.model_copy(update={"label_sets": wide})).label_sets.tolist() == [
        [True, True]
    ]
