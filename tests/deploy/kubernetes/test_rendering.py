"""Kustomize renders every folder of deploy/kubernetes, and the result is complete."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from deploy.kubernetes.prometheus_rule import RULES, TARGET, prometheus_rule
from tests.deploy.kubernetes.manifests import (
    FOLDER,
    OF_BASE,
    OVERLAYS,
    RenderError,
    Resource,
    container,
    environment,
    of_kind,
    render,
    render_base_with,
    workload,
)

CORE = {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"}


def test_the_folders_are_those_that_are_tested() -> None:
    """Every overlay is rendered below, and every component belongs to one, or is rendered with the base."""
    assert {path.name for path in (FOLDER / "overlays").iterdir()} == set(OVERLAYS)
    used = {"store"}
    for name in OVERLAYS:
        text = (FOLDER / "overlays" / name / "kustomization.yaml").read_text(encoding="utf-8")
        used |= {Path(component).name for component in yaml.safe_load(text).get("components", ())}
    assert {path.name for path in (FOLDER / "components").iterdir()} == used


def test_the_base_has_core_kinds_only(rendered: dict[str, list[Resource]]) -> None:
    """It needs nothing that is not in every cluster."""
    assert {resource["kind"] for resource in rendered["base"]} == CORE


@pytest.mark.parametrize(
    ("overlay", "added"),
    [
        ("gpu", set()),
        ("monitoring", {"ServiceMonitor", "PrometheusRule"}),
        ("hpa", {"ServiceMonitor", "PrometheusRule", "HorizontalPodAutoscaler"}),
        ("keda", {"ServiceMonitor", "PrometheusRule", "ScaledObject"}),
    ],
)
def test_an_overlay_adds_its_kinds(
    rendered: dict[str, list[Resource]], overlay: str, added: set[str]
) -> None:
    """The kinds of the base and its own."""
    assert {resource["kind"] for resource in rendered[overlay]} == CORE | added


@pytest.mark.parametrize("overlay", OF_BASE)
def test_everything_has_the_name_of_the_server(rendered: dict[str, list[Resource]], overlay: str) -> None:
    """And its label, by which operators find what belongs together."""
    for resource in rendered[overlay]:
        assert resource["metadata"]["name"].startswith("timeseries-server")
        if resource["kind"] != "ConfigMap":
            assert resource["metadata"]["labels"] == {"app.kubernetes.io/name": "timeseries-server"}


def test_a_changed_setting_restarts_the_replicas(
    kubectl: str, rendered: dict[str, list[Resource]], tmp_path: Path
) -> None:
    """The ConfigMap's name, and so the pod template, depends on the settings."""
    copy = tmp_path / "base"
    shutil.copytree(FOLDER / "base", copy)
    settings = copy / "settings.env"
    settings.write_text(settings.read_text().replace("DRAIN_TIMEOUT=30", "DRAIN_TIMEOUT=20"))
    changed = workload(render(kubectl, copy))
    assert changed["spec"]["template"] != workload(rendered["base"])["spec"]["template"]
    assert changed["spec"]["selector"] == workload(rendered["base"])["spec"]["selector"]


def test_both_autoscalers_at_once_are_refused(kubectl: str, tmp_path: Path) -> None:
    """Two autoscalers of one Deployment would work against each other."""
    with pytest.raises(RenderError, match="Unable to remove nonexistent key: replicas"):
        render_base_with(kubectl, ["monitoring", "hpa", "keda"], tmp_path)


def test_all_other_components_can_be_combined(kubectl: str, tmp_path: Path) -> None:
    """Each changes something else."""
    combined = render_base_with(kubectl, ["gpu", "store", "monitoring", "keda"], tmp_path)
    server = container(combined)
    assert server["image"] == "timeseries-server:gpu"
    assert [source.popitem()[0] for source in server["envFrom"]] == ["configMapRef", "secretRef"]
    assert "ScaledObject" in {resource["kind"] for resource in combined}


def test_a_store_can_be_reached(rendered: dict[str, list[Resource]]) -> None:
    """Name servers and TLS, for a server with the component and for scorers; credentials of one Secret."""
    for folder in ("store", "score"):
        (rule,) = of_kind(rendered[folder], "NetworkPolicy")["spec"]["egress"]
        allowed = {(port["port"], port["protocol"]) for port in rule["ports"]}
        assert allowed == {(53, "UDP"), (53, "TCP"), (443, "TCP")}
        (secret,) = (one["secretRef"] for one in container(rendered[folder])["envFrom"] if "secretRef" in one)
        assert secret == {"name": "timeseries-store", "optional": True}
    assert environment(rendered["store"]) == environment(rendered["base"])


def test_the_rules_are_those_of_compose() -> None:
    """The PrometheusRule is what `python -m deploy.kubernetes.prometheus_rule` writes, with every group."""
    assert TARGET.read_text(encoding="utf-8") == prometheus_rule()
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text("utf-8"))["groups"]]
    assert yaml.safe_load(prometheus_rule())["spec"]["groups"] == groups


def test_the_gpu_overlay_changes_image_memory_and_updates(rendered: dict[str, list[Resource]]) -> None:
    """One GPU for each replica, also during an update, and more time to start; all else is the base's."""
    base, gpu = (workload(rendered[name])["spec"] for name in ("base", "gpu"))
    (server,) = gpu["template"]["spec"]["containers"]
    assert server["image"] == "timeseries-server:gpu"
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert gpu["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    (plain,) = base["template"]["spec"]["containers"]
    assert server["startupProbe"]["failureThreshold"] > plain["startupProbe"]["failureThreshold"]
    changed = {"image", "resources", "startupProbe"}
    assert {name: server[name] for name in server.keys() - changed} == {
        name: plain[name] for name in plain.keys() - changed
    }


def test_monitoring_lets_prometheus_in(rendered: dict[str, list[Resource]]) -> None:
    """The policy allows what the base allows, and the namespace `monitoring`."""
    base, monitoring = (of_kind(rendered[name], "NetworkPolicy")["spec"] for name in ("base", "monitoring"))
    assert monitoring["ingress"][:-1] == base["ingress"]
    (source,) = monitoring["ingress"][-1]["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
