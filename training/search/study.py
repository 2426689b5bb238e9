"""What a search for settings looks for, and the database that its processes share."""

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
# A trial unheard of for so long is taken up by another process; a machine under load is late, not dead.
SILENCE_SECONDS = 30
RETRIES = 3


class LeftRunning(BaseException):
    """Ends a worker whose trial is to be taken up again; no library takes it for the trial's failure."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, kw_only=True)
class Search:
    """What to search for, and with what."""

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
    def home(self) -> Path:
        """Where the study keeps its trials and its result."""
        return Path(self.folder) / self.study

    @property
    def url(self) -> str:
        """The database of the study."""
        return self.storage or f"sqlite:///{self.home.resolve() / 'study.db'}"

    def config(self, options: dict[str, Any]) -> TrainingConfig:
        """The training configuration of a trial; its run is named by its options, so it is found again."""
        run = f"trial-{hashlib.sha256(repr(sorted(options.items())).encode()).hexdigest()[:12]}"
        fixed = {"dataset": self.dataset, "epochs": self.epochs, "limit": self.limit, "seed": self.seed}
        # One fit a trial, judged by series held out of it.
        fixed["folds"] = 0
        return config_from(fixed, options, {"runs": str(self.home), "run": run})


@contextmanager
def database(search: Search, *also: type[Exception]) -> Iterator[None]:
    """Raise what a study's database says goes wrong as a `StorageError` that names it."""
    kinds: tuple[type[Exception], ...] = (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, *also)
    try:
        yield
    except kinds as error:
        # Optuna hides what SQLAlchemy says, and that, with the statement, what the driver does.
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = short_reason(getattr(cause, "orig", None) or cause or error)
        # The URL may hold a password.
        where, remedy = str(search.home / "study.db"), DEFAULT_REMEDY
        if search.storage:
            where, remedy = "--storage", "check the URL, and that the database can be reached"
        raise StorageError(
            f"{where}: the study cannot be read or written ({reason}); {remedy}, "
            "then run the same command again"
        ) from error


def open_study(search: Search) -> Any:
    """The `optuna.Study` of a search, made on first use.

    Raises:
        StorageError: its database cannot be used.
    """
    with database(search, ImportError):  # of a driver that is not installed
        return _open(search)


def _open(search: Search) -> Any:
    retry = RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
    storage = RDBStorage(
        search.url,
        heartbeat_interval=HEARTBEAT_SECONDS,
        grace_period=SILENCE_SECONDS,
        heartbeat_stale_trial_callback=retry,
    )
    if storage.engine.dialect.name == "sqlite":
        _take_turns(storage.engine)
    return optuna.create_study(
        study_name=search.study,
        storage=storage,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(multivariate=True, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=10),
    )


def run_trials(study: Any, objective: Callable[[Any], float], *, trials: int) -> None:
    """Run trials one after the other until so many are done, in all processes.

    Raises:
        StorageError: a trial cannot be written; it stays as a killed process' does, to be taken up again.
        StorageInternalError: nor can the database.
    """
    overtaken: list[int] = []
    judged = _judging(objective, overtaken)
    enough = MaxTrialsCallback(trials, states=DONE)
    while True:
        try:
            study.optimize(judged, callbacks=[enough, _stop_when_orphaned], catch=(LockHeld,))
        except LeftRunning as left:
            raise left.error from left.error.__cause__
        except AssertionError as error:
            # Optuna asserts that it could write how a trial ended.
            if isinstance(failed := error.__context__, StorageInternalError):
                raise failed from failed.__cause__
            raise
        except ValueError:
            # Optuna cannot say how a trial ended that others took for dead: this machine was suspended, say.
            if not overtaken:
                raise
            log_line(f"trial {overtaken.pop()}: was silent for too long; another process takes it up")
        else:
            return


def _judging(objective: Callable[[Any], float], overtaken: list[int]) -> Callable[[Any], float]:
    """The objective as Optuna calls it; a list is told of the trials that others took for dead."""

    def judged(suggesting: Any) -> float:
        try:
            return objective(suggesting)
        except StorageInternalError as error:
            raise LeftRunning(error) from error
        except UpdateFinishedTrialError:
            overtaken.append(suggesting.number)
            raise
        except LockHeld as error:
            log_line(f"trial {suggesting.number}: {error}")
            raise

    return judged


def _stop_when_orphaned(study: Any, _trial: Any) -> None:
    """End after this trial if the process that shows and gathers the results has been killed."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        study.stop()


def _take_turns(engine: Any) -> None:
    """Have each transaction lock SQLite's database when it begins, not when it first writes.

    SQLite has no SELECT FOR UPDATE, by which Optuna takes a trial that waits: two processes could read that
    it waits, both take it, and train in the same folder. See "Serializable isolation" in SQLAlchemy's notes
    on SQLite for why the driver's own BEGIN has to be switched off.
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def _leave_begin_to_us(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def _lock(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    # Connections that made the tables were opened before.
    engine.dispose()
