"""Pods keep the Restricted Pod Security Standard: https://kubernetes.io/docs/concepts/security/pod-security-standards/."""

from __future__ import annotations

import re

import pytest

from qa.harness.process import ROOT
from tests.deploy.kubernetes.manifests import OVERLAYS, Resource, container, of_kind, pod_of, workload

ALL = pytest.mark.parametrize("overlay", ["base", "store", *OVERLAYS])
# The kinds of volumes that the standard allows.
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


@ALL
def test_a_pod_keeps_the_restricted_standard(rendered: dict[str, list[Resource]], overlay: str) -> None:
    """Not root, no capabilities, no new privileges, the runtime's seccomp profile, no part of the host."""
    pod, own = pod_of(workload(rendered[overlay])), container(rendered[overlay])["securityContext"]
    shared = pod["securityContext"]
    assert shared["runAsNonRoot"] is True
    assert shared["runAsUser"] != 0
    assert shared["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
    assert all("hostPort" not in port for port in container(rendered[overlay]).get("ports", ()))
    for volume in pod.get("volumes", ()):
        assert volume.keys() - {"name"} <= VOLUMES


@ALL
def test_a_pod_gets_no_token_and_no_variables_of_services(
    rendered: dict[str, list[Resource]], overlay: str
) -> None:
    """The server uses no Kubernetes API, and a Service called `grpc` would set GRPC_PORT."""
    pod = pod_of(workload(rendered[overlay]))
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


@ALL
def test_the_user_is_that_of_the_image(rendered: dict[str, list[Resource]], overlay: str) -> None:
    """Files in the image are readable for it, and volumes writable."""
    (user,) = set(re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE))
    shared = pod_of(workload(rendered[overlay]))["securityContext"]
    assert f"{shared['runAsUser']}:{shared['runAsGroup']}" == user
    assert shared["fsGroup"] == shared["runAsGroup"]


@ALL
def test_what_is_written_has_a_volume_of_limited_size(
    rendered: dict[str, list[Resource]], overlay: str
) -> None:
    """The root is read-only; /tmp is an emptyDir, and every emptyDir is mounted and has a limit."""
    volumes = {volume["name"]: volume for volume in pod_of(workload(rendered[overlay]))["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container(rendered[overlay])["volumeMounts"]}
    assert mounts["tmp"] == "/tmp"  # noqa: S108 - in the container
    assert mounts.keys() == volumes.keys()
    assert all(volume["emptyDir"]["sizeLimit"] for volume in volumes.values() if "emptyDir" in volume)


def test_only_pods_of_the_namespace_reach_the_server(rendered: dict[str, list[Resource]]) -> None:
    """At its port alone; it opens no connection itself."""
    policy = of_kind(rendered["base"], "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"port": "http"}]}]
    assert not policy.get("egress")
    labels = of_kind(rendered["base"], "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
