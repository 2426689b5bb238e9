"""The Job of the overlay `score` agrees with the command line."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli import exit_codes
from app.cli.parser import create_parser
from tests.deploy.kubernetes.manifests import Resource, container, of_kind, size


@pytest.fixture(scope="module")
def job(rendered: dict[str, list[Resource]]) -> dict[str, Any]:
    """The Job's specification."""
    spec: dict[str, Any] = of_kind(rendered["score"], "Job")["spec"]
    return spec


def test_the_command_is_valid(rendered: dict[str, list[Resource]]) -> None:
    """The command line accepts the arguments; input and output are URLs, which all pods reach."""
    pytest.importorskip("app.cli.commands.score")
    arguments = container(rendered["score"])["args"]
    options = create_parser(arguments).parse_args(arguments)
    assert options.command == "score"
    assert all(url.startswith("s3://") for url in (*options.input, options.output))


def test_every_pod_does_a_share(job: dict[str, Any]) -> None:
    """Indexed, with all pods at once, and tries that are counted for each."""
    assert job["completionMode"] == "Indexed"
    assert job["parallelism"] == job["completions"] > 1
    assert job["backoffLimitPerIndex"] > 0
    assert "backoffLimit" not in job


def test_only_what_may_pass_is_tried_again(job: dict[str, Any], rendered: dict[str, list[Resource]]) -> None:
    """Not an invalid command line, and not rows that cannot be scored; an eviction costs no try."""
    evicted, *exits = job["podFailurePolicy"]["rules"]
    assert evicted["action"] == "Ignore"
    assert [one["type"] for one in evicted["onPodConditions"]] == ["DisruptionTarget"]
    found = {rule["action"]: rule["onExitCodes"] for rule in exits}
    assert found["FailJob"]["values"] == [exit_codes.USAGE]
    assert found["FailIndex"]["values"] == [exit_codes.INCOMPLETE]
    name = container(rendered["score"])["name"]
    assert {codes["containerName"] for codes in found.values()} == {name}
    # What a policy for failures needs.
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_a_pod_has_the_cores_and_the_memory_of_its_processes(rendered: dict[str, list[Resource]]) -> None:
    """The CPU limit is what the number of processes follows; each has 1 GiB."""
    resources = container(rendered["score"])["resources"]
    assert resources["requests"] == resources["limits"]
    assert size(resources["limits"]["memory"]) >= int(resources["limits"]["cpu"]) * 2**30
