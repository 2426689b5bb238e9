"""What deploy/monitoring names, and what a server's /metrics knows of it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.api.problem_kinds import KINDS
from app.contract import Artifact
from app.server.serve import restart_counter
from app.telemetry.drift.collector import DriftCollector, DriftFamilies
from app.telemetry.drift.measuring import Served
from app.telemetry.drift.monitor import DriftMonitor, DriftOptions
from app.telemetry.metrics import Metrics
from qa.harness.process import ROOT
from tests.deploy.promql import Matcher, parse
from tests.support.drift import WARNINGS, usual_series, with_reference
from tests.support.trusted import answers

FOLDER = ROOT / "deploy" / "monitoring"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "timeseries-server.json"
UNIT_TESTS = ("alerts_test.yml", "alerts_day_test.yml")
VARIABLE = "$instance"

# The values that each label of each metric may have; None where there is no telling.
Known = dict[str, dict[str, set[str] | None]]


class Named(NamedTuple):
    """An expression and where it stands."""

    place: str
    expression: str


def load(name: str) -> Any:
    """A YAML file of the folder."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def rules(name: str) -> list[dict[str, Any]]:
    """The rules of a file, of all groups."""
    return [rule for group in load(name)["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return read


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels without the headings of rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def dashboard_expressions() -> list[Named]:
    """What the dashboard's panels ask."""
    return [Named(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def rule_expressions() -> list[Named]:
    """What rules and alerts ask."""
    return [
        Named(rule.get("alert") or rule["record"], rule["expr"])
        for rule in [*rules("recording.yml"), *rules("alerts.yml")]
    ]


def known(exposition: str) -> Known:
    """Metrics, labels and values: of a scrape, of the rules that record, and Prometheus' own."""
    job = load("prometheus.yml")["scrape_configs"][0]["job_name"]
    metrics: Known = {"up": {"job": {job}, "instance": None}}
    for family in text_string_to_metric_families(exposition):
        if family.documentation.startswith("Deprecated:"):
            continue  # rules and panels use the new name
        for sample in family.samples:
            labels = metrics.setdefault(sample.name, {"job": {job}, "instance": None})
            for label, value in sample.labels.items():
                values = labels.setdefault(label, set())
                assert values is not None
                values.add(value)
            if sample.name.startswith("process_"):
                labels["pid"] = None  # of several workers
    for name, names in declared().items():  # what has not happened yet has no sample
        labels = metrics.setdefault(name, {"job": {job}, "instance": None})
        for label in names:
            labels.setdefault(label, None)
    statuses = metrics["timeseries_http_requests_total"]["status"]
    assert statuses is not None
    statuses |= {str(kind.status) for kind in KINDS.values()}
    for rule in rules("recording.yml"):
        metrics[rule["record"]] = _recorded(rule["expr"], metrics)
    alerts = {rule["alert"] for rule in rules("alerts.yml")}
    metrics["ALERTS"] = {"alertname": alerts, "alertstate": {"pending", "firing"}}
    return metrics


def declared() -> dict[str, tuple[str, ...]]:
    """The labels of each sample's name that a server declares, whether anything was counted or not."""
    names = {**Metrics()._registry._collector_to_names, **of_supervisor()._collector_to_names}
    drift = {family.name: family._labelnames for family in vars(DriftFamilies()).values()}
    return drift | {
        name: getattr(collector, "_labelnames", ()) for collector, named in names.items() for name in named
    }


def of_supervisor() -> CollectorRegistry:
    """What a server of several workers tells besides: its supervisor counts."""
    registry = CollectorRegistry()
    restart_counter(registry)
    return registry


def of_store() -> bytes:
    """What a server whose ARTIFACT is a URL tells besides: when it last checked the store."""
    metrics = Metrics()
    metrics.artifact_checked(1.0)
    lines = metrics.render().splitlines(keepends=True)
    return b"".join(line for line in lines if b"timeseries_artifact_check_timestamp_seconds" in line)


def of_drift(artifact: Artifact) -> bytes:
    """What a server of a version with a reference tells of its drift, after it counted a series."""
    if artifact.contract.drift is None:
        monitor = DriftMonitor(with_reference(artifact.contract), WARNINGS, DriftOptions())
        series = usual_series(1, 1)
        found = answers(series)
        scores = np.full(1, 0.5, np.float32)
        monitor.add(Served(series, found[:, :-1], scores, np.zeros((1, len(WARNINGS)), np.bool_)))
        return generate_latest(DriftCollector(lambda: [monitor]))
    return b""  # it tells this itself


def _recorded(expression: str, metrics: Known) -> dict[str, set[str] | None]:
    """The labels of a rule's result: those that it groups by; where it does not, the server's and its own."""
    selectors, grouped, _ = parse(expression)
    labels: dict[str, set[str] | None] = defaultdict(set)
    for selector in selectors:
        for label, values in metrics.get(selector.metric, {}).items():
            if not grouped or label in grouped:
                mine = labels[label]
                labels[label] = None if values is None or mine is None else mine | values
    if "histogram_quantile" in expression:
        labels.pop("le", None)
    return dict(labels)


def unknown(expression: str, metrics: Mapping[str, Mapping[str, set[str] | None]]) -> Iterator[str]:
    """What an expression names that there is not: metrics, labels, and values that no label has."""
    selectors, _, labels = parse(expression)
    reachable: set[str] = set()
    for metric, matchers in selectors:
        if metric not in metrics:
            yield f"no metric {metric}"
            continue
        reachable |= metrics[metric].keys()
        for matcher in matchers:
            if matcher.label not in metrics[metric]:
                yield f"{metric} has no label {matcher.label}"
            elif not _may_match(matcher, metrics[metric][matcher.label]):
                yield f"{metric} has no {matcher.label} {matcher.value}"
    yield from (f"no label {label} to group or join by" for label in sorted(labels - reachable))


def _may_match(matcher: Matcher, values: set[str] | None) -> bool:
    if values is None or matcher.value == VARIABLE:
        return True
    exact = matcher.operator in {"=", "!="}
    return any(matcher.value == value if exact else re.fullmatch(matcher.value, value) for value in values)
