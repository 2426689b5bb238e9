"""The monitoring profile of docker-compose.yml and the files that it mounts agree with each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from qa.harness.process import ROOT
from tests.deploy.monitoring import FOLDER, UNIT_TESTS, load

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MONITORING = {name: SERVICES[name] for name in ("prometheus", "grafana")}


def test_each_replica_is_scraped_directly() -> None:
    """Those that are always there by name, the one of a profile only where its name resolves."""
    (job,) = load("prometheus.yml")["scrape_configs"]
    port = Settings.model_fields["port"].default
    replicas = {
        name: "profiles" in service for name, service in SERVICES.items() if name.startswith("replica-")
    }
    (static,), (found,) = job["static_configs"], job["dns_sd_configs"]
    assert static["targets"] == [f"{name}:{port}" for name, optional in replicas.items() if not optional]
    assert found["names"] == [name for name, optional in replicas.items() if optional]
    assert found["port"] == port
    assert "metrics_path" not in job  # /metrics


def test_the_rules_that_are_loaded_are_those_that_are_tested() -> None:
    """Prometheus and the unit tests load the same files, and there is no other file of rules."""
    loaded = set(load("prometheus.yml")["rule_files"])
    assert all(set(load(name)["rule_files"]) == loaded for name in UNIT_TESTS)
    others = {"prometheus.yml", *UNIT_TESTS}
    assert {path.name for path in FOLDER.glob("*.yml")} == loaded | others


@pytest.mark.parametrize("name", sorted(MONITORING))
def test_monitoring_starts_only_when_requested_and_only_for_this_machine(name: str) -> None:
    """A profile, an image of an exact version, a port of 127.0.0.1, and read-only configuration."""
    service = MONITORING[name]
    assert service["profiles"] == ["monitoring"]
    assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in service["ports"])
    mounts = [volume.split(":") for volume in service["volumes"]]
    for source, *rest in mounts:
        if source.startswith("."):
            assert rest[1:] == ["ro"]
            assert (ROOT / source).exists()
        else:
            assert source in COMPOSE["volumes"]


def test_grafana_finds_prometheus_and_the_dashboard_read_only() -> None:
    """Addresses and folders of its provisioning are those that compose gives; whoever looks is a viewer."""
    grafana = MONITORING["grafana"]
    provisioning = FOLDER / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text("utf-8"))[
        "datasources"
    ]
    port = MONITORING["prometheus"]["ports"][0].rpartition(":")[2]
    assert source["url"] == f"http://prometheus:{port}"
    assert source["jsonData"]["timeInterval"] == load("prometheus.yml")["global"]["scrape_interval"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "files.yml").read_text("utf-8"))["providers"]
    mounts = dict(reversed(volume.removesuffix(":ro").split(":")) for volume in grafana["volumes"])
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (ROOT / mounts[str(home.parent)] / home.name).exists()
    assert (ROOT / mounts["/etc/grafana/provisioning"]) == provisioning
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert grafana["environment"]["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
