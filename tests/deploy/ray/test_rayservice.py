"""The configuration for KubeRay, against the code and the lock file; no schema of KubeRay can be had."""

from __future__ import annotations

import importlib
import inspect
import math
import re
from typing import Any

import pytest
import yaml

from app.settings import Settings
from deploy.ray.application import Options, build, deployment_options
from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "ray"
SERVICE: dict[str, Any] = yaml.safe_load((FOLDER / "rayservice.yaml").read_text(encoding="utf-8"))
SERVE: dict[str, Any] = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])
CLUSTER: dict[str, Any] = SERVICE["spec"]["rayClusterConfig"]
HEAD, WORKERS = CLUSTER["headGroupSpec"], CLUSTER["workerGroupSpecs"][0]
PODS = pytest.mark.parametrize("pod", [HEAD["template"]["spec"], WORKERS["template"]["spec"]])
# Measured by `make ray`: a replica; Ray's own processes beside them (docs/ray.md).
REPLICA_MIB, RAY_MIB = 300, 1024


def _application() -> tuple[Any, Options]:
    (application,) = SERVE["applications"]
    module, _, name = application["import_path"].partition(":")
    return getattr(importlib.import_module(module), name), Options.model_validate(application["args"])


def _bytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([MG])i", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"M": 2**20, "G": 2**30}[unit]


def test_the_import_path_is_the_application() -> None:
    """And its arguments are those of the function there, whose parameter has a class for Ray Serve."""
    function, options = _application()
    assert function is build
    (parameter,) = inspect.signature(build).parameters.values()
    assert parameter.annotation is Options
    assert options.min_replicas >= 2, "one is left while another is replaced"


def test_the_proxies_listen_where_the_pods_say() -> None:
    """On all addresses, at the containers' port, with the server's keep-alive timeout."""
    http = SERVE["http_options"]
    assert http["host"] == "0.0.0.0"
    assert http["port"] == Settings.model_fields["port"].default
    assert http["keep_alive_timeout_s"] == Settings.model_fields["keep_alive_timeout"].default
    assert SERVE["logging_config"]["enable_access_log"] == Settings.model_fields["access_log"].default
    for group in (HEAD, WORKERS):
        (container,) = group["template"]["spec"]["containers"]
        assert {"name": "serve", "containerPort": http["port"]} in container["ports"]


@PODS
def test_a_pod_has_the_proxys_middleware_and_settings_that_exist(pod: dict[str, Any]) -> None:
    """Every variable is Ray's or a setting; the import path is the middleware."""
    (container,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    module, _, name = variables["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"].partition(":")
    (middleware,) = getattr(importlib.import_module(module), name)()
    assert middleware.cls.__name__ == "ReplicaLost"
    own = {name.lower() for name in variables if not name.startswith("RAY_")}
    assert own <= Settings.model_fields.keys()


@PODS
def test_a_pod_gives_replicas_time_to_finish(pod: dict[str, Any]) -> None:
    """More than Ray Serve's own graceful shutdown of a replica."""
    needed = deployment_options(Options(), Settings())["graceful_shutdown_timeout_s"]
    assert pod["terminationGracePeriodSeconds"] > needed


@PODS
def test_a_pod_runs_without_privileges(pod: dict[str, Any]) -> None:
    """Not as root, with no way to become it."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_most_replicas_fit_on_the_most_workers() -> None:
    """By CPU, with a core for the proxy, and by memory as measured; the head takes none."""
    _, options = _application()
    (container,) = WORKERS["template"]["spec"]["containers"]
    resources = container["resources"]
    here = math.floor((int(resources["requests"]["cpu"]) - 1) / options.num_cpus)
    assert here * WORKERS["maxReplicas"] >= options.max_replicas
    # Ray counts the core that is meant for the proxy, too.
    packed = math.floor(int(resources["requests"]["cpu"]) / options.num_cpus)
    assert _bytes(resources["limits"]["memory"]) >= (packed * REPLICA_MIB + RAY_MIB) * 2**20
    assert HEAD["rayStartParams"]["num-cpus"] == "0"


def test_all_parts_name_the_ray_of_the_lock_file() -> None:
    """A cluster of one version does not take an application of another."""
    lock = (ROOT / "requirements" / "ray.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^ray==(\S+)", lock, flags=re.MULTILINE)
    assert CLUSTER["rayVersion"] == version
    assert f"FROM rayproject/ray:{version}-py311\n" in (FOLDER / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_has_what_the_cluster_imports() -> None:
    """The Dockerfile copies nothing that its ignore file leaves out."""
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (.*) \S+$", (FOLDER / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert any(
            f"!{name}" == line or name.startswith(line[1:] + "/") for line in ignored if line[0] == "!"
        )
