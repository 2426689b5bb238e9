"""The training loop: train, validate, record and checkpoint each epoch before the next one starts.

The loop is explicit instead of Keras callbacks because the order matters: a killed run must continue from
exactly the state at the end of its last finished epoch.
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

MIN_DELTA = 1e-5
MIN_STEPS_TO_COMPILE = 2000

Examples = tuple[NDArray[np.float32], NDArray[np.float32]]


class EpochSource(Protocol):
    """Training data by epoch; an epoch depends on the seed and its number alone."""

    @property
    def size(self) -> int:
        """Number of inputs in an epoch."""
        ...

    def epoch(self, epoch: int) -> Examples:
        """Inputs `float32[size, ...]` and target probabilities `float32[size, classes]`, shuffled."""
        ...


def fit(
    model: Any,
    source: EpochSource,
    config: TrainingConfig,
    *,
    validation: Examples,
    state: RunState,
    folder: Path,
    log: Callable[[str], None],
    bars: bool = False,
    after_epoch: Callable[[int, dict[str, float]], None] = lambda _epoch, _entry: None,
) -> RunState:
    """Fit a model, continuing from the state of its run.

    Args:
        model: gets the selected weights at the end.
        source: the training data.
        config: the run's configuration. Without folds, the weights with the lowest validation loss are
            selected; with folds, those of the last epoch.
        validation: inputs and one-hot targets that are not in `source`; empty arrays for no validation.
        state: of `open_run`.
        folder: the run's folder, for the checkpoint and TensorBoard's logs.
        log: called with one line an epoch.
        bars: show Keras' progress bar for each epoch.
        after_epoch: called with the epoch, counted from 1, and its history entry; an exception ends the run.

    Returns:
        The state after the last epoch.

    Raises:
        StorageError: state or logs cannot be written. The run can continue after the last saved epoch.
    """
    compile_model(model, config, steps=-(-source.size // config.batch_size))
    if state.epochs:
        _restore(model, state)
        log(f"continues after epoch {state.epochs}")
    logs = folder / LOGS
    with storage_errors(logs, tf.errors.OpError):
        writer = tf.summary.create_file_writer(str(logs))
    while state.epochs < config.epochs and not _should_stop_early(state, config):
        started = time.perf_counter()
        epoch = state.epochs
        entry = _train(model, source.epoch(epoch), config, bars=bars)
        _average(model, state, config)
        entry |= _validate(model, validation, state, config)
        if _is_best(entry, state, config):
            state.best = state.average if config.averaging else model.get_weights()
            state.best_epoch = epoch + 1
        entry["seconds"] = time.perf_counter() - started
        state.history.append(entry)
        state.variables = [np.asarray(variable) for variable in _variables(model)]
        save_state(folder, state)
        _write_summaries(writer, logs, entry, epoch + 1)
        log(_line(entry, epoch + 1, config))
        after_epoch(epoch + 1, entry)
    with storage_errors(logs, tf.errors.OpError):
        writer.close()
    model.set_weights(state.best)
    return state


def _should_stop_early(state: RunState, config: TrainingConfig) -> bool:
    return not config.folds and state.epochs - state.best_epoch >= config.patience


def _is_best(entry: dict[str, float], state: RunState, config: TrainingConfig) -> bool:
    if config.folds or "val_loss" not in entry or not state.best:
        return True
    return entry["val_loss"] < state.best_entry["val_loss"] - MIN_DELTA


def compile_model(model: Any, config: TrainingConfig, *, steps: int) -> None:
    """Compile with the loss and the optimizer of the configuration; `steps` is the number in an epoch."""
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
    # series it is not faster.
    compiled = config.tokens == "spectrum" and config.epochs * steps >= MIN_STEPS_TO_COMPILE
    loss = keras.losses.CategoricalCrossentropy(from_logits=config.model == "transformer")
    # Given by name, the metric would make its variables while TensorFlow traces the training step, which it
    # would then trace a second time.
    accuracy = keras.metrics.CategoricalAccuracy("accuracy")
    model.compile(optimizer=optimizer, loss=loss, metrics=[accuracy], jit_compile=compiled)
    optimizer.build(model.trainable_variables)


def _train(model: Any, examples: Examples, config: TrainingConfig, *, bars: bool) -> dict[str, float]:
    inputs, targets = examples
    logs = model.fit(
        inputs, targets, batch_size=config.batch_size, epochs=1, shuffle=False, verbose=1 if bars else 0
    ).history
    return {name: float(logs[name][0]) for name in ("loss", "accuracy")}


def _average(model: Any, state: RunState, config: TrainingConfig) -> None:
    """Update the moving average of the weights; the decay starts low, so that early weights fade fast."""
    if not config.averaging:
        return
    weights = model.get_weights()
    decay = min(config.averaging, (1 + state.epochs) / (10 + state.epochs)) if state.average else 0.0
    before = state.average or weights
    state.average = [
        (decay * old + (1 - decay) * new).astype(new.dtype) for old, new in zip(before, weights, strict=True)
    ]


def _validate(model: Any, validation: Examples, state: RunState, config: TrainingConfig) -> dict[str, float]:
    """Validation loss and accuracy: of the averaged weights if averaging is on, else of the weights."""
    if not len(validation[0]):
        return {}
    weights = model.get_weights()
    if config.averaging:
        model.set_weights(state.average)
    loss, accuracy = model.evaluate(*validation, batch_size=256, verbose=0)
    model.set_weights(weights)
    return {"val_loss": float(loss), "val_accuracy": float(accuracy)}


def _variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _restore(model: Any, state: RunState) -> None:
    for variable, value in zip(_variables(model), state.variables, strict=True):
        variable.assign(value)


def _write_summaries(writer: Any, logs: Path, entry: dict[str, float], epoch: int) -> None:
    with storage_errors(logs, tf.errors.OpError):
        with writer.as_default(step=epoch):
            for name, value in entry.items():
                tf.summary.scalar(name, value)
        writer.flush()


def _line(entry: dict[str, float], epoch: int, config: TrainingConfig) -> str:
    line = f"epoch {epoch:>3}/{config.epochs}  loss {entry['loss']:.4f}  accuracy {entry['accuracy']:.4f}"
    validation = (
        f"  validation loss {entry['val_loss']:.4f}  accuracy {entry['val_accuracy']:.4f}"
        if "val_loss" in entry
        else ""
    )
    return f"{line}{validation}  {entry['seconds']:.1f} s"
