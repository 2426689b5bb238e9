"""Fits to all training series, and to all but a fold: trust is measured on series held out of the fit.

Each fit has its own folder below the run's folder. A killed fit continues; a finished one is not repeated.
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
from training.fit.inputs import FitInputs, Indices, assign_folds, expected_views
from training.fit.loop import Examples, fit
from training.model.embedding import votes_are_right
from training.model.novelty import Novelty
from training.model.outputs import outputs_of

FINAL = "final"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where progress goes: `log` gets one line at a time; `bars` shows Keras' bar for each epoch."""

    log: Callable[[str], None]
    bars: bool = False


@dataclass(frozen=True, slots=True)
class FitResult:
    """A fitted model and the state of its run."""

    model: Any
    state: RunState


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Model outputs on held-out training series.

    Attributes:
        logits: `float32[n, classes]`; each series counts once in each of `expected_views`.
        novelty: `float32[n]`.
        targets: `int64[n]`.
        last: the last of the fits.
        votes: `bool[views, series, len(VOTES)]`, whether most of the nearest series that the model was
            fitted to have the true class.
        indices: `int64[n]`, of the training series.
        views: `int64[n]`, index in `expected_views`.
    """

    logits: NDArray[np.float32]
    novelty: NDArray[np.float32]
    targets: NDArray[np.int64]
    last: PartialFit
    votes: NDArray[np.bool_]
    indices: Indices
    views: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PartialFit:
    """A fit to all training series but some.

    Attributes:
        classifier: the fitted model.
        novelty: fitted to the same series.
        held_out: indices of the series held out.
    """

    classifier: Any
    novelty: Novelty
    held_out: Indices


def fit_subset(
    fit_inputs: FitInputs,
    indices: Indices,
    *,
    folder: Path,
    fingerprint: dict[str, Any],
    progress: Progress,
    validation: Indices | None = None,
) -> FitResult:
    """Fit to some of the training series.

    Args:
        fit_inputs: makes the model and its training data.
        indices: the series to fit to.
        folder: the folder of this fit.
        fingerprint: identifies the run; a run with another fingerprint in the folder is refused.
        progress: gets a line for each epoch.
        validation: the series to validate on.
    """
    config = fit_inputs.config
    keras.utils.set_random_seed(config.seed)
    task = fit_inputs.task(indices)
    no_examples: Examples = (np.empty((0,), np.float32), np.empty((0,), np.float32))
    state = fit(
        task.model,
        task.source,
        config,
        validation=no_examples if validation is None else fit_inputs.validation_data(validation),
        state=open_run(folder, fingerprint),
        folder=folder,
        log=progress.log,
        bars=progress.bars,
    )
    return FitResult(task.model, state)


def cross_fit(
    fit_inputs: FitInputs, *, folder: Path, fingerprint: dict[str, Any], progress: Progress
) -> tuple[HeldOut, list[RunState]]:
    """Fit to all but each fold in turn; outputs on every training series, and the states of the fits."""
    targets, folds = fit_inputs.dataset.train_targets, fit_inputs.config.folds
    fold = assign_folds(targets, folds=folds, seed=fit_inputs.config.seed)
    parts, states = [], []
    for number in range(folds):
        held_out, indices = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        progress.log(
            f"fold {number + 1} of {folds}: fitting {len(indices):,} series, {len(held_out):,} held out"
        )
        home = folder / f"fold-{number + 1}"
        fitted = fit_subset(
            fit_inputs, indices, folder=home, fingerprint=fingerprint, progress=progress, validation=held_out
        )
        parts.append(_predict_held_out(fit_inputs, fitted.model, indices=indices, held_out=held_out))
        states.append(fitted.state)
    return _concatenated(parts), states


def hold_out(
    fit_inputs: FitInputs, *, folder: Path, fingerprint: dict[str, Any], progress: Progress
) -> tuple[FitResult, HeldOut | None]:
    """Fit to all but a held-out fraction, which selects the weights and also measures trust."""
    config, targets = fit_inputs.config, fit_inputs.dataset.train_targets
    indices, held_out = split(targets, fraction=config.validation_fraction, seed=config.seed)
    fitted = fit_subset(
        fit_inputs,
        indices,
        folder=folder / FINAL,
        fingerprint=fingerprint,
        progress=progress,
        validation=held_out,
    )
    if config.model != "transformer":
        return fitted, None
    return fitted, _predict_held_out(fit_inputs, fitted.model, indices=indices, held_out=held_out)


def fit_all(
    fit_inputs: FitInputs, *, folder: Path, fingerprint: dict[str, Any], progress: Progress
) -> FitResult:
    """Fit to all training series."""
    indices = np.arange(len(fit_inputs.dataset.train))
    progress.log(f"fitting all {len(indices):,} series")
    return fit_subset(fit_inputs, indices, folder=folder / FINAL, fingerprint=fingerprint, progress=progress)


def close_runs(folder: Path) -> None:
    """Delete the states of all fits of a finished run."""
    for state in folder.rglob(STATE_FILE):
        close_run(state.parent)


def _predict_held_out(fit_inputs: FitInputs, model: Any, *, indices: Indices, held_out: Indices) -> HeldOut:
    novelty = fit_inputs.novelty(indices)
    views = expected_views(fit_inputs.series[held_out])
    inputs = [fit_inputs.model_inputs(view) for view in views]
    logits = [outputs_of(model, view) for view in inputs]
    distances = [novelty.score(fit_inputs.arithmetic(fit_inputs.spectra(view))) for view in views]
    targets = fit_inputs.dataset.train_targets
    votes = votes_are_right(
        model,
        fit_inputs.model_inputs(fit_inputs.series[indices]),
        targets[indices],
        inputs,
        targets[held_out],
    )
    return HeldOut(
        logits=np.concatenate(logits),
        novelty=np.concatenate(distances),
        last=PartialFit(model, novelty, held_out),
        targets=np.tile(targets[held_out], len(views)),
        votes=votes,
        indices=np.tile(held_out, len(views)),
        views=np.repeat(np.arange(len(views)), len(held_out)),
    )


def _concatenated(parts: list[HeldOut]) -> HeldOut:
    return HeldOut(
        logits=np.concatenate([part.logits for part in parts]),
        novelty=np.concatenate([part.novelty for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
        last=parts[-1].last,
        votes=np.concatenate([part.votes for part in parts], axis=1),
        indices=np.concatenate([part.indices for part in parts]),
        views=np.concatenate([part.views for part in parts]),
    )
