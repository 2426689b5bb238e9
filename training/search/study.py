"""The options of a search, and the Optuna study that its processes share."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from training.cli.command import log_line
from training.config import TrainingConfig, config_from
from training.errors import LockHeld, StorageError
from training.files.write_errors import DEFAULT_REMEDY, short_reason

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
HEARTBEAT_SECONDS = 5
# Another process continues a trial without a heartbeat for so long; a machine under load may be late.
STALE_SECONDS = 30
RETRIES = 3


class TrialInterrupted(BaseException):
    """Ends a worker whose trial is to be continued. A `BaseException`, so that Optuna does not catch it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, kw_only=True)
class Search:
    """Options of a search."""

    dataset: str = "FordA"
    trials: int = 20
    jobs: int = 2
    epochs: int = 60
    limit: int | None = None
    seed: int = 1
    study: str = "forda"
    folder: str = "runs/tune"
    storage: str | None = None

    @property
    def study_folder(self) -> Path:
        """Folder of the trials and the result."""
        return Path(self.folder) / self.study

    @property
    def url(self) -> str:
        """Database URL of the study."""
        return self.storage or f"sqlite:///{self.study_folder.resolve() / 'study.db'}"

    def config(self, options: dict[str, Any]) -> TrainingConfig:
        """The training configuration of a trial; its options name its run folder, so a retry continues it."""
        run = f"trial-{hashlib.sha256(repr(sorted(options.items())).encode()).hexdigest()[:12]}"
        fixed = {"dataset": self.dataset, "epochs": self.epochs, "limit": self.limit, "seed": self.seed}
        # One fit per trial, validated on a held-out share.
        fixed["folds"] = 0
        return config_from(fixed, options, {"runs": str(self.study_folder), "run": run})


@contextmanager
def database_errors(search: Search, *also: type[Exception]) -> Iterator[None]:
    """Convert database errors of the block into a `StorageError` that names the database."""
    kinds: tuple[type[Exception], ...] = (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, *also)
    try:
        yield
    except kinds as error:
        # The reason is in the driver's error, which SQLAlchemy wraps, and Optuna wraps that.
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = short_reason(getattr(cause, "orig", None) or cause or error)
        # The URL may hold a password.
        where, remedy = str(search.study_folder / "study.db"), DEFAULT_REMEDY
        if search.storage:
            where, remedy = "--storage", "check the URL and the connection to the database"
        raise StorageError(
            f"{where}: the study cannot be read or written ({reason}); {remedy}, "
            "then run the same command again"
        ) from error


def open_study(search: Search) -> Any:
    """Open the `optuna.Study` of a search, creating it if needed.

    Raises:
        StorageError: its database cannot be used.
    """
    with database_errors(search, ImportError):  # ImportError: a driver is not installed
        return _open(search)


def _open(search: Search) -> Any:
    retry = RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
    storage = RDBStorage(
        search.url,
        heartbeat_interval=HEARTBEAT_SECONDS,
        grace_period=STALE_SECONDS,
        heartbeat_stale_trial_callback=retry,
    )
    if storage.engine.dialect.name == "sqlite":
        _lock_on_begin(storage.engine)
    return optuna.create_study(
        study_name=search.study,
        storage=storage,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(multivariate=True, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=10),
    )


def run_trials(study: Any, objective: Callable[[Any], float], *, trials: int) -> None:
    """Run trials one after the other until all processes together have finished a number of trials.

    Raises:
        StorageError: a trial cannot be written; another process continues it, as after a kill.
        StorageInternalError: the database cannot be written.
    """
    reassigned: list[int] = []
    guarded = _guard(objective, reassigned)
    enough = MaxTrialsCallback(trials, states=DONE)
    while True:
        try:
            study.optimize(guarded, callbacks=[enough, _stop_when_orphaned], catch=(LockHeld,))
        except TrialInterrupted as interrupted:
            raise interrupted.error from interrupted.error.__cause__
        except AssertionError as error:
            # Optuna asserts that it could write the result of a trial.
            if isinstance(failed := error.__context__, StorageInternalError):
                raise failed from failed.__cause__
            raise
        except ValueError:
            # Optuna refuses the result of a trial that was reassigned, for example after this machine slept.
            if not reassigned:
                raise
            log_line(
                f"trial {reassigned.pop()}: no heartbeat for {STALE_SECONDS} s; another process continues it"
            )
        else:
            return


def _guard(objective: Callable[[Any], float], reassigned: list[int]) -> Callable[[Any], float]:
    """Wrap the objective; append the numbers of trials that other processes took over to `reassigned`."""

    def guarded(suggesting: Any) -> float:
        try:
            return objective(suggesting)
        except StorageInternalError as error:
            raise TrialInterrupted(error) from error
        except UpdateFinishedTrialError:
            reassigned.append(suggesting.number)
            raise
        except LockHeld as error:
            log_line(f"trial {suggesting.number}: {error}")
            raise

    return guarded


def _stop_when_orphaned(study: Any, _trial: Any) -> None:
    """Stop after this trial if the parent process has been killed."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        study.stop()


def _lock_on_begin(engine: Any) -> None:
    """Make each transaction lock SQLite's database when it begins, not at its first write.

    Optuna takes a waiting trial with SELECT FOR UPDATE, which SQLite does not have: two processes could take
    the same trial and train in the same folder. The driver's own BEGIN has to be disabled for this: see
    "Serializable isolation" in SQLAlchemy's notes on SQLite.
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def _disable_driver_begin(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def _lock(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    # Connections opened before are closed: they do not have these listeners.
    engine.dispose()
