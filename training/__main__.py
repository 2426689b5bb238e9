"""`python -m training`: read the command line and run the job."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from training.cli.command import RESUME_MESSAGE, print_line, run_command
from training.cli.options import parse
from training.cli.runtime_import import runtime_import
from training.config import TrainingConfig
from training.data.sources import load_dataset
from training.files.storage import check_writable
from training.fit.checkpoint import hold_run


def main() -> int:
    """Run the job; the exit codes are those of `run_command`."""
    return run_command(lambda: _train(parse()), stop_message=RESUME_MESSAGE)


def _train(config: TrainingConfig) -> int:
    check_writable(Path(config.out) / config.artifact_name)
    dataset = load_dataset(config, progress=sys.stderr)  # a bad file is reported before a folder is created
    with hold_run(config.run_folder):
        # Each fit is a new model; TensorFlow would warn about repeated tracing.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        with runtime_import():
            from training.fit.cross_validation import Progress
            from training.job import run

        folder = run(config, dataset, Progress(print_line, bars=sys.stdout.isatty()))
    print_line(f"sealed {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
