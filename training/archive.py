"""`python -m training.archive`: the same training command on other data sets, beside published figures.

Each data set is trained by `python -m training --dataset NAME` in a process of its own; nothing but the name
changes. A data set whose artifact is there is not trained again, so a stopped run goes on when called again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

from app.contract import Contract, find_version, read_contract
from app.errors import ArtifactError
from training.config import TrainingConfig
from training.tables import table

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is not there yet, then print the table; 1 if a data set could not be trained."""
    options = _parser().parse_args(arguments)
    out = Path(options.out)
    with ThreadPoolExecutor(options.jobs) as pool:
        failed = [name for name in pool.map(lambda name: _train(name, out, options.rest), PUBLISHED) if name]
    print(as_markdown(contracts(out)))
    if failed:
        print(f"error: not trained: {', '.join(failed)}; see the messages above", file=sys.stderr)
    return 1 if failed else 0


def contracts(out: Path) -> dict[str, Contract]:
    """The contracts of the data sets that have an artifact in a folder."""
    found = {}
    for name in PUBLISHED:
        try:
            found[name] = read_contract(find_version(_shelf(out, name)) / "contract.json")
        except ArtifactError:
            continue
    return found


def as_markdown(trained: Mapping[str, Contract]) -> str:
    """One row a data set: what it is, our test accuracies, the published ones."""
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


def _train(name: str, out: Path, rest: Sequence[str]) -> str | None:
    """Train one data set if it has no artifact yet; its name if that failed."""
    if contracts(out).get(name):
        return None
    print(f"{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "training", "--dataset", name, "--out", str(out), *rest]
    # Several processes share the cores; none should start a thread for each of them.
    environment = os.environ | {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    print(f"{name} {'failed' if done.returncode else 'done'}", file=sys.stderr, flush=True)
    return name if done.returncode else None


def _shelf(out: Path, name: str) -> Path:
    return out / TrainingConfig(dataset=name).artifact_name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.archive",
        description="Train on other data sets of the UCR archive, and compare with published figures. "
        "Further options go to `python -m training`, after --.",
    )
    parser.add_argument("--out", default="runs/archive", metavar="PATH", help="holds the artifacts")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="data sets trained at once")
    parser.add_argument("rest", nargs="*", metavar="OPTION", help="of every training, such as -- --epochs 5")
    return parser


if __name__ == "__main__":
    sys.exit(main())
