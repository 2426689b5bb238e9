"""`python -m training.studies.validate`: what settings are worth, on folds of the training series alone.

For each fold the teacher's machines, and a student of theirs, are fitted to the other series and answer for
the fold's own. Settings are chosen by this (docs/training/experiments.md); the test series are not looked at.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.cli.command import log_line, print_line, run_command
from training.cli.import_noise import suppress_import_noise
from training.cli.options import parse
from training.config import TrainingConfig
from training.data.precisions import FINE, NOISY, ROUNDED, make_domains
from training.data.sources import load_dataset
from training.data.ucr import Dataset
from training.errors import ConfigError
from training.evaluation.accuracy import views
from training.report.tables import table

# View of the held-out series to the kind that the teacher has a machine for.
KINDS = {"stored": FINE, "rounded_3": FINE, "float16": FINE, "rounded_2": ROUNDED, "noise": NOISY}

Answers = dict[str, NDArray[np.float32]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Validate and print a table; the exit codes are those of `run_command`."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: _validate(options))


def _validate(options: argparse.Namespace) -> int:
    config = parse(["--tokens", "spectrum", *options.rest])
    if config.tokens != "spectrum" or config.teacher != "svm" or config.folds == 0:
        raise ConfigError("only settings with folds, spectra and a teacher are validated here")
    dataset = load_dataset(config, progress=sys.stderr)
    with suppress_import_noise():
        import tensorflow as tf  # noqa: F401 - the greeting comes with its import
    print_line(validate(config, dataset, options.only or range(config.folds), student=not options.teacher))
    return 0


def validate(config: TrainingConfig, dataset: Dataset, folds: Sequence[int], *, student: bool = True) -> str:
    """A table of accuracy and cross-entropy on the series of some folds, view by view.

    Args:
        config: with folds, spectra and a teacher.
        dataset: its training series alone are used.
        folds: which folds are asked for, from 0.
        student: fit one, too; the teacher's machines take seconds, a student minutes.
    """
    from training.fit.inputs import FitInputs, fold_of
    from training.model.outputs import outputs_of

    material, targets = FitInputs(dataset, config), dataset.train_targets
    fold = fold_of(targets, folds=config.folds, seed=config.seed)
    spectra = {name: material.spectra_of(series.astype(float)) for name, series in _views(dataset).items()}
    asked = np.isin(fold, folds)
    answers = {who: _nothing(spectra, dataset) for who in ("teacher", *(["student"] if student else []))}
    for number in folds:
        log_line(f"fold {number}")
        mine, rows = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        task = material.task(rows)
        for name, decide in _machines(task.course, config).items():
            # Decision values are the logits that a student is taught.
            answers["teacher"][name][mine] = decide(spectra[name][mine])
        if student:
            _fit(task, config)
            for name, known in spectra.items():
                answers["student"][name][mine] = outputs_of(task.model, known[mine])
    return as_markdown(
        {who: {n: a[asked] for n, a in by.items()} for who, by in answers.items()}, targets[asked]
    )


def as_markdown(answers: dict[str, Answers], targets: NDArray[np.int64]) -> str:
    """One row a view: accuracy in per cent and, in brackets, cross-entropy in nats, of everyone's logits."""
    names = next(iter(answers.values()))
    rows = [[name, *(_judged(by_view[name], targets) for by_view in answers.values())] for name in names]
    return table([f"{len(targets):,} held-out series", *answers], rows)


def _judged(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> str:
    accuracy = np.mean(logits.argmax(axis=1) == targets)
    likelihood = logits[np.arange(len(targets)), targets] - np.logaddexp.reduce(logits, axis=1)
    return f"{100 * accuracy:.2f} ({-likelihood.mean():.4f})"


def _views(dataset: Dataset) -> dict[str, NDArray[np.float32]]:
    seen = views(dataset.train)
    return {name: seen[name] for name in KINDS}


def _nothing(spectra: Answers, dataset: Dataset) -> Answers:
    return {name: np.zeros((len(known), len(dataset.labels)), np.float32) for name, known in spectra.items()}


def _machines(course: Any, config: TrainingConfig) -> dict[str, Callable[[Any], Any]]:
    """View to the decision function of the machine for its kind; views of a kind without one are left out."""
    kinds = [domain.name for domain in make_domains(np.zeros((1, 8)), config)]
    return {name: course.machines[kinds.index(kind)].decide for name, kind in KINDS.items() if kind in kinds}


def _fit(task: Any, config: TrainingConfig) -> None:
    import keras

    from training.fit.checkpoint import RunState
    from training.fit.loop import fit

    keras.utils.set_random_seed(config.seed)
    nothing = (np.empty((0,), np.float32), np.empty((0,), np.float32))
    with tempfile.TemporaryDirectory() as folder:
        fit(
            task.model,
            task.course,
            config,
            check=nothing,
            state=RunState(),
            folder=Path(folder),
            say=lambda _: None,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.studies.validate",
        description="Validate settings on folds of the training series. Options of `python -m training` go "
        "after --, such as -- --windows 250 100 40.",
    )
    parser.add_argument("--only", type=int, nargs="+", metavar="FOLD", help="these folds alone, from 0")
    parser.add_argument("--teacher", action="store_true", help="the teacher alone: seconds, not minutes")
    parser.add_argument("rest", nargs="*", metavar="OPTION", help="of `python -m training`")
    return parser


if __name__ == "__main__":
    sys.exit(main())
