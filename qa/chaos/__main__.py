"""`python -m qa.chaos`: try the faults, one after the other, and say whether all held that must hold."""

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
from qa.chaos.errors import CannotInject, ChaosError
from qa.chaos.faults import FAULTS, Fault
from qa.chaos.finding import Finding, broken_off, not_tried
from qa.chaos.questions import Book
from qa.chaos.stage import Stage
from qa.chaos.stillness import watching
from qa.harness.process import NotServing


def main() -> int:
    """Write `report.md`, `results.json` and the servers' logs into a folder; 0 if everything held."""
    options = read_options()
    try:
        artifact = open_artifact(options.artifact)
        options.out.mkdir(parents=True, exist_ok=True)
        return uvloop.run(run(options, artifact))
    except (AppError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped; nothing is left running", file=sys.stderr)
        return 130


async def run(options: argparse.Namespace, artifact: Artifact, faults: Mapping[str, Fault] = FAULTS) -> int:
    """Try faults and report; 0 if everything held."""
    _end_on_sigterm()
    started = time.monotonic()
    findings: list[Finding] = []
    for name in options.only or faults:
        findings.append(await _try(faults[name], name, options, artifact))
        print(report.summary(findings[-1]), file=sys.stderr, flush=True)
        # Each time, for a run that is stopped before its end.
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


async def _try(fault: Fault, name: str, options: argparse.Namespace, artifact: Artifact) -> Finding:
    folder = (options.out / "logs" / name).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stage = Stage(artifact, Book.of(artifact), folder, quick=options.quick, minutes=options.minutes)
    try:
        async with watching() as stillness:
            finding = await fault(stage)
        return replace(finding, measured=[*finding.measured, *stillness.words])
    except CannotInject as error:
        return not_tried(name, str(error))
    except (ChaosError, NotServing, OSError) as error:
        return broken_off(name, str(error))


def _end_on_sigterm() -> None:
    """End as on Ctrl+C, so that no process is left behind."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m qa.chaos", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter loads and fewer faults: four minutes")
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--minutes", type=float, default=30.0, help="of the soak; default 30")
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--out", type=Path, default=Path("qa/chaos/results"), help="the report's folder")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
