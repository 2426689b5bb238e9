"""The manifests agree with the code: ports, probes, settings, times, memory."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from app.contract import Artifact
from app.server.serve import END_SECONDS, GRACE_SECONDS
from app.settings import Settings
from benchmarks.memory import settings as replica_settings
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess, running_server
from tests.deploy.kubernetes.manifests import (
    OF_BASE,
    Resource,
    container,
    environment,
    of_kind,
    pod_of,
    size,
    workload,
)
from tests.docs.pages import Page

SERVING = ("base", *OF_BASE, "kserve")
ALL = pytest.mark.parametrize("folder", SERVING)
PROBES = {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
# What KServe's storage initializer and the cache of artifacts read.
OF_OTHERS = {"STORAGE_URI", "XDG_CACHE_HOME"}


@pytest.fixture(scope="module")
def replica() -> Iterator[ServerProcess]:
    """A real server with the settings of the base."""
    own: dict[str, Any] = replica_settings()
    with running_server(**own) as server:
        yield server


def read_settings(resources: list[Resource]) -> Settings:
    """The settings of a replica, as the server reads them."""
    given = {name.lower(): value for name, value in environment(resources).items() if name not in OF_OTHERS}
    return Settings.model_validate(given)


def measured() -> dict[str, int]:
    """MiB at the peak of each load, the maximum of all servers, as docs/kubernetes.md has them."""
    rows = re.findall(
        r"^\| ([^|]+) \| \d+ \(\d+-(\d+)\) \|$", Page("docs/kubernetes.md").text, flags=re.MULTILINE
    )
    return {load: int(most) for load, most in rows}


@ALL
def test_every_variable_is_a_setting(rendered: dict[str, list[Resource]], folder: str) -> None:
    """And has a valid value; no replica gets a variable that the server does not read."""
    names = {name.lower() for name in environment(rendered[folder]).keys() - OF_OTHERS}
    assert names <= set(Settings.model_fields)
    read_settings(rendered[folder])


@ALL
def test_ports_agree(rendered: dict[str, list[Resource]], folder: str) -> None:
    """The server listens at the port of the container, on all addresses; probes name that port."""
    settings = read_settings(rendered[folder])
    (port,) = container(rendered[folder])["ports"]
    assert settings.port == port["containerPort"] == Settings.model_fields["port"].default
    assert settings.host == "::"
    for probe in PROBES:
        assert container(rendered[folder])[probe]["httpGet"]["port"] in {port["name"], port["containerPort"]}


@pytest.mark.parametrize("folder", ["base", *OF_BASE])
def test_the_service_finds_the_pods_and_their_port(rendered: dict[str, list[Resource]], folder: str) -> None:
    """So do the budget and the ServiceMonitor: labels and names of ports agree."""
    resources = rendered[folder]
    deployment, service = of_kind(resources, "Deployment"), of_kind(resources, "Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (port,) = container(resources)["ports"]
    (exposed,) = service["spec"]["ports"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    assert (exposed["targetPort"], exposed["port"]) == (port["name"], port["containerPort"])
    budget = of_kind(resources, "PodDisruptionBudget")["spec"]
    assert budget["selector"]["matchLabels"] == labels
    for spread in pod_of(deployment)["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"] == labels
    for monitor in (one["spec"] for one in resources if one["kind"] == "ServiceMonitor"):
        assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert [endpoint["port"] for endpoint in monitor["endpoints"]] == [exposed["name"]]
        # The label by which the rules select the server.
        scraped = yaml.safe_load((ROOT / "deploy" / "monitoring" / "prometheus.yml").read_text("utf-8"))
        (job,) = scraped["scrape_configs"]
        assert service["metadata"]["labels"][monitor["jobLabel"]] == job["job_name"]
        assert monitor["endpoints"][0]["interval"] == scraped["global"]["scrape_interval"]


@ALL
def test_probes_ask_what_the_server_answers(
    rendered: dict[str, list[Resource]], folder: str, replica: ServerProcess
) -> None:
    """A ready server with these settings returns 200 for each probe."""
    asked = {name: container(rendered[folder])[name]["httpGet"]["path"] for name in PROBES}
    assert asked == PROBES
    assert {replica.status(path) for path in asked.values()} == {200}


def test_metrics_are_where_the_service_monitor_looks(
    rendered: dict[str, list[Resource]], replica: ServerProcess
) -> None:
    """At its path, without a key."""
    (endpoint,) = of_kind(rendered["monitoring"], "ServiceMonitor")["spec"]["endpoints"]
    assert b"timeseries_ready_workers 1.0" in replica.get(endpoint["path"]).body


@ALL
def test_a_pod_has_time_to_drain(rendered: dict[str, list[Resource]], folder: str) -> None:
    """The grace period holds preStop, DRAIN_DELAY, DRAIN_TIMEOUT and the end of connections and workers."""
    settings = read_settings(rendered[folder])
    before = container(rendered[folder])["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = before + settings.drain_delay + settings.drain_timeout + GRACE_SECONDS + END_SECONDS
    assert pod_of(workload(rendered[folder]))["terminationGracePeriodSeconds"] >= needed
    assert before > 0


@ALL
def test_balancers_notice_a_drain(rendered: dict[str, list[Resource]], folder: str) -> None:
    """One that checks /readyz as often as the readiness probe does sends nothing more after DRAIN_DELAY."""
    probe = container(rendered[folder])["readinessProbe"]
    noticed = probe["failureThreshold"] * probe["periodSeconds"]
    assert noticed <= read_settings(rendered[folder]).drain_delay


@ALL
def test_memory_is_at_least_what_was_measured(
    rendered: dict[str, list[Resource]], folder: str, artifact: Artifact
) -> None:
    """The request holds every load, the limit a flood of bodies and what the queue lets in."""
    settings = read_settings(rendered[folder])
    peaks = measured()
    *loads, flood = peaks.values()
    assert "64 bodies" in list(peaks)[-1]
    own = container(rendered[folder])["resources"]
    request, limit = (size(own[kind]["memory"]) for kind in ("requests", "limits"))
    assert request >= max(loads) * 2**20
    queue = settings.max_queue_rows * artifact.contract.input.length * 4
    let_in = peaks["ready"] * 2**20 + queue + 2 * settings.max_body_bytes_in_flight
    assert limit >= max(flood * 2**20, let_in)


def test_one_worker_and_no_pinning(rendered: dict[str, list[Resource]]) -> None:
    """Pods on one node would pin their workers to the same cores."""
    for folder in SERVING:
        settings = read_settings(rendered[folder])
        assert (settings.workers, settings.pin_workers) == (1, False)
        assert "cpu" not in container(rendered[folder])["resources"]["limits"]


def test_kserve_runs_the_same_server(rendered: dict[str, list[Resource]]) -> None:
    """Image, settings, probes and resources are the base's; the artifact is what KServe mounts."""
    base, kserve = copy.deepcopy(container(rendered["base"])), container(rendered["kserve"])
    own = environment(rendered["kserve"])
    assert (own["ARTIFACT"], own.pop("STORAGE_URI").split("/")[-2]) == ("/mnt/models", "forda")
    assert read_settings(rendered["kserve"]).reload_seconds == 0
    assert own.items() - environment(rendered["base"]).items() == {
        ("ARTIFACT", "/mnt/models"),
        ("RELOAD_SECONDS", "0"),
    }
    named = {port["name"]: port["containerPort"] for port in base["ports"]}
    for probe in PROBES:
        base[probe]["httpGet"]["port"] = named[base[probe]["httpGet"]["port"]]
    for field in ("image", "args", "resources", "lifecycle", "securityContext", *PROBES):
        assert kserve[field] == base[field], field
    base_pod, kserve_pod = (pod_of(workload(rendered[name])) for name in ("base", "kserve"))
    for field in (
        "automountServiceAccountToken",
        "enableServiceLinks",
        "securityContext",
        "terminationGracePeriodSeconds",
    ):
        assert kserve_pod[field] == base_pod[field], field
    # KServe finds the container by this name.
    assert kserve["name"] == "kserve-container"


def test_the_cache_of_artifacts_is_a_volume(rendered: dict[str, list[Resource]]) -> None:
    """The root is read-only, and HOME does not exist in the image."""
    for folder in ("base", *OF_BASE, "score"):
        mounts = [mount["mountPath"] for mount in container(rendered[folder])["volumeMounts"]]
        assert environment(rendered[folder])["XDG_CACHE_HOME"] in mounts


def test_a_model_is_found_where_kserve_mounts_it(
    rendered: dict[str, list[Resource]], artifact: Artifact
) -> None:
    """The InferenceService has the name of the model, which is in the paths of its protocols."""
    assert of_kind(rendered["kserve"], "InferenceService")["metadata"]["name"] == artifact.contract.name
