"""The engine without a server, on one thread: `python -m benchmarks.peers.bare MODEL_FOLDER SECONDS`.

A separate process, as a server is, so that the harness does not share its interpreter.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.peers.errors import HarnessError
from benchmarks.peers.golden import read_golden
from benchmarks.peers.model import Model

SIZES = (1, 32, 256)


def measure(model: Path, *, seconds: float) -> dict[str, float]:
    """Milliseconds of a call (median) and series per second, for each size.

    Raises:
        HarnessError: it did not run.
    """
    command = [sys.executable, "-m", "benchmarks.peers.bare", str(model), str(seconds)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise HarnessError(f"the engine does not run: {ended.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def main() -> None:
    """Print what `measure` returns."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    model, golden = Model(folder), read_golden(folder)
    found = {}
    for size in SIZES:
        series, calls = golden.rows(size), []
        end = time.perf_counter() + seconds / len(SIZES)
        while (started := time.perf_counter()) < end:
            model(series)
            calls.append(time.perf_counter() - started)
        found[f"ms_{size}"] = 1e3 * float(np.median(calls))
        found[f"rate_{size}"] = size * len(calls) / sum(calls)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
