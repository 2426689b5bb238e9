"""`python -m training.studies.archive`: train on other data sets and compare with published accuracies.

Each data set is trained by `python -m training --dataset NAME` in its own process, with the same options. A
data set that has an artifact is not trained again, so the same command continues a stopped run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from app.contract import Contract, find_version, read_contract
from app.errors import ArtifactError
from training.cli.command import RESUME_MESSAGE, log_line, print_line, run_command
from training.config import TrainingConfig
from training.errors import TrainingError
from training.files.storage import check_writable
from training.fit.checkpoint import hold_run
from training.report.tables import table

# Test accuracies of InceptionTime and MultiRocket on the archive's own split: resample 0 in tsml-eval's
# results/classification/Univariate/InceptionT_ACC.csv and MR_accuracy.csv.
PUBLISHED: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "FordB": (0.8494, 0.8296),
        "Adiac": (0.8440, 0.8261),
        "ArrowHead": (0.8629, 0.8686),
        "CBF": (0.9989, 0.9956),
        "Computers": (0.8080, 0.7680),
        "CricketX": (0.8487, 0.7974),
        "Earthquakes": (0.7122, 0.7338),
        "ECG200": (0.9100, 0.9200),
        "ECG5000": (0.9416, 0.9462),
        "FacesUCR": (0.9722, 0.9600),
        "Fish": (0.9829, 0.9829),
    }
)


class Trainings:
    """Trainings in processes of their own, several at once."""

    def __init__(self, out: Path, options: Sequence[str]) -> None:
        self._out = out
        self._options = options
        self._started: list[subprocess.Popen[bytes]] = []
        self._stopped = False
        self._lock = Lock()

    def train(self, name: str) -> str | None:
        """Train a data set that has no artifact; returns its name if the training failed."""
        if contracts(self._out).get(name):
            return None
        log_line(f"{name}: training")
        process = self._start(name)
        if process is None or process.wait():
            log_line(f"{name}: failed")
            return name
        log_line(f"{name}: done")
        return None

    def stop(self) -> None:
        """Terminate running trainings, which keep their state, and start no more."""
        with self._lock:
            self._stopped = True
            for process in self._started:
                process.terminate()

    def _start(self, name: str) -> subprocess.Popen[bytes] | None:
        command_line = [sys.executable, "-m", "training", "--dataset", name, "--out", str(self._out)]
        # Several processes share the CPU cores; none should start one thread per core.
        environment = os.environ | {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(  # noqa: S603
                [*command_line, *self._options], env=environment, stdout=subprocess.DEVNULL
            )
            self._started.append(process)
            return process


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the missing data sets and print the table; the exit codes are those of `run_command`."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: _train_all(options), stop_message=RESUME_MESSAGE)


def _train_all(options: argparse.Namespace) -> int:
    out = Path(options.out)
    check_writable(out)
    with hold_run(out, remedy="wait until it has ended, or set another --out"):
        trainings = Trainings(out, options.rest)
        with ThreadPoolExecutor(options.jobs) as pool:
            try:
                failed = [name for name in pool.map(trainings.train, PUBLISHED) if name]
            except BaseException:
                trainings.stop()
                raise
    print_line(comparison_table(contracts(out)))
    if failed:
        raise TrainingError(
            f"not trained: {', '.join(failed)}; fix the errors above, then run the same command again"
        )
    return 0


def contracts(out: Path) -> dict[str, Contract]:
    """The contracts of the data sets that have an artifact in a folder."""
    by_name = {}
    for name in PUBLISHED:
        try:
            by_name[name] = read_contract(find_version(_artifact_folder(out, name)) / "contract.json")
        except ArtifactError:
            continue
    return by_name


def comparison_table(trained: Mapping[str, Contract]) -> str:
    """A Markdown table with one row per data set: its shape, our test accuracies, and the published ones."""
    rows = []
    for name, contract in trained.items():
        ours = (contract.metrics["accuracy"], contract.metrics["accuracy_rounded_2_decimals"])
        config = contract.provenance.config
        shape = (contract.input.length, contract.classes, config["tokens"])
        minutes = contract.provenance.training_seconds / 60
        percents = [f"{100 * share:.1f}" for share in (*ours, *PUBLISHED[name])]
        rows.append([name, *map(str, shape), *percents, f"{minutes:.1f}"])
    head = [
        "data set",
        "length",
        "classes",
        "tokens",
        "ours",
        "ours, rounded",
        "InceptionTime",
        "MultiRocket",
    ]
    return table([*head, "minutes"], rows)


def _artifact_folder(out: Path, name: str) -> Path:
    return out / TrainingConfig(dataset=name).artifact_name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.studies.archive",
        description="Train on other data sets of the UCR archive and compare with published accuracies. "
        "Options after -- are passed to `python -m training`.",
    )
    parser.add_argument(
        "--out", default="runs/archive", metavar="PATH", help="folder of the artifacts (default: %(default)s)"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=2,
        metavar="N",
        help="number of data sets trained at once (default: %(default)s)",
    )
    parser.add_argument(
        "rest", nargs="*", metavar="OPTION", help="options of each training, for example -- --epochs 5"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
