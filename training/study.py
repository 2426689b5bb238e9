"""What a search for settings looks for, and the database that its processes share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from training.config import TrainingConfig, config_from

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
HEARTBEAT_SECONDS = 5
# A trial unheard of for so long is taken up by another process; a machine under load is late, not dead.
SILENCE_SECONDS = 30
RETRIES = 3


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


def open_study(search: Search) -> Any:
    """The `optuna.Study` of a search, made on first use."""
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
