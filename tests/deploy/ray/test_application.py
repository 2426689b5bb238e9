"""What the server's settings and the application's arguments mean to Ray Serve, without Ray."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from app.server.serve import GRACE_SECONDS
from app.settings import Settings
from deploy.ray.application import Options, deployment_options
from tests.conftest import ROOT


def test_bodies_in_flight_stay_within_the_limit() -> None:
    """A replica has at most as many requests as fit into MAX_BODY_BYTES_IN_FLIGHT, and at least one."""
    settings = Settings(max_body_bytes=2**20, max_body_bytes_in_flight=32 * 2**20)
    assert deployment_options(Options(), settings)["max_ongoing_requests"] == 32
    settings = Settings(max_body_bytes=2**20, max_body_bytes_in_flight=0)
    assert deployment_options(Options(), settings)["max_ongoing_requests"] == 1


def test_ray_waits_for_the_drain() -> None:
    """A replica is not killed before DRAIN_TIMEOUT, and before every request has had its timeout."""
    settings = Settings(drain_timeout=50)
    assert deployment_options(Options(), settings)["graceful_shutdown_timeout_s"] == 50 + GRACE_SECONDS
    default = deployment_options(Options(), Settings())["graceful_shutdown_timeout_s"]
    assert default > max(Settings().request_timeout, Settings().explain_timeout)


def test_replicas_are_added_before_requests_wait_in_the_proxy() -> None:
    """The load at which Ray Serve adds replicas is below what one of them may have."""
    found = deployment_options(Options(), Settings())
    assert found["autoscaling_config"]["target_ongoing_requests"] < found["max_ongoing_requests"]


@pytest.mark.parametrize(
    "arguments",
    [{"replicas": 2}, {"min_replicas": 3, "max_replicas": 2}, {"min_replicas": 0}, {"num_cpus": 0}],
)
def test_wrong_arguments_are_refused(arguments: dict[str, float]) -> None:
    """Also names that do not exist."""
    with pytest.raises(ValidationError):
        Options.model_validate(arguments)


def test_arguments_of_the_command_line_are_numbers() -> None:
    """`serve run` passes text."""
    assert Options.model_validate({"max_replicas": "3"}).max_replicas == 3


def test_the_page_lists_the_arguments() -> None:
    """With their defaults and descriptions, in their order."""
    page = (ROOT / "docs" / "ray.md").read_text(encoding="utf-8")
    fields = Options.model_fields.items()
    rows = [f"| `{name}` | {field.default:g} | {field.description} |" for name, field in fields]
    assert "\n".join(rows) in page


def test_the_server_imports_nothing_of_ray() -> None:
    """Neither does what a test or a check needs of `deploy/ray`."""
    code = "import sys, app.main, deploy.ray.application, deploy.ray.proxy; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
