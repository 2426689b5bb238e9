"""The search space: from an Optuna trial to options of the command line."""

from __future__ import annotations

from typing import Any, Protocol

# Sets of window lengths, by a name: Optuna stores only text and numbers.
WINDOWS: dict[str, tuple[int, ...]] = {
    "100": (100,),
    "125": (125,),
    "125 50": (125, 50),
    "200 80": (200, 80),
    "250 100 40": (250, 100, 40),
}


class Suggests(Protocol):
    """The part of `optuna.Trial` that is used here."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of the choices."""
        ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number between two others."""
        ...

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """A whole number between two others, both included."""
        ...


def suggest_options(trial: Suggests) -> dict[str, Any]:
    """Options of the transformer and its training, as `training.config.config_from` takes them."""
    return {
        "windows": WINDOWS[trial.suggest_categorical("windows", sorted(WINDOWS))],
        "patch": trial.suggest_categorical("patch", [4, 8, 16]),
        "width": trial.suggest_categorical("width", [32, 48, 64]),
        "blocks": trial.suggest_int("blocks", 1, 3),
        "dropout": trial.suggest_float("dropout", 0.0, 0.2),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
        "mixing": trial.suggest_float("mixing", 0.5, 1.0),
        "rounding": trial.suggest_float("rounding", 0.2, 0.5),
        "noise": trial.suggest_float("noise", 0.1, 0.4),
    }
