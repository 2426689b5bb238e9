"""`app.telemetry.prediction_metrics`: what an operator reads of answers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Histogram

from app.telemetry.buffered import MetricsBuffer
from app.telemetry.prediction_metrics import CONFIDENCES, PredictionMetrics, VersionMetrics

PROBABILITIES = np.array([[0.25, 0.75], [0.9, 0.1], [0.4, 0.6]], np.float32)


class Registry(CollectorRegistry):
    """A registry, and the buffer of what is registered."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = MetricsBuffer()


def made(
    warnings: tuple[str, ...] = ("flat", "clipped"), labels: tuple[str, ...] = ("-1", "1")
) -> tuple[Registry, VersionMetrics]:
    """Metrics of version 7 of a model, and where they are registered."""
    registry = Registry()
    metrics = PredictionMetrics(registry, registry.buffer)
    return registry, metrics.for_version(7, labels=labels, warnings=warnings, has_label_sets=bool(warnings))


def samples(registry: Registry) -> dict[str, float]:
    """Every count by its name and its labels' values, but for the version's, which is 7."""
    registry.buffer.flush()
    return {
        " ".join([sample.name, *(value for name, value in sample.labels.items() if name != "version")]): (
            sample.value
        )
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def answered(
    metrics: VersionMetrics,
    probabilities: NDArray[np.float32],
    label_sets: NDArray[np.bool_] | None = None,
    warnings: NDArray[np.bool_] | None = None,
    *,
    abstained: NDArray[np.bool_] | None = None,
) -> None:
    """One request of a batch of its own is answered."""
    metrics.answered(metrics.tallies(probabilities, label_sets, warnings), abstained=abstained)


def test_answers_are_counted_by_label_size_warning_and_abstention() -> None:
    """Each series counts once in each, a series with two warnings twice among them."""
    registry, metrics = made()
    answered(
        metrics,
        PROBABILITIES,
        np.array([[False, True], [False, False], [True, True]]),
        np.array([[True, True], [False, True], [False, False]]),
        abstained=np.array([False, True, True]),
    )
    answered(metrics, PROBABILITIES[:1], np.array([[False, True]]), np.array([[False, False]]))
    counted = samples(registry)
    assert (counted["timeseries_predictions_total -1"], counted["timeseries_predictions_total 1"]) == (1, 3)
    assert [counted[f"timeseries_label_sets_total {size}"] for size in ("0", "1", "more")] == [1, 2, 1]
    assert counted["timeseries_warnings_total flat"] == 1
    assert counted["timeseries_warnings_total clipped"] == 2
    assert counted["timeseries_abstained_series_total"] == 2
    assert counted["timeseries_confidence_count"] == 4


def test_a_set_of_three_counts_as_more() -> None:
    """The sizes that matter are none, one and more."""
    registry, metrics = made(warnings=("flat",), labels=("a", "b", "c"))
    answered(
        metrics, np.full((1, 3), 1 / 3, np.float32), np.ones((1, 3), np.bool_), np.zeros((1, 1), np.bool_)
    )
    assert samples(registry)["timeseries_label_sets_total more"] == 1


def test_what_has_not_happened_yet_is_counted_as_zero() -> None:
    """A rate can be taken from the first event on."""
    counted = samples(made()[0])
    assert counted["timeseries_predictions_total 1"] == 0
    assert counted["timeseries_label_sets_total more"] == 0
    assert counted["timeseries_warnings_total clipped"] == 0


def test_a_model_without_trust_has_no_sets_and_no_warnings() -> None:
    """Its labels and confidence are counted all the same; zeros would say that all is well."""
    registry, metrics = made(warnings=())
    answered(metrics, PROBABILITIES)
    counted = samples(registry)
    assert counted["timeseries_predictions_total 1"] == 2
    assert counted["timeseries_confidence_count"] == 3
    assert [name for name in counted if "label_sets" in name or "warnings" in name] == []


confidences = arrays.arrays(
    np.float32,
    st.integers(1, 20),
    elements=st.floats(0, 1, width=32) | st.sampled_from(np.array(CONFIDENCES, np.float32).tolist()),
)


@given(st.lists(confidences, min_size=1, max_size=3))
def test_confidence_falls_into_the_buckets_that_prometheus_would_choose(
    batches: list[NDArray[np.float32]],
) -> None:
    """Counting a whole array gives what observing its values one by one gives."""
    registry, metrics = made()
    one_by_one = Registry()
    expected = Histogram("timeseries_confidence", "x", buckets=CONFIDENCES, registry=one_by_one)
    for values in batches:
        answered(metrics, np.stack([1 - values, values], axis=1))
        for row in zip(1 - values, values, strict=True):
            expected.observe(float(max(row)))
    counted = samples(registry)
    for name, value in samples(one_by_one).items():
        np.testing.assert_allclose(counted[name], value, rtol=1e-12)


def test_each_request_of_a_batch_is_counted_for_itself() -> None:
    """Who is answered counts with all of its series, who is not with none."""
    registry, metrics = made()
    label_sets = np.array([[False, True], [True, True], [False, False]])
    warnings = np.array([[True, False], [True, True], [False, True]])
    metrics.answered(metrics.tallies(PROBABILITIES, label_sets, warnings)[1:])
    counted = samples(registry)
    assert (counted["timeseries_predictions_total -1"], counted["timeseries_predictions_total 1"]) == (1, 1)
    assert [counted[f"timeseries_label_sets_total {size}"] for size in ("0", "1", "more")] == [1, 0, 1]
    assert counted["timeseries_warnings_total flat"] == 1
    assert counted["timeseries_warnings_total clipped"] == 2
    assert counted["timeseries_confidence_sum"] == np.float32(0.9) + np.float32(0.6)


def test_versions_are_counted_apart() -> None:
    """Two that are loaded at the same time share the metrics, each under its number."""
    registry = Registry()
    metrics = PredictionMetrics(registry, registry.buffer)
    for number in (1, 2):
        answered(
            metrics.for_version(number, labels=["-1", "1"], warnings=[], has_label_sets=False),
            PROBABILITIES[:number],
        )
    registry.buffer.flush()
    for number in (1, 2):
        of_version = {"version": str(number)}
        assert registry.get_sample_value("timeseries_confidence_count", of_version) == number
