"""`python -m qa.chaos`: inject the faults, one after the other, and report whether all promises held."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import uvloop

from app.contract import Artifact, open_artifact
from app.errors import AppError
from benchmarks.peers.about import machine
from qa.chaos import report
from qa.chaos.client_pause import watch_event_loop
from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject, ChaosError
from qa.chaos.faults import FAULTS, Fault
from qa.chaos.finding import Finding, aborted, not_run
from qa.chaos.workload import Workload
from qa.harness.process import NotServing


def main() -> int:
    """Write `report.md`, `results.json` and the servers' logs into a folder; 0 if all promises held."""
    options = read_options()
    try:
        artifact = open_artifact(options.artifact)
        options.out.mkdir(parents=True, exist_ok=True)
        return uvloop.run(run(options, artifact))
    except (AppError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted; all processes have been stopped", file=sys.stderr)
        return 130


async def run(options: argparse.Namespace, artifact: Artifact, faults: Mapping[str, Fault] = FAULTS) -> int:
    """Inject faults and report; 0 if all promises held."""
    _end_on_sigterm()
    started = time.monotonic()
    findings: list[Finding] = []
    for name in options.only or faults:
        findings.append(await _inject(faults[name], name, options, artifact))
        print(report.summary(findings[-1]), file=sys.stderr, flush=True)
        # After each fault, in case the run is interrupted.
        text = report.write(
            findings, _about(artifact, minutes=(time.monotonic() - started) / 60), options.out
        )
    print(text)
    return 0 if all(finding.held for finding in findings) else 1


def _about(artifact: Artifact, *, minutes: float) -> dict[str, str]:
    return {
        "command": f"`{' '.join(['python -m qa.chaos', *sys.argv[1:]])}`, {minutes:.0f} minutes",
        "machine": f"{machine()}; servers, balancer and client share it",
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "model": f"{artifact.contract.name}/{artifact.contract.version}",
    }


async def _inject(fault: Fault, name: str, options: argparse.Namespace, artifact: Artifact) -> Finding:
    folder = (options.out / "logs" / name).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    context = FaultContext(
        artifact, Workload.of(artifact), folder, quick=options.quick, minutes=options.minutes
    )
    try:
        async with watch_event_loop() as pause:
            finding = await fault(context)
        return replace(finding, measured=[*finding.measured, *pause.remarks])
    except CannotInject as error:
        return not_run(name, str(error))
    except (ChaosError, NotServing, OSError) as error:
        return aborted(name, str(error))


def _end_on_sigterm() -> None:
    """Handle SIGTERM like Ctrl+C, so that all processes are stopped."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m qa.chaos", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter loads and fewer faults: 4 minutes")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(FAULTS),
        metavar="NAME",
        help=f"inject only these: {', '.join(FAULTS)}",
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="duration of the soak (default 30)")
    parser.add_argument(
        "--artifact", type=Path, help="the served artifact", default=Path("model_artifacts/forda")
    )
    parser.add_argument(
        "--out", type=Path, default=Path("qa/chaos/results"), help="folder of the report and the logs"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
