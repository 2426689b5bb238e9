"""Both autoscalers read metrics that there are, and do the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from app.settings import Settings
from tests.deploy.kubernetes.manifests import FOLDER, Resource, of_kind, workload
from tests.deploy.monitoring import declared, rules
from tests.deploy.promql import parse

RECORDED = "instance:timeseries_queue_seconds:mean_rate2m"


@pytest.fixture(scope="module")
def autoscaler(rendered: dict[str, list[Resource]]) -> dict[str, Any]:
    """The HorizontalPodAutoscaler's specification."""
    spec: dict[str, Any] = of_kind(rendered["hpa"], "HorizontalPodAutoscaler")["spec"]
    return spec


@pytest.fixture(scope="module")
def scaled_object(rendered: dict[str, list[Resource]]) -> dict[str, Any]:
    """The ScaledObject's specification."""
    spec: dict[str, Any] = of_kind(rendered["keda"], "ScaledObject")["spec"]
    return spec


@pytest.fixture(scope="module")
def adapter_rule() -> dict[str, Any]:
    """The rule for prometheus-adapter."""
    text = (FOLDER / "components" / "hpa" / "prometheus-adapter.yaml").read_text(encoding="utf-8")
    (rule,) = yaml.safe_load(text)["rules"]
    found: dict[str, Any] = rule
    return found


def test_the_recorded_wait_is_that_of_the_servers_histogram(rendered: dict[str, list[Resource]]) -> None:
    """The rule that both read is deployed with them, and is of metrics that the server has."""
    (rule,) = (rule for rule in rules("recording.yml") if rule["record"] == RECORDED)
    named = [selector.metric for selector in parse(rule["expr"]).selectors]
    assert named == ["timeseries_queue_seconds_sum", "timeseries_queue_seconds_count"]
    assert set(named) <= declared().keys()
    for overlay in ("hpa", "keda"):
        groups = of_kind(rendered[overlay], "PrometheusRule")["spec"]["groups"]
        assert rule in [one for group in groups for one in group["rules"]]


def test_the_adapter_serves_what_the_autoscaler_reads(
    autoscaler: dict[str, Any], adapter_rule: dict[str, Any]
) -> None:
    """The metric's name in the API is that of the adapter's rule, which selects the recorded wait."""
    (selector,) = parse(adapter_rule["seriesQuery"]).selectors
    assert selector.metric == RECORDED
    names = [metric["pods"]["metric"]["name"] for metric in autoscaler["metrics"] if metric["type"] == "Pods"]
    assert names == [adapter_rule["name"]["as"]]
    assert {matcher.label for matcher in selector.matchers} == adapter_rule["resources"]["overrides"].keys()


def test_keda_asks_for_the_recorded_wait(scaled_object: dict[str, Any]) -> None:
    """Summed over all replicas, because KEDA divides an AverageValue by their number."""
    (trigger,) = (one for one in scaled_object["triggers"] if one["type"] == "prometheus")
    query = trigger["metadata"]["query"]
    ((metric, matchers),) = parse(query).selectors
    assert query.startswith("sum(")
    assert trigger["metricType"] == "AverageValue"
    assert (metric, [tuple(matcher) for matcher in matchers]) == (
        RECORDED,
        [("job", "=", "timeseries-server")],
    )


def test_both_scale_alike(autoscaler: dict[str, Any], scaled_object: dict[str, Any]) -> None:
    """Numbers of replicas, targets and behaviour are equal."""
    wait, cpu = autoscaler["metrics"]
    queue, load = scaled_object["triggers"]
    milliseconds = int(wait["pods"]["target"]["averageValue"].removesuffix("m"))
    assert float(queue["metadata"]["threshold"]) == milliseconds / 1000
    assert load["metadata"]["value"] == str(cpu["resource"]["target"]["averageUtilization"])
    assert autoscaler["minReplicas"] == scaled_object["minReplicaCount"]
    assert autoscaler["maxReplicas"] == scaled_object["maxReplicaCount"]
    advanced = scaled_object["advanced"]["horizontalPodAutoscalerConfig"]
    assert advanced["behavior"] == autoscaler["behavior"]


def test_replicas_are_added_long_before_requests_are_refused(autoscaler: dict[str, Any]) -> None:
    """The target is a tenth of MAX_QUEUE_SECONDS."""
    target = autoscaler["metrics"][0]["pods"]["target"]["averageValue"]
    assert target == f"{Settings.model_fields['max_queue_seconds'].default * 100:.0f}m"


@pytest.mark.parametrize("overlay", ["hpa", "keda"])
def test_an_autoscaler_owns_the_number_of_replicas(
    rendered: dict[str, list[Resource]],
    overlay: str,
    autoscaler: dict[str, Any],
    scaled_object: dict[str, Any],
) -> None:
    """The Deployment gives none, so that an apply does not undo it; never fewer than in the base."""
    assert "replicas" not in workload(rendered[overlay])["spec"]
    least = {"hpa": autoscaler["minReplicas"], "keda": scaled_object["minReplicaCount"]}[overlay]
    assert least >= workload(rendered["base"])["spec"]["replicas"]
    target = {"hpa": autoscaler, "keda": scaled_object}[overlay]["scaleTargetRef"]
    assert target["name"] == workload(rendered[overlay])["metadata"]["name"]
