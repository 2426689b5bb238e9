"""Checks of a running image: each returns a line for the table or raises `CheckFailed`."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from deploy.engine import Container, Engine
from deploy.golden import read_golden

START_SECONDS = 120
STOP_SECONDS = 40
# Bytes of all files. Two thirds of the gpu image are CUDA's libraries.
LIMITS = {"cpu": 450_000_000, "gpu": 7_500_000_000}
# The gpu image is checked without a GPU: TensorFlow on the CPU.
ENVIRONMENT: dict[str, dict[str, str]] = {"cpu": {}, "gpu": {"ENGINE": "tensorflow"}}
# Packages that must not be importable in an image.
UNWANTED = {"cpu": {"tensorflow", "training", "tests"}, "gpu": {"training", "tests"}}


class CheckFailed(Exception):
    """A check failed; `str(error)` is one line with the reason."""


@dataclass(frozen=True)
class Probe:
    """Output of `deploy/probe.py`: user, sizes in bytes, importable packages, files written since a time."""

    uid: int
    gid: int
    bytes_total: int
    bytes_packages: int
    bytes_service: int
    importable: list[str]
    written: list[str]
    packages: int
    without_notice: list[str]


def check(engine: Engine, tag: str, target: str, artifact: Path) -> None:
    """Run an image, check it, print a table.

    Args:
        engine: what runs it.
        tag: name and tag of the image.
        target: `cpu` or `gpu`.
        artifact: the version folder that the image serves.

    Raises:
        CheckFailed: a check failed; the others are not run.
    """
    sys.stdout.write(f"{tag} with {engine.name}\n")
    started = time.time()
    container = engine.start(tag, ENVIRONMENT[target])
    try:
        _report("ready", _ready(container, started))
        _report("answers", _answers(container, artifact))
        _report("health", _health(container))
        probe = _probe(container, since=started)
        _report("user", _user(probe))
        _report("size", _size(probe, LIMITS[target]))
        _report("excluded", _excluded(probe, UNWANTED[target]))
        _report("notices", _notices(probe))
        _report("written", _written(probe))
        _report("SIGTERM", _stop(container))
    finally:
        container.remove()


def _report(what: str, result: str) -> None:
    sys.stdout.write(f"  {what:<10}{result}\n")
    sys.stdout.flush()


def _ready(container: Container, started: float) -> str:
    while time.time() - started < START_SECONDS:
        if not container.running():
            raise CheckFailed(f"the container ended while starting:\n{container.logs()}")
        status, _ = _ask(f"{container.url}/readyz")
        if status == 200:
            return f"{time.time() - started:.1f} s after the start"
        time.sleep(0.05)
    raise CheckFailed(f"not ready within {START_SECONDS} s:\n{container.logs()}")


def _answers(container: Container, artifact: Path) -> str:
    golden = read_golden(artifact)
    body = json.dumps({"instances": golden.series}).encode()
    status, answer = _ask(f"{container.url}/predict", body)
    if status != 200:
        raise CheckFailed(f"POST /predict got {status}: {answer.decode()[:500]}")
    rows = [prediction["probabilities"] for prediction in json.loads(answer)["predictions"]]
    if len(rows) != len(golden.series):
        raise CheckFailed(f"{len(golden.series)} series got {len(rows)} predictions")
    largest = max(
        abs(row[label] - expected)
        for row, probabilities in zip(rows, golden.probabilities, strict=True)
        for label, expected in zip(golden.labels, probabilities, strict=True)
    )
    if largest > golden.tolerance:
        raise CheckFailed(
            f"a probability differs by {largest:.2g} from the golden answer (tolerance {golden.tolerance})"
        )
    return f"{len(rows)} golden series, largest difference {largest:.1e} of {golden.tolerance} allowed"


def _health(container: Container) -> str:
    answer = container.run(["python", "-m", "app", "health"])
    if answer.returncode != 0:
        raise CheckFailed(f"the health command exits with {answer.returncode}: {answer.stderr}")
    return "`python -m app health` exits with 0"


def _probe(container: Container, *, since: float) -> Probe:
    source = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    answer = container.run(["python", "-c", source, str(since)])
    if answer.returncode != 0:
        raise CheckFailed(f"the probe failed in the container: {answer.stderr}")
    return Probe(**json.loads(answer.stdout))


def _user(probe: Probe) -> str:
    if probe.uid == 0 or probe.gid == 0:
        raise CheckFailed(f"runs as user {probe.uid} and group {probe.gid}; neither should be root")
    return f"{probe.uid}:{probe.gid}, not root"


def _size(probe: Probe, limit: int) -> str:
    base = probe.bytes_total - probe.bytes_packages - probe.bytes_service
    parts = {"base": base, "packages": probe.bytes_packages, "service and artifact": probe.bytes_service}
    text = f"{_megabytes(probe.bytes_total)} of {_megabytes(limit)} allowed: " + ", ".join(
        f"{name} {_megabytes(size)}" for name, size in parts.items()
    )
    if probe.bytes_total > limit:
        raise CheckFailed(f"too large: {text}")
    return text


def _excluded(probe: Probe, unwanted: set[str]) -> str:
    if found := sorted(unwanted & set(probe.importable)):
        raise CheckFailed(f"contains {', '.join(found)}, which the server does not need")
    return ", ".join(sorted(unwanted))


def _notices(probe: Probe) -> str:
    if probe.without_notice:
        raise CheckFailed(f"THIRD_PARTY_NOTICES.txt does not name {', '.join(probe.without_notice[:5])}")
    return f"THIRD_PARTY_NOTICES.txt names all {probe.packages} packages"


def _written(probe: Probe) -> str:
    if probe.written:
        raise CheckFailed(f"wrote to the root file system: {', '.join(probe.written[:5])}")
    return "nothing outside /tmp during start and requests"


def _stop(container: Container) -> str:
    began = time.time()
    code = container.stop(timeout=STOP_SECONDS)
    if code != 0:
        raise CheckFailed(f"exit code {code} after SIGTERM:\n{container.logs()}")
    return f"exit code 0 after {time.time() - began:.1f} s"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _ask(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of a response; status 0 without a response."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http alone
    # Ignore the environment's proxy: the container is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""
