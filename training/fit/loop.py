"""Fitting: one epoch after the other, each validated, remembered and checkpointed before the next.

The loop is written out, rather than left to callbacks, because its order matters: what a killed run finds
again is exactly what the epoch left behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.files.write_errors import storage_errors
from training.fit.checkpoint import LOGS, RunState, save_state

BETTER = 1e-5
STEPS_WORTH_COMPILING = 2000

Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


class EpochSource(Protocol):
    """Where epochs come from: made from a seed and their number alone."""

    @property
    def rows(self) -> int:
        """Inputs an epoch."""
        ...

    def epoch(self, epoch: int) -> Pair:
        """Inputs `float32[rows, ...]` and wanted probabilities `float32[rows, classes]`, shuffled."""
        ...


def fit(
    model: Any,
    course: EpochSource,
    config: TrainingConfig,
    *,
    check: Pair,
    state: RunState,
    folder: Path,
    say: Callable[[str], None],
    bars: bool = False,
    after_epoch: Callable[[int, dict[str, float]], None] = lambda _epoch, _entry: None,
) -> RunState:
    """Fit a model from where a run's state is.

    Args:
        model: its weights are replaced; at the end it has those that are kept.
        course: what it is fitted to.
        config: the run's configuration. Without folds, the weights with the best validation loss are kept;
            with folds, those of the last epoch, for the length of the course was chosen before.
        check: inputs and one-hot targets to validate on, which the course does not hold; empty ones for a
            fit to all there is.
        state: of `open_run`.
        folder: the run's folder, for the checkpoint and TensorBoard's logs.
        say: called with one line an epoch.
        bars: show Keras' progress bar within each epoch.
        after_epoch: called with the epoch, counted from 1, and its entry; what it raises ends the run.

    Returns:
        The state after the last epoch.

    Raises:
        StorageError: state or logs cannot be written; the run goes on after the last epoch whose state was.
    """
    compile_model(model, config, steps=-(-course.rows // config.batch_size))
    if state.epochs:
        _restore(model, state)
        say(f"continues after epoch {state.epochs}")
    logs = folder / LOGS
    with storage_errors(logs, tf.errors.OpError):
        writer = tf.summary.create_file_writer(str(logs))
    while state.epochs < config.epochs and not _has_stalled(state, config):
        started = time.perf_counter()
        epoch = state.epochs
        entry = _train(model, course.epoch(epoch), config, bars=bars)
        _average(model, state, config)
        entry |= _validate(model, check, state, config)
        if _is_kept(entry, state, config):
            state.best = state.average if config.averaging else model.get_weights()
            state.best_epoch = epoch + 1
        entry["seconds"] = time.perf_counter() - started
        state.history.append(entry)
        state.variables = [np.asarray(variable) for variable in _variables(model)]
        save_state(folder, state)
        _log(writer, logs, entry, epoch + 1)
        say(_line(entry, epoch + 1, config))
        after_epoch(epoch + 1, entry)
    with storage_errors(logs, tf.errors.OpError):
        writer.close()
    model.set_weights(state.best)
    return state


def _has_stalled(state: RunState, config: TrainingConfig) -> bool:
    return not config.folds and state.epochs - state.best_epoch >= config.patience


def _is_kept(entry: dict[str, float], state: RunState, config: TrainingConfig) -> bool:
    if config.folds or "val_loss" not in entry or not state.best:
        return True
    return entry["val_loss"] < state.kept["val_loss"] - BETTER


def compile_model(model: Any, config: TrainingConfig, *, steps: int) -> None:
    """Give the model the loss and the optimizer of the configuration; `steps` are those of an epoch."""
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        warmup = min(config.warmup_epochs, config.epochs // 4) * steps
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else config.learning_rate,
            decay_steps=config.epochs * steps - warmup,
            alpha=0.01,
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if config.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    else:
        optimizer = keras.optimizers.Adam(rate)
    # Measured on two cores: on spectra XLA makes a step 1.8 times as fast, after seconds of compiling; on
    # series it is no faster.
    compiled = config.tokens == "spectrum" and config.epochs * steps >= STEPS_WORTH_COMPILING
    loss = keras.losses.CategoricalCrossentropy(from_logits=config.model == "transformer")
    # Given by name, the metric would make its variables while TensorFlow traces the training step, which it
    # would then trace a second time.
    accuracy = keras.metrics.CategoricalAccuracy("accuracy")
    model.compile(optimizer=optimizer, loss=loss, metrics=[accuracy], jit_compile=compiled)
    optimizer.build(model.trainable_variables)


def _train(model: Any, batch: Pair, config: TrainingConfig, *, bars: bool) -> dict[str, float]:
    inputs, targets = batch
    logs = model.fit(
        inputs, targets, batch_size=config.batch_size, epochs=1, shuffle=False, verbose=1 if bars else 0
    ).history
    return {name: float(logs[name][0]) for name in ("loss", "accuracy")}


def _average(model: Any, state: RunState, config: TrainingConfig) -> None:
    """Move the average towards the weights; in early epochs faster, so that it forgets the beginning."""
    if not config.averaging:
        return
    weights = model.get_weights()
    decay = min(config.averaging, (1 + state.epochs) / (10 + state.epochs)) if state.average else 0.0
    before = state.average or weights
    state.average = [
        (decay * old + (1 - decay) * new).astype(new.dtype) for old, new in zip(before, weights, strict=True)
    ]


def _validate(model: Any, check: Pair, state: RunState, config: TrainingConfig) -> dict[str, float]:
    """Loss and accuracy of the averaged weights, or of the weights as they are, on what was held out."""
    if not len(check[0]):
        return {}
    weights = model.get_weights()
    if config.averaging:
        model.set_weights(state.average)
    loss, accuracy = model.evaluate(*check, batch_size=256, verbose=0)
    model.set_weights(weights)
    return {"val_loss": float(loss), "val_accuracy": float(accuracy)}


def _variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _restore(model: Any, state: RunState) -> None:
    for variable, value in zip(_variables(model), state.variables, strict=True):
        variable.assign(value)


def _log(writer: Any, logs: Path, entry: dict[str, float], epoch: int) -> None:
    with storage_errors(logs, tf.errors.OpError):
        with writer.as_default(step=epoch):
            for name, value in entry.items():
                tf.summary.scalar(name, value)
        writer.flush()


def _line(entry: dict[str, float], epoch: int, config: TrainingConfig) -> str:
    fitted = f"epoch {epoch:>3}/{config.epochs}  loss {entry['loss']:.4f}  accuracy {entry['accuracy']:.4f}"
    held_out = (
        f"  validation loss {entry['val_loss']:.4f}  accuracy {entry['val_accuracy']:.4f}"
        if "val_loss" in entry
        else ""
    )
    return f"{fitted}{held_out}  {entry['seconds']:.1f} s"
