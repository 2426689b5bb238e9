"""The manifests of deploy/kubernetes as kubectl's Kustomize renders them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from qa.harness.process import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("gpu", "hpa", "keda", "kserve", "monitoring", "score")
# Those that change what `base` deploys, and a component without an overlay; the others deploy something else.
OF_BASE = ("gpu", "hpa", "keda", "monitoring", "store")

Resource = dict[str, Any]
_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


class RenderError(Exception):
    """Kustomize refused a folder; `str(error)` is its message."""


def render(kubectl: str, folder: Path) -> list[Resource]:
    """The resources of a folder with a kustomization.

    Raises:
        RenderError: Kustomize refuses it.
    """
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(done.stderr)
    return list(yaml.safe_load_all(done.stdout))


def render_base_with(kubectl: str, components: Sequence[str], folder: Path) -> list[Resource]:
    """The resources of the base with components, as a reader combines them in a folder.

    Raises:
        RenderError: Kustomize refuses the combination.
    """
    shutil.copytree(FOLDER, folder / "kubernetes", ignore=shutil.ignore_patterns("overlays"))
    own = folder / "kubernetes" / "overlays" / "own"
    own.mkdir(parents=True)
    used = {"resources": ["../../base"], "components": [f"../../components/{name}" for name in components]}
    (own / "kustomization.yaml").write_text(yaml.safe_dump(used), encoding="utf-8")
    return render(kubectl, own)


def of_kind(resources: list[Resource], kind: str) -> Resource:
    """The one resource of a kind."""
    (found,) = (resource for resource in resources if resource["kind"] == kind)
    return found


def pod_of(resource: Resource) -> Resource:
    """The specification of a workload's pods."""
    spec = resource["spec"]
    pod: Resource = spec["predictor"] if resource["kind"] == "InferenceService" else spec["template"]["spec"]
    return pod


def workload(resources: list[Resource]) -> Resource:
    """The one resource that has pods."""
    (found,) = (
        resource for resource in resources if resource["kind"] in {"Deployment", "InferenceService", "Job"}
    )
    return found


def container(resources: list[Resource]) -> Resource:
    """The one container of the workload."""
    found: Resource
    (found,) = pod_of(workload(resources))["containers"]
    return found


def environment(resources: list[Resource]) -> dict[str, str]:
    """The variables of the workload's container: its own, and those of ConfigMaps."""
    found: dict[str, str] = {}
    for source in container(resources).get("envFrom", ()):
        if "configMapRef" in source:
            (data,) = (
                resource["data"]
                for resource in resources
                if resource["kind"] == "ConfigMap"
                and resource["metadata"]["name"] == source["configMapRef"]["name"]
            )
            found |= data
    return found | {
        one["name"]: one["value"] for one in container(resources).get("env", ()) if "value" in one
    }


def size(quantity: str) -> int:
    """Bytes of a quantity such as 320Mi."""
    number, unit = re.fullmatch(r"(\d+)([KMG]i|)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]
