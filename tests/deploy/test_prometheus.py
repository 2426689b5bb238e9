"""A real Prometheus with the deployed rules scrapes a real server, and every expression is answered."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.contract import Artifact
from qa.harness.messages import as_json
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess, free_port
from tests.deploy.monitoring import dashboard_expressions, load, rules
from tests.support import plain_http

START_SECONDS = 60.0
SCRAPES = 2
# A rule of each group: once they have values, all have been evaluated.
LAST_RECORDED = (
    "instance:timeseries_queue_work:seconds",
    "instance:timeseries_series_seconds:mean_rate30m",
    "job:timeseries_low_confidence:ratio_rate30m",
)
# There is nothing to say of a day that has not passed, of errors that have not happened, of several workers.
MAY_BE_EMPTY = (
    "mean_rate1d",
    "ratio_rate1d",
    "timeseries_predict_errors",
    "timeseries_predict_refusals",
    "timeseries_worker_restarts_total",
    "ALERTS",
)
ABOUT_SPEED = {"TimeseriesLatencyHigh", "TimeseriesQueueFilling"}


class Prometheus:
    """Asks a running Prometheus."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v1/query"
        self._ready = f"{url}/-/ready"

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression as of now, Grafana's variables filled in."""
        filled = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
        response = plain_http.get(self._url, params={"query": filled}, trust_env=False)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["data"]["result"]
        return found

    def has_seen_enough(self) -> bool:
        """Whether it has scraped often enough for rates, and evaluated every rule."""
        try:
            if plain_http.get(self._ready, trust_env=False).status_code != 200:
                return False
            scraped = self.ask(f"count_over_time(up[1m]) >= {SCRAPES}")
            return bool(scraped) and all(self.ask(name) for name in LAST_RECORDED)
        except httpx.TransportError:
            return False


def configure(folder: Path, *, target: str) -> Path:
    """Write the configuration that is deployed, for one server and in a hurry."""
    config = load("prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    del job["dns_sd_configs"]
    for name in config["rule_files"]:
        written = load(name)
        for group in written["groups"]:
            group.pop("interval", None)
        (folder / name).write_text(json.dumps(written), encoding="utf-8")
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def prometheus(
    server: ServerProcess, artifact: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that has seen a server at work."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("Prometheus is not installed: apt-get install prometheus")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    config = configure(folder, target=server.url.removeprefix("http://"))
    port = free_port()
    body = as_json(artifact.golden.series[:4])
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = ServerProcess(command, log=folder / "log", port=port)
    running = Prometheus(process.url)

    def has_seen_enough() -> bool:
        plain_http.post(f"{server.url}/predict", content=body, headers={"Content-Type": "application/json"})
        time.sleep(0.2)
        return running.has_seen_enough()

    try:
        process.start()
        process.wait_until(has_seen_enough, "done scraping", seconds=START_SECONDS)
        yield running
    finally:
        process.kill()


def test_the_dashboard_has_something_to_show(prometheus: Prometheus) -> None:
    """Each query of each panel has an answer, and one with samples if it can have any yet."""
    for place, expression in dashboard_expressions():
        found = prometheus.ask(expression)
        assert found or any(name in expression for name in MAY_BE_EMPTY), place


def test_every_rule_records_something(prometheus: Prometheus) -> None:
    """What is recorded has samples if it can have any yet."""
    for rule in rules("recording.yml"):
        found = prometheus.ask(rule["record"])
        assert found or any(name in rule["record"] for name in MAY_BE_EMPTY), rule["record"]


def test_both_autoscalers_get_the_wait_of_the_server(prometheus: Prometheus) -> None:
    """The query of KEDA and that of prometheus-adapter return one number each."""
    components = ROOT / "deploy" / "kubernetes" / "components"
    keda = yaml.safe_load((components / "keda" / "scaled-object.yaml").read_text(encoding="utf-8"))
    adapter = yaml.safe_load((components / "hpa" / "prometheus-adapter.yaml").read_text(encoding="utf-8"))
    (trigger,) = (one["metadata"] for one in keda["spec"]["triggers"] if one["type"] == "prometheus")
    (rule,) = adapter["rules"]
    # As the adapter fills in the query; without the operator, `instance` stands for the label of the pod.
    filled = rule["metricsQuery"].replace("<<.GroupBy>>", "instance")
    filled = filled.replace("<<.Series>>", rule["seriesQuery"].partition("{")[0])
    filled = filled.replace("<<.LabelMatchers>>", 'job="timeseries-server"')
    for query in (trigger["query"], filled):
        (sample,) = prometheus.ask(query)
        assert 0 <= float(sample["value"][1]) < float("inf"), query


def test_nothing_is_wrong_with_a_healthy_server(prometheus: Prometheus) -> None:
    """No alert's condition holds, but for those that depend on how fast this machine is."""
    for alert in rules("alerts.yml"):
        if alert["alert"] not in ABOUT_SPEED:
            assert prometheus.ask(alert["expr"]) == [], alert["alert"]
