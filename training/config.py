"""The configuration of one run: a frozen dataclass whose fields are the options of the command line.

A field's default is what FordA's committed artifact was trained with; a model that brings its own recipe
(`RECIPES`) replaces some of them. What is given on the command line wins over a configuration file, which
wins over the recipe. Nothing here imports a runtime, so that `--help` answers at once.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from app.series.readers import MISSING, UNEQUAL
from training.errors import ConfigError

TAKES: Mapping[Any, str] = MappingProxyType(
    {str: "a text", int: "a whole number", float: "a number", tuple: "a list of whole numbers"}
)
SIZES = ("hop", "patch", "width", "heads", "blocks", "feed_forward", "readout", "head_units")
MODEL_NAMES = ("transformer", "reference", "reference-perceptron")

# The recipe of the Keras example "Timeseries classification with a Transformer model" (its section
# "Train and evaluate", and its conclusion for the number of epochs).
REFERENCE_RECIPE: Mapping[str, Any] = MappingProxyType(
    {
        "epochs": 120,
        "batch_size": 64,
        "learning_rate": 1e-4,
        "schedule": "constant",
        "weight_decay": 0.0,
        "validation_fraction": 0.2,
        "patience": 10,
        "mixing": 0.0,
        "rounding": 0.0,
        "noise": 0.0,
        "averaging": 0.0,
        "epoch_size": 1,
        "folds": 0,
    }
)
RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "transformer": MappingProxyType({}),
        "reference": REFERENCE_RECIPE,
        "reference-perceptron": REFERENCE_RECIPE,
    }
)


def _option(default: Any, description: str, *, choices: tuple[str, ...] | None = None) -> Any:
    return field(default=default, metadata={"help": description, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that decides what a run does. Fields left None are filled in from the others."""

    # Data
    dataset: str = _option("FordA", "name of the UCR data set")
    data: str | None = _option(
        None, "folder with <dataset>_TRAIN.tsv and <dataset>_TEST.tsv, or .txt, .csv, …"
    )
    train_file: str | None = _option(
        None, "a training file, instead of a named data set: text with the label first, .npz or .arff"
    )
    test_file: str | None = _option(None, "the test file that belongs to --train-file")
    cache: str = _option(".cache/ucr", "folder that keeps downloaded files")
    missing: str = _option("refuse", "what to do about missing values", choices=MISSING)
    unequal: str = _option(
        "refuse",
        "what to do about series of unequal length; pad adds noise to the longest's",
        choices=UNEQUAL,
    )
    download_url: str | None = _option(None, "address below which the files are, instead of the known one")

    # Where things go
    name: str | None = _option(None, "name of the artifact (default: the data set's, in lower case)")
    out: str = _option("model_artifacts", "folder of artifacts; this run makes <out>/<name>/<next version>")
    runs: str = _option("runs", "folder of runs: checkpoint, history and TensorBoard logs")
    run: str | None = _option(None, "name of this run's folder below --runs (default: <name>-<model>)")

    # Model
    model: str = _option("transformer", "which model to train", choices=MODEL_NAMES)
    windows: tuple[int, ...] = _option((125, 50), "window lengths of the spectra, in samples")
    hop: int = _option(25, "samples from one window to the next")
    tokens: str = _option(
        "auto", "what a token is; auto asks a quick cross-validation", choices=("auto", "spectrum", "time")
    )
    floor: float = _option(0.01, "noise floor of the spectra, in powers of rounding to 2 decimals")
    patch: int = _option(8, "frequency bins a token")
    width: int = _option(48, "width of the tokens")
    heads: int = _option(4, "attention heads")
    blocks: int = _option(2, "encoder blocks")
    feed_forward: int = _option(96, "units of an encoder block's perceptron")
    readout: int = _option(16, "numbers that each token hands to the classifying head")
    head_units: int = _option(64, "units of the classifying head")
    dropout: float = _option(0.0, "dropout rate")

    # Fit
    seed: int = _option(1, "seed of weights, split, order and augmentation")
    epochs: int = _option(150, "most epochs to train")
    epoch_size: int = _option(2880, "least series an epoch; fewer training series are gone through again")
    batch_size: int = _option(64, "series a step")
    teacher: str = _option(
        "svm", "who teaches a model on spectra: machines, or labels", choices=("svm", "none")
    )
    learning_rate: float = _option(1e-3, "peak learning rate")
    schedule: str = _option("cosine", "course of the learning rate", choices=("cosine", "constant"))
    warmup_epochs: int = _option(5, "epochs of rising learning rate (cosine only)")
    weight_decay: float = _option(1e-4, "decoupled weight decay (0: plain Adam)")
    folds: int = _option(4, "copies fitted to all but a fold, for calibration (0: hold out a share instead)")
    validation_fraction: float = _option(
        0.1, "share held out to choose the weights, where there are no folds"
    )
    patience: int = _option(50, "epochs without a better validation loss before stopping, likewise")
    averaging: float = _option(0.9, "decay per epoch of the moving average of the weights (0: off)")
    mixing: float = _option(1.0, "share of training series mixed with another one")
    rounding: float = _option(0.375, "share of training series rounded to 2 decimals")
    noise: float = _option(0.22, "share of training series with white noise added")
    resamples: int = _option(0, "repeat on so many stratified resamples of train and test, for the report")
    limit: int | None = _option(None, "use only so many training series (for trying things out)")

    def __post_init__(self) -> None:
        """Refuse values that no run could use.

        Raises:
            ConfigError: names the option and what it takes.
        """
        for option in dataclasses.fields(self):
            choices = option.metadata["choices"]
            if choices and getattr(self, option.name) not in choices:
                raise ConfigError(f"{flag(option.name)}: takes one of {', '.join(choices)}")
        for name in ("epochs", "epoch_size", "batch_size", "patience", *SIZES):
            _require(getattr(self, name) >= 1, name, "takes a whole number of at least 1")
        for name in ("seed", "warmup_epochs", "resamples"):
            _require(getattr(self, name) >= 0, name, "takes a whole number of at least 0")
        for name in ("dropout", "mixing", "rounding", "noise", "averaging"):
            _require(0 <= getattr(self, name) <= 1, name, "takes a share from 0 to 1")
        _require(self.limit is None or self.limit >= 1, "limit", "takes a whole number of at least 1")
        _require(self.folds == 0 or self.folds >= 2, "folds", "takes 0, or a whole number of at least 2")
        if self.folds and self.model != "transformer":
            raise ConfigError("--folds: models to compare with are not calibrated; they take 0")
        _require(0 < self.validation_fraction < 1, "validation_fraction", "takes a share between 0 and 1")
        _require(self.rounding + self.noise <= 1, "noise", "takes no more than --rounding leaves of 1")
        _require(self.learning_rate > 0, "learning_rate", "takes a number above 0")
        _require(bool(self.windows) and min(self.windows) >= 4, "windows", "takes lengths of at least 4")
        _require(self.width % self.heads == 0, "width", "takes a multiple of --heads")
        if self.name is not None and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", self.name):
            raise ConfigError("--name: takes lower-case letters, digits, - and _")
        if (self.train_file is None) != (self.test_file is None):
            raise ConfigError("--train-file and --test-file: give both or neither")

    @property
    def dataset_name(self) -> str:
        """The data set's name; a pair of files is called after the training file."""
        if not self.train_file:
            return self.dataset
        return Path(Path(self.train_file).name.removesuffix(".gz")).stem.removesuffix("_TRAIN")

    @property
    def artifact_name(self) -> str:
        """The artifact's name: as given, or the data set's in lower case."""
        if self.name:
            return self.name
        # A model to compare with never becomes a version of the one that is served.
        words = [self.dataset_name] if self.model == "transformer" else [self.dataset_name, self.model]
        return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-") or "model"

    @property
    def run_folder(self) -> Path:
        """Where this run keeps its state."""
        name = self.artifact_name
        return Path(self.runs) / (self.run or (name if name.endswith(self.model) else f"{name}-{self.model}"))

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values; `config_from` reads them back."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def config_from(*layers: Mapping[str, Any]) -> TrainingConfig:
    """A configuration from layers of values, the later winning, on top of the chosen model's recipe.

    Raises:
        ConfigError: a name is unknown or a value is unusable.
    """
    values = {name: value for layer in layers for name, value in layer.items()}
    known = get_type_hints(TrainingConfig)
    if unknown := sorted(values.keys() - known.keys()):
        raise ConfigError(f"no option is called {', '.join(unknown)}; see `python -m training --help`")
    values = dict(RECIPES.get(values.get("model", "transformer"), {})) | values
    return TrainingConfig(**{name: _typed(name, value, known[name]) for name, value in values.items()})


def read_config_file(path: Path) -> dict[str, Any]:
    """The values of a JSON configuration file, as a run folder's `config.json` has them.

    Raises:
        ConfigError: it cannot be read or is no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no JSON object of options")
    return values


def flag(name: str) -> str:
    """How a field is written on the command line."""
    return "--" + name.replace("_", "-")


def _typed(name: str, value: Any, hint: Any) -> Any:
    """The value as its field has it: JSON has no tuples, and writes whole floats as integers."""
    parts = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    kinds = tuple(get_origin(part) or part for part in parts)
    if tuple in kinds and isinstance(value, list | tuple) and all(type(item) is int for item in value):
        return tuple(value)
    if float in kinds and type(value) is int:
        return float(value)
    if type(value) not in kinds or tuple in kinds:
        raise ConfigError(f"{flag(name)}: takes {TAKES[kinds[0]]}, not {json.dumps(value, default=str)}")
    return value


def _require(condition: bool, name: str, message: str) -> None:
    if not condition:
        raise ConfigError(f"{flag(name)}: {message}")
