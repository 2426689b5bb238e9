"""Fitting to all of the training series, and to all but a fold, so that trust is measured on unseen ones.

Every fit has a folder of its own below the run's and goes on where it was killed; a finished one is not
repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.data.split import split
from training.fit.checkpoint import STATE_FILE, RunState, close_run, open_run
from training.fit.inputs import FitInputs, Rows, fold_of, known_views
from training.fit.loop import Pair, fit
from training.model.outputs import outputs_of

FINAL = "final"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where progress is shown: one line at a time, and Keras' bars within an epoch if wanted."""

    say: Callable[[str], None]
    bars: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted model and how it came to be."""

    model: Any
    state: RunState


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Answers on training series that the model which gave them had not been fitted to.

    Attributes:
        logits: `float32[n, classes]`; every series is there in each of `known_views`.
        novelty: `float32[n]`.
        targets: `int64[n]`.
    """

    logits: NDArray[np.float32]
    novelty: NDArray[np.float32]
    targets: NDArray[np.int64]


def fit_rows(
    material: FitInputs,
    rows: Rows,
    *,
    folder: Path,
    course: dict[str, Any],
    progress: Progress,
    check: Rows | None = None,
) -> Fitted:
    """Fit to some of the training series.

    Args:
        material: gives the model and its lessons.
        rows: the series to fit to.
        folder: of this fit.
        course: what decides how it goes; a run in the folder with another one is refused.
        progress: shows each epoch.
        check: series to validate on.
    """
    config = material.config
    keras.utils.set_random_seed(config.seed)
    task = material.task(rows)
    nothing: Pair = (np.empty((0,), np.float32), np.empty((0,), np.float32))
    state = fit(
        task.model,
        task.course,
        config,
        check=nothing if check is None else material.held_out(check),
        state=open_run(folder, course),
        folder=folder,
        say=progress.say,
        bars=progress.bars,
    )
    return Fitted(task.model, state)


def cross_fit(
    material: FitInputs, *, folder: Path, course: dict[str, Any], progress: Progress
) -> tuple[HeldOut, list[RunState]]:
    """Fit to all but each fold in turn; answers on every training series, and the fits' courses."""
    targets, folds = material.dataset.train_targets, material.config.folds
    fold = fold_of(targets, folds=folds, seed=material.config.seed)
    parts, states = [], []
    for number in range(folds):
        asked, rows = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        progress.say(f"fold {number + 1} of {folds}: fits {len(rows):,} series, asks {len(asked):,}")
        home = folder / f"fold-{number + 1}"
        fitted = fit_rows(material, rows, folder=home, course=course, progress=progress, check=asked)
        parts.append(_ask(material, fitted.model, rows=rows, asked=asked))
        states.append(fitted.state)
    return _joined(parts), states


def hold_out(
    material: FitInputs, *, folder: Path, course: dict[str, Any], progress: Progress
) -> tuple[Fitted, HeldOut | None]:
    """Fit to all but a share, which chooses the weights and measures trust, too."""
    config, targets = material.config, material.dataset.train_targets
    rows, asked = split(targets, fraction=config.validation_fraction, seed=config.seed)
    fitted = fit_rows(material, rows, folder=folder / FINAL, course=course, progress=progress, check=asked)
    if config.model != "transformer":
        return fitted, None
    return fitted, _ask(material, fitted.model, rows=rows, asked=asked)


def fit_all(material: FitInputs, *, folder: Path, course: dict[str, Any], progress: Progress) -> Fitted:
    """Fit to all training series."""
    rows = np.arange(len(material.dataset.train))
    progress.say(f"fits all {len(rows):,} series")
    return fit_rows(material, rows, folder=folder / FINAL, course=course, progress=progress)


def forget(folder: Path) -> None:
    """Drop the states of all fits of a run that has reached its end."""
    for state in folder.rglob(STATE_FILE):
        close_run(state.parent)


def _ask(material: FitInputs, model: Any, *, rows: Rows, asked: Rows) -> HeldOut:
    novelty = material.novelty(rows)
    views = known_views(material.series[asked])
    logits = [outputs_of(model, material.inputs(view)) for view in views]
    distances = [novelty.score(material.arithmetic(material.spectra_of(view))) for view in views]
    return HeldOut(
        logits=np.concatenate(logits),
        novelty=np.concatenate(distances),
        targets=np.tile(material.dataset.train_targets[asked], len(views)),
    )


def _joined(parts: list[HeldOut]) -> HeldOut:
    return HeldOut(
        logits=np.concatenate([part.logits for part in parts]),
        novelty=np.concatenate([part.novelty for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
    )
