"""`app.telemetry.tracing`: what the environment says, in a process of its own where needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import TracingUnavailable
from app.server.serve import END_SECONDS
from app.telemetry.tracing import FLUSH_SECONDS, open_traces
from app.telemetry.tracing.environment import SERVICE, _resource


def test_without_traces_the_sdk_is_not_even_imported(root: Path) -> None:
    """All of the app comes without it."""
    code = (
        "import sys, app.main, app.server.worker; print([m for m in sys.modules if 'opentelemetry.sdk' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_without_the_extra_says_what_to_install(root: Path) -> None:
    """In one line, with exit code 1, before it opens its port."""
    missing = "import sys; sys.modules['opentelemetry.sdk.trace'] = None"
    code = f"{missing}; from app.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve"],
        cwd=root,
        env={"TRACES": "true", "PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "install requirements/extras/traces.txt" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
    ],
)
def test_what_cannot_be_done_is_reported_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Not by traces that never come."""
    monkeypatch.setenv(name, value)
    with pytest.raises(TracingUnavailable):
        open_traces()


def test_the_standard_switches_them_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who disables the SDK everywhere has disabled it here."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert open_traces() is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, SERVICE),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,k=v"}, "a"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a", "OTEL_SERVICE_NAME": "b"}, "b"),
    ],
)
def test_the_service_is_called_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], name: str
) -> None:
    """It has a name of its own only if nobody gives it one."""
    for variable in ("OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    assert _resource().attributes["service.name"] == name


def test_the_last_traces_are_sent_before_the_supervisor_kills_the_worker() -> None:
    """The time for sending them is within that which a worker has to end."""
    assert FLUSH_SECONDS < END_SECONDS
