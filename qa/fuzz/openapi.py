"""Runs schemathesis against a real server: valid and invalid requests for every route of its document."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.contract import Artifact
from qa.fuzz.errors import HarnessError
from qa.fuzz.report import Finding, Outcome
from qa.fuzz.wire import TRACE
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess, running_server

HOOKS = ROOT / "qa" / "fuzz" / "openapi_hooks.py"
CONFIG = ROOT / "qa" / "fuzz" / "schemathesis.toml"
_MOST_SECONDS = 3600.0
# OpenAPI cannot say that V1 refuses an integer whose decimal number it takes, nor that a tensor of V2 has as
# many elements as its shape: nearly all requests would be refused.
_OTHER_PROTOCOLS = ("/v1", "/v2")


def fuzz(program: Path, artifact: Artifact, *, seed: int, cases: int, folder: Path) -> Iterator[Outcome]:
    """Start a server, and send at least `cases` requests to each of its routes.

    Args:
        program: schemathesis.
        artifact: that is served.
        seed: of all cases.
        cases: for each route; schemathesis adds some of its own.
        folder: for logs and reports.

    Raises:
        HarnessError: there is no schemathesis.
        NotServing: there is no server.
    """
    if not program.is_file():
        raise HarnessError(f"{program}: schemathesis is not installed; run `make fuzz`, which installs it")
    with running_server(
        log=folder / "openapi.log", LOG_FORMAT="text", ARTIFACT=str(artifact.folder.absolute())
    ) as server:
        yield from ask(program, server, artifact, seed=seed, cases=cases, folder=folder)


def ask(
    program: Path, server: ServerProcess, artifact: Artifact, *, seed: int, cases: int, folder: Path
) -> Iterator[Outcome]:
    """Send requests to every route of a server's own protocol.

    Args:
        program: schemathesis.
        server: that is ready.
        artifact: that it serves.
        seed: of all cases.
        cases: for each route.
        folder: for reports.

    Raises:
        HarnessError: schemathesis does not work.
    """
    document = json.loads(server.get("/openapi.json").body)
    model = (artifact.contract.input.length, _most_instances(document), artifact.contract.version)
    environment = {"FUZZ_MODEL": json.dumps(model), "SCHEMATHESIS_HOOKS": str(HOOKS)}
    traces = server.output.count(TRACE)
    for path in document["paths"]:
        if path.startswith(_OTHER_PROTOCOLS):
            continue
        report = folder / "report.json"
        line = command(program, server.url, path, seed=seed, cases=cases, report=report)
        outcome = _run(line, path, environment, report)
        if server.exit_code is not None:
            outcome.findings.append(
                Finding(outcome.target, f"the server exited with code {server.exit_code}")
            )
        if (more := server.output.count(TRACE)) > traces:
            outcome.findings.append(
                Finding(outcome.target, f"{more - traces} tracebacks in the server's log")
            )
            traces = more
        yield outcome


def command(program: Path, url: str, path: str, *, seed: int, cases: int, report: Path) -> list[str]:
    """The command line for one route."""
    return [
        *(str(program), "--no-color", "--config-file", str(CONFIG), "run", f"{url}/openapi.json"),
        *("--include-path", path, "--checks", "all", "--max-examples", str(cases), "--seed", str(seed)),
        # A series has hundreds of values: hypothesis calls that large and slow.
        *("--suppress-health-check", "all", "--continue-on-failure", "--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(report)),
    ]


def outcome_of(path: str, report: dict[str, Any]) -> Outcome:
    """A route's row, from schemathesis' report.

    Args:
        path: of the route.
        report: as it writes it as JSON.
    """
    outcome = Outcome(f"openapi {path}", report["test_cases"]["generated"], report["running_time"])
    outcome.findings += [
        Finding(f"openapi {path}", f"{failure['title']} ({failure['code']}, {failure['count']} times)")
        for failure in report["failures"]
    ]
    outcome.findings += [Finding(f"openapi {path}", f"not tested: {error}") for error in report["errors"]]
    if not report["complete"] or not report["operations"]["tested"]:
        outcome.findings.append(Finding(f"openapi {path}", f"not tested to the end: {report['stop_reason']}"))
    rates = [phase for phases in report["valid_rates"].values() for phase in phases.values()]
    accepted, rejected = (sum(phase[name] for phase in rates) for name in ("accepted", "rejected"))
    outcome.measured = f"of the valid requests {accepted:,} accepted, {rejected:,} refused"
    return outcome


def _most_instances(document: dict[str, Any]) -> int:
    most: int = document["components"]["schemas"]["PredictRequest"]["properties"]["instances"]["maxItems"]
    return most


def _run(line: list[str], path: str, environment: dict[str, str], report: Path) -> Outcome:
    report.unlink(missing_ok=True)
    started = time.perf_counter()
    try:
        done = subprocess.run(
            line,
            env={**os.environ, **environment},
            cwd=report.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=_MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise HarnessError(f"schemathesis did not end within {_MOST_SECONDS:g} s on {path}") from None
    if not report.is_file():
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise HarnessError(f"schemathesis wrote no report on {path}: {last}")
    outcome = outcome_of(path, json.loads(report.read_text()))
    outcome.seconds = time.perf_counter() - started
    if outcome.findings:
        outcome.transcript = done.stdout  # has the command that reproduces it
    elif done.returncode:
        outcome.findings.append(Finding(outcome.target, f"schemathesis exited with code {done.returncode}"))
    return outcome
