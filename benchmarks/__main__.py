"""`python -m benchmarks`: the engine, the bodies, a breakdown, calls and the whole server."""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from app.contract import open_artifact
from benchmarks import bodies, breakdown, calls, engine, server


def main() -> int:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--seconds", type=float, default=3.0, help="duration of each load on the server")
    parser.add_argument(
        "--repeats", type=int, default=5, help="repetitions; the tables show median (min-max)"
    )
    parser.add_argument("--traces", action="store_true", help="measure only the cost of traces")
    options = parser.parse_args()
    artifact = open_artifact(options.artifact)
    print(f"`python -m benchmarks {' '.join(sys.argv[1:])}`".replace(" `", "`"))
    print(f"on {machine()}, model {artifact.contract.name}/{artifact.contract.version}\n")
    if options.traces:
        from benchmarks import traces

        print(traces.table(artifact, repeats=options.repeats))
        return 0
    for section in (
        engine.table(artifact, repeats=options.repeats),
        bodies.table(artifact, repeats=options.repeats),
        breakdown.table(artifact, repeats=options.repeats),
        calls.table(artifact),
        server.table(artifact, repeats=options.repeats, seconds=options.seconds),
    ):
        print(f"{section}\n", flush=True)
    return 0


def machine() -> str:
    """CPU model, number of cores and versions, in one line."""
    model = platform.processor() or platform.machine()
    cores = 0
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        key, _, value = line.partition(":")
        cores += key.strip() == "processor"
        model = value.strip() if key.strip() == "model name" else model
    versions = ", ".join(f"{name} {version(name)}" for name in ("openvino", "uvicorn", "pydantic"))
    return f"{model}, {cores} core(s), Python {platform.python_version()}, {versions}"


if __name__ == "__main__":
    sys.exit(main())
