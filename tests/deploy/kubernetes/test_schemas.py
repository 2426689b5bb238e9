"""Every resource is valid by the schema of its kind; unknown kinds and fields are errors."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from qa.harness.process import ROOT
from tests.deploy.kubernetes.manifests import Resource, container, of_kind
from tests.protocols.clients import PYTHON as PROTOCOLS_PYTHON

HERE = Path(__file__).parent
FLEET = Path(os.environ.get("FLEET_BIN", ROOT / ".cache" / "fleet" / "bin"))
NODE_MODULES = Path(os.environ.get("KUBERNETES_MODELS", ROOT / ".cache" / "kubernetes"))
# From the first one with preStop.sleep on by default to the last one that the validator knows.
VERSIONS = ("1.30", "1.32", "1.34", "1.36", "1.37")
OPERATORS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}


@pytest.fixture(scope="module")
def resources(rendered: dict[str, list[Resource]]) -> list[Resource]:
    """All different resources of all folders."""
    found: list[Resource] = []
    for resource in (resource for group in rendered.values() for resource in group):
        if resource not in found:
            found.append(resource)
    return found


@pytest.fixture(scope="module")
def validator() -> Path:
    """The program that validates by the schemas of Kubernetes."""
    program = FLEET / "kubernetes-validate"
    if not program.exists():
        pytest.skip(f"not installed: {program}: make .cache/fleet/ready")
    return program


def kubernetes_errors(
    validator: Path, version: str, resources: Sequence[Resource], folder: Path
) -> list[str]:
    """What the schemas of a Kubernetes version do not allow. A kind without a schema is an error, too."""
    file = folder / "resources.yaml"
    file.write_text(yaml.safe_dump_all(resources), encoding="utf-8")
    command: list[str | Path] = [validator, "--strict", "--kubernetes-version", version, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    passed = [
        line for line in lines if line.startswith("INFO") and line.endswith(f"against version {version}")
    ]
    assert len(lines) == len(resources), done.stderr
    return [line for line in lines if line not in passed]


def operator_errors(resources: Sequence[Resource]) -> list[list[str]]:
    """For each resource, what the models of its operator do not allow."""
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "ready").exists():
        pytest.skip(f"node, or what npm installs in {NODE_MODULES}, is missing: make kubernetes")
    return _errors([node, HERE / "custom_resources.mjs", NODE_MODULES], resources)


def kserve_errors(resources: Sequence[Resource]) -> list[list[str]]:
    """For each InferenceService, what KServe's models do not allow."""
    if not PROTOCOLS_PYTHON.exists():
        pytest.skip(
            f"kserve is not installed in {PROTOCOLS_PYTHON.parent.parent}: make .cache/protocols/ready"
        )
    return _errors([PROTOCOLS_PYTHON, HERE / "inference_service.py"], resources)


def _errors(command: Sequence[str | Path], resources: Sequence[Resource]) -> list[list[str]]:
    given = json.dumps(resources)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_its_kinds(
    validator: Path, version: str, resources: list[Resource], tmp_path: Path
) -> None:
    """Everything but the kinds of operators, strictly: no unknown field, no kind without a schema."""
    own = [resource for resource in resources if resource["kind"] not in OPERATORS | {"InferenceService"}]
    assert kubernetes_errors(validator, version, own, tmp_path) == []


def test_the_models_of_operators_accept_their_kinds(resources: list[Resource]) -> None:
    """ServiceMonitor, PrometheusRule and ScaledObject have no unknown field and no wrong type."""
    own = [resource for resource in resources if resource["kind"] in OPERATORS]
    assert {resource["kind"] for resource in own} == OPERATORS
    assert operator_errors(own) == [[]] * len(own)


def test_the_models_of_kserve_accept_its_kind(rendered: dict[str, list[Resource]]) -> None:
    """The InferenceService and its pod have no unknown field and no wrong type."""
    wrong = copy.deepcopy(rendered["kserve"])
    wrong[0]["spec"]["predictor"]["minReplica"] = 2
    container(wrong)["startupProbe"]["periodSeconds"] = "1"
    good, bad = kserve_errors([*rendered["kserve"], *wrong])
    assert good == []
    path = "/spec/predictor/containers/0/startupProbe/periodSeconds"
    assert sorted(bad) == [f"{path}: not int", "unknown field /spec/predictor/minReplica"]


def test_kubernetes_refuses_unknown_fields_and_kinds(
    validator: Path, rendered: dict[str, list[Resource]], tmp_path: Path
) -> None:
    """The check above can fail: a misspelled field, a wrong type, a kind without a schema."""
    base = copy.deepcopy(rendered["base"])
    of_kind(base, "Service")["spec"]["port"] = 1
    container(base)["startupProbe"]["periodSeconds"] = "1"
    errors = kubernetes_errors(validator, VERSIONS[0], [*base, *rendered["kserve"]], tmp_path)
    assert [
        re.sub(r" \S*/resources.yaml", "", error).split(":")[0].split(" with api")[0] for error in errors
    ] == [
        "ERROR did not validate for resource service/timeseries-server against version 1.30",
        "ERROR did not validate for resource deployment/timeseries-server against version 1.30",
        "WARN Couldn't find schema for kind InferenceService",
    ]


def test_the_models_of_operators_refuse_unknown_fields(rendered: dict[str, list[Resource]]) -> None:
    """The check above can fail: a misspelled field in each kind, and a wrong type."""
    monitor, rule, scaled = (
        copy.deepcopy(of_kind(rendered["keda"], kind))
        for kind in ("ServiceMonitor", "PrometheusRule", "ScaledObject")
    )
    monitor["spec"]["endpoints"][0]["intervall"] = "15s"
    rule["spec"]["groups"][0]["rules"][0]["fo"] = "1m"
    scaled["spec"]["triggers"][0]["metricTyp"] = "Value"
    typed = copy.deepcopy(of_kind(rendered["keda"], "ScaledObject"))
    typed["spec"]["minReplicaCount"] = "2"
    assert operator_errors([monitor, rule, scaled, typed]) == [
        ["unknown field /spec/endpoints/0/intervall"],
        ["unknown field /spec/groups/0/rules/0/fo"],
        ["unknown field /spec/triggers/0/metricTyp"],
        ["data/spec/minReplicaCount must be integer"],
    ]
