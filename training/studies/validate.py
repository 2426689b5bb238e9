"""`python -m training.studies.validate`: cross-validate settings on folds of the training series.

For each fold, the SVM teachers and a student are fitted to the other series and predict the series of the
fold. Settings are chosen by this (docs/training/experiments.md); the test series are not used.
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
from training.cli.options import parse
from training.cli.runtime_import import runtime_import
from training.config import TrainingConfig
from training.data.precisions import FINE, NOISY, ROUNDED, make_precisions
from training.data.sources import load_dataset
from training.data.ucr import Dataset
from training.errors import ConfigError
from training.evaluation.accuracy import views
from training.report.tables import table

# View of the held-out series to the kind of the SVM that predicts it.
KINDS = {"stored": FINE, "rounded_3": FINE, "float16": FINE, "rounded_2": ROUNDED, "noise": NOISY}

Logits = dict[str, NDArray[np.float32]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Cross-validate and print a table; the exit codes are those of `run_command`."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: _validate(options))


def _validate(options: argparse.Namespace) -> int:
    config = parse(["--tokens", "spectrum", *options.rest])
    if config.tokens != "spectrum" or config.teacher != "svm" or config.folds == 0:
        raise ConfigError(
            "cannot validate these settings; set --tokens spectrum, --teacher svm and --folds of at least 2"
        )
    dataset = load_dataset(config, progress=sys.stderr)
    with runtime_import():
        import tensorflow as tf  # noqa: F401 - its import prints lines
    print_line(validate(config, dataset, options.only or range(config.folds), student=not options.teacher))
    return 0


def validate(config: TrainingConfig, dataset: Dataset, folds: Sequence[int], *, student: bool = True) -> str:
    """Cross-validate on some folds; returns a Markdown table of accuracy and cross-entropy per view.

    Args:
        config: with folds, tokens of spectra and SVM teachers.
        dataset: only its training series are used.
        folds: numbers of the folds, from 0.
        student: also fit a student, which takes minutes; the teachers take seconds.
    """
    from training.fit.inputs import FitInputs, assign_folds
    from training.model.outputs import outputs_of

    fit_inputs, targets = FitInputs(dataset, config), dataset.train_targets
    fold = assign_folds(targets, folds=config.folds, seed=config.seed)
    spectra = {name: fit_inputs.spectra(series.astype(float)) for name, series in _views(dataset).items()}
    chosen = np.isin(fold, folds)
    answers = {who: _empty_logits(spectra, dataset) for who in ("teacher", *(["student"] if student else []))}
    for number in folds:
        log_line(f"fold {number}")
        held_out, rows = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        task = fit_inputs.task(rows)
        for name, decide in _svm_decisions(task.source, config).items():
            # The decision values are the logits that the student is fitted to.
            answers["teacher"][name][held_out] = decide(spectra[name][held_out])
        if student:
            _fit(task, config)
            for name, known in spectra.items():
                answers["student"][name][held_out] = outputs_of(task.model, known[held_out])
    return validation_table(
        {who: {n: a[chosen] for n, a in by.items()} for who, by in answers.items()}, targets[chosen]
    )


def validation_table(answers: dict[str, Logits], targets: NDArray[np.int64]) -> str:
    """A Markdown table, one row per view: accuracy in per cent and, in brackets, cross-entropy in nats."""
    names = next(iter(answers.values()))
    rows = [
        [name, *(_accuracy_and_entropy(by_view[name], targets) for by_view in answers.values())]
        for name in names
    ]
    return table([f"{len(targets):,} held-out series", *answers], rows)


def _accuracy_and_entropy(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> str:
    accuracy = np.mean(logits.argmax(axis=1) == targets)
    likelihood = logits[np.arange(len(targets)), targets] - np.logaddexp.reduce(logits, axis=1)
    return f"{100 * accuracy:.2f} ({-likelihood.mean():.4f})"


def _views(dataset: Dataset) -> dict[str, NDArray[np.float32]]:
    all_views = views(dataset.train)
    return {name: all_views[name] for name in KINDS}


def _empty_logits(spectra: Logits, dataset: Dataset) -> Logits:
    return {name: np.zeros((len(known), len(dataset.labels)), np.float32) for name, known in spectra.items()}


def _svm_decisions(source: Any, config: TrainingConfig) -> dict[str, Callable[[Any], Any]]:
    """View to the decision function of the SVM for its kind; views without an SVM are left out."""
    kinds = [precision.name for precision in make_precisions(np.zeros((1, 8)), config)]
    return {name: source.svms[kinds.index(kind)].decide for name, kind in KINDS.items() if kind in kinds}


def _fit(task: Any, config: TrainingConfig) -> None:
    import keras

    from training.fit.checkpoint import RunState
    from training.fit.loop import fit

    keras.utils.set_random_seed(config.seed)
    no_validation = (np.empty((0,), np.float32), np.empty((0,), np.float32))
    with tempfile.TemporaryDirectory() as folder:
        fit(
            task.model,
            task.source,
            config,
            validation=no_validation,
            state=RunState(),
            folder=Path(folder),
            log=lambda _: None,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.studies.validate",
        description="Cross-validate settings on folds of the training series. Options after -- are those of "
        "`python -m training`, for example -- --windows 250 100 40.",
    )
    parser.add_argument(
        "--only", type=int, nargs="+", metavar="FOLD", help="use only these folds, numbered from 0"
    )
    parser.add_argument("--teacher", action="store_true", help="fit only the teachers, which takes seconds")
    parser.add_argument("rest", nargs="*", metavar="OPTION", help="options of `python -m training`")
    return parser


if __name__ == "__main__":
    sys.exit(main())
