"""What deploy/monitoring asks of a server is what the server tells, and its rules do what they should.

Metrics are held against those of a real server's /metrics, so that none is renamed or misspelled unnoticed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.contract import Artifact
from app.settings import Settings
from qa.harness.messages import as_json
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess
from tests.deploy.monitoring import (
    FOLDER,
    UNIT_TESTS,
    Known,
    Named,
    dashboard_expressions,
    declared,
    known,
    load,
    of_drift,
    of_store,
    of_supervisor,
    rule_expressions,
    rules,
    unknown,
)
from tests.deploy.promql import parse

ALERTS = rules("alerts.yml")


@pytest.fixture(scope="module")
def exposition(server: ServerProcess, artifact: Artifact) -> str:
    """What a real server's /metrics says after it answered something, and what a supervisor adds to that."""
    body = as_json(artifact.golden.series[:2])
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        client.post("/predict", content=body, headers={"Content-Type": "application/json"}).raise_for_status()
        told = client.get("/metrics").raise_for_status().text
    return told + (generate_latest(of_supervisor()) + of_store() + of_drift(artifact)).decode()


@pytest.fixture(scope="module")
def metrics(exposition: str) -> Known:
    """All that an expression can name."""
    return known(exposition)


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checker."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    return path


@pytest.mark.parametrize(
    "named", [*rule_expressions(), *dashboard_expressions()], ids=lambda named: named.place
)
def test_metrics_labels_and_values_are_those_of_a_server(named: Named, metrics: Known) -> None:
    """Whatever a rule or a panel names, a server tells or a rule records."""
    assert list(unknown(named.expression, metrics)) == []


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("rate(timeseries_made_up_total[5m])", "no metric timeseries_made_up_total"),
        ("timeseries_left_series_total", "no metric timeseries_left_series_total"),
        (
            "sum by (job) (rate(timeseries_queue_second_bucket[5m]))",
            "no metric timeseries_queue_second_bucket",
        ),
        ('timeseries_queue_series{worker="1"}', "timeseries_queue_series has no label worker"),
        (
            'timeseries_refused_series_total{reason="bored"}',
            "timeseries_refused_series_total has no reason bored",
        ),
        ('timeseries_confidence_bucket{le="0.85"}', "timeseries_confidence_bucket has no le 0.85"),
        (
            'timeseries_http_requests_total{status=~"6.."}',
            "timeseries_http_requests_total has no status 6..",
        ),
        ("sum by (colour) (timeseries_queue_series)", "no label colour to group or join by"),
        (
            'job:timeseries_predict_errors:ratio_rate5m{instance=~"$instance"}',
            "job:timeseries_predict_errors:ratio_rate5m has no label instance",
        ),
    ],
)
def test_a_made_up_name_is_found_out(expression: str, complaint: str, metrics: Known) -> None:
    """The check above can fail: a metric, a label or a value that no server tells is a complaint."""
    assert complaint in list(unknown(expression, metrics))


def test_an_expression_is_taken_apart() -> None:
    """Functions, operators, ranges and numbers are no metrics; a selector without a name is refused."""
    parsed = parse('sum by (a) (rate(b{c="}", d!~"e"}[5m] offset 1h)) / on (f) group_left () g > bool 1e3')
    assert [selector.metric for selector in parsed.selectors] == ["b", "g"]
    assert [tuple(matcher) for matcher in parsed.selectors[0].matchers] == [("c", "=", "}"), ("d", "!~", "e")]
    assert parsed.grouped == {"a"}
    assert parsed.labels == {"a", "f"}
    with pytest.raises(ValueError, match="without a metric's name"):
        parse('{__name__="b"}')


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_what_and_what_to_do(alert: dict[str, Any], metrics: Known) -> None:
    """It waits before it fires, has a severity and a runbook, and its text names only labels that it has."""
    assert re.fullmatch(r"[1-9]\d*m", alert["for"])
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    text = " ".join(alert["annotations"].values())
    parsed = parse(alert["expr"])
    has = {label for selector in parsed.selectors for label in metrics[selector.metric]}
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= has


def test_settings_that_alerts_speak_of_exist() -> None:
    """Words in capitals are settings, with the default that the text gives."""
    text = " ".join(alert["annotations"]["description"] for alert in ALERTS)
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b|\bWORKERS\b", text))
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    defaults = re.findall(r"\b([A-Z]+(?:_[A-Z]+)+) \((\d+) s\)", text)
    assert len(defaults) == 2
    assert all(Settings.model_fields[name.lower()].default == float(seconds) for name, seconds in defaults)


def test_every_alert_fires_and_stays_silent_in_a_unit_test() -> None:
    """The unit tests expect each to fire at some time, and at some time none of them."""
    firing: set[str] = set()
    for name in UNIT_TESTS:
        silent = 0
        for test in load(name)["tests"]:
            for asked in test["promql_expr_test"]:
                samples = " ".join(sample["labels"] for sample in asked["exp_samples"])
                firing |= set(re.findall(r'alertname="(\w+)"', samples))
                silent += asked["expr"].startswith("ALERTS") and not samples
            firing |= {asked["alertname"] for asked in test.get("alert_rule_test", []) if asked["exp_alerts"]}
        assert silent
    assert firing == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml", "recording.yml"),
        *(("test", "rules", name) for name in UNIT_TESTS),
    ],
    ids=" ".join,
)
def test_promtool_agrees(promtool: str, arguments: tuple[str, ...]) -> None:
    """Prometheus' own tool accepts configuration and rules, and the unit tests of the rules pass."""
    command = [promtool, *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documented_metrics_are_those_of_a_server(exposition: str) -> None:
    """Every metric stands in docs/monitoring.md with its type, labels and meaning, and nothing else does."""
    documented = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = {line for line in documented.splitlines() if re.match(r"\| `(timeseries|process)_", line)}
    expected = set()
    for family in text_string_to_metric_families(exposition):
        if family.name.endswith("_created") or family.documentation.startswith("Deprecated:"):
            continue
        name = family.name + ("_total" if family.type == "counter" else "")
        listed = ", ".join(f"`{label}`" for label in declared().get(name, ()))
        expected.add(f"| `{name}` | {family.type} | {listed} | {family.documentation} |")
    assert rows == expected, "the table should be:\n" + "\n".join(sorted(expected))
