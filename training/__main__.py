"""`python -m training`: reads the command line, runs the job, and says what went wrong in one line."""

from __future__ import annotations

import logging
import sys

from training.errors import TrainingError
from training.options import parse
from training.quiet import quiet_import
from training.sources import load_dataset


def main() -> int:
    """Run the job; the exit code is 0, 1 for an error a person can mend, or 130 when interrupted."""
    try:
        config = parse()
        dataset = load_dataset(config)
        # Each fit is a model of its own, which TensorFlow takes for one that is traced again and again.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        with quiet_import():
            from training.crossfit import Screen
            from training.job import run

        folder = run(config, dataset, Screen(_say, bars=sys.stdout.isatty()))
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; call it again in the same way to continue", file=sys.stderr)
        return 130
    _say(f"sealed {folder}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
