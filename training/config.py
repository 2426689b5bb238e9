"""The configuration of a run: a frozen dataclass whose fields are the command-line options.

The defaults are those of FordA's committed artifact; the recipe of another model (`RECIPES`) replaces some of
them. The command line overrides a configuration file, which overrides the recipe. No runtime is imported
here, so `--help` is fast.
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

TYPE_NAMES: Mapping[Any, str] = MappingProxyType(
    {str: "text", int: "a whole number", float: "a number", tuple: "a list of whole numbers"}
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
    """The options of a run. A default of None is derived from other options."""

    # Data
    dataset: str = _option("FordA", "name of the UCR data set")
    data: str | None = _option(
        None, "folder with <dataset>_TRAIN.tsv and <dataset>_TEST.tsv (or .txt, .csv, .npz, .arff)"
    )
    train_file: str | None = _option(
        None, "training file, instead of a named data set: text with the label first, .npz or .arff"
    )
    test_file: str | None = _option(None, "test file for --train-file")
    cache: str = _option(".cache/ucr", "folder for downloaded files")
    missing: str = _option("refuse", "how to handle missing values", choices=MISSING)
    unequal: str = _option(
        "refuse",
        "how to handle series of unequal length; pad adds noise up to the longest length",
        choices=UNEQUAL,
    )
    download_url: str | None = _option(None, "base URL of the files, instead of the built-in one")

    # Where things go
    name: str | None = _option(None, "name of the artifact (default: name of the data set in lower case)")
    out: str = _option("model_artifacts", "folder of artifacts; the run creates <out>/<name>/<next version>")
    sign_key: str | None = _option(
        None,
        "private key to sign the version with: PEM file, elliptic curve, no password (default: no signature)",
    )
    runs: str = _option("runs", "folder of runs: checkpoints and TensorBoard logs")
    run: str | None = _option(None, "name of the run's folder below --runs (default: <name>-<model>)")

    # Model
    model: str = _option("transformer", "model to train", choices=MODEL_NAMES)
    windows: tuple[int, ...] = _option((125, 50), "window lengths of the spectra, in samples")
    hop: int = _option(25, "hop between windows, in samples")
    tokens: str = _option(
        "auto",
        "kind of tokens; auto chooses by a quick cross-validation",
        choices=("auto", "spectrum", "time"),
    )
    floor: float = _option(
        0.01, "noise floor of the spectra, relative to the noise power of rounding to 2 decimals"
    )
    patch: int = _option(8, "frequency bins per token")
    width: int = _option(48, "embedding size of the tokens")
    heads: int = _option(4, "attention heads per encoder block")
    blocks: int = _option(2, "encoder blocks")
    feed_forward: int = _option(96, "units of the feed-forward layer in an encoder block")
    readout: int = _option(16, "values per token that the classification head gets")
    head_units: int = _option(64, "hidden units of the classification head")
    dropout: float = _option(0.0, "dropout rate")

    # Fit
    seed: int = _option(1, "random seed of weights, split, order and augmentation")
    epochs: int = _option(150, "maximum number of epochs")
    epoch_size: int = _option(2880, "minimum series per epoch; a smaller training set is repeated")
    batch_size: int = _option(64, "series per training step")
    teacher: str = _option(
        "svm", "teacher of a model with spectrum tokens; none trains on the labels", choices=("svm", "none")
    )
    learning_rate: float = _option(1e-3, "peak learning rate")
    schedule: str = _option("cosine", "learning-rate schedule", choices=("cosine", "constant"))
    warmup_epochs: int = _option(5, "epochs of learning-rate warm-up (cosine only)")
    weight_decay: float = _option(1e-4, "decoupled weight decay (0: plain Adam)")
    folds: int = _option(
        4, "folds of the cross-validation for calibration (0: hold out --validation-fraction)"
    )
    validation_fraction: float = _option(0.1, "fraction held out to select the weights (only with --folds 0)")
    patience: int = _option(
        50, "epochs without a lower validation loss before stopping (only with --folds 0)"
    )
    averaging: float = _option(0.9, "decay per epoch of the moving average of the weights (0: off)")
    mixing: float = _option(1.0, "fraction of training series mixed with another series")
    rounding: float = _option(0.375, "fraction of training series rounded to 2 decimals")
    noise: float = _option(0.22, "fraction of training series with white noise added")
    neighbours: str = _option(
        "series",
        "index of training series in the artifact: with the series themselves, with their labels alone, or "
        "none, where a licence forbids to pass on series",
        choices=("series", "labels", "none"),
    )
    resamples: int = _option(0, "number of stratified resamples of train and test to evaluate for the report")
    explained: int = _option(
        64, "held-out training series to measure explanations on (0: seal without explanations)"
    )
    limit: int | None = _option(None, "maximum number of training series (for experiments)")

    def __post_init__(self) -> None:
        """Check all values.

        Raises:
            ConfigError: names the option and the values it takes.
        """
        for option in dataclasses.fields(self):
            choices = option.metadata["choices"]
            if choices and getattr(self, option.name) not in choices:
                raise ConfigError(f"{flag(option.name)}: must be one of {', '.join(choices)}")
        for name in ("epochs", "epoch_size", "batch_size", "patience", *SIZES):
            _require(getattr(self, name) >= 1, name, "must be a whole number of at least 1")
        for name in ("seed", "warmup_epochs", "resamples", "explained"):
            _require(getattr(self, name) >= 0, name, "must be a whole number of at least 0")
        for name in ("dropout", "mixing", "rounding", "noise", "averaging"):
            _require(0 <= getattr(self, name) <= 1, name, "must be a number from 0 to 1")
        _require(self.limit is None or self.limit >= 1, "limit", "must be a whole number of at least 1")
        _require(self.folds == 0 or self.folds >= 2, "folds", "must be 0 or a whole number of at least 2")
        if self.folds and self.model != "transformer":
            raise ConfigError("--folds: reference models are not calibrated; set --folds 0")
        _require(
            0 < self.validation_fraction < 1, "validation_fraction", "must be a number above 0 and below 1"
        )
        _require(self.rounding + self.noise <= 1, "noise", "must be at most 1 minus --rounding")
        _require(self.learning_rate > 0, "learning_rate", "must be a number above 0")
        _require(bool(self.windows) and min(self.windows) >= 4, "windows", "must be lengths of at least 4")
        _require(self.width % self.heads == 0, "width", "must be a multiple of --heads")
        if self.name is not None and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", self.name):
            raise ConfigError("--name: use only lower-case letters, digits, - and _, at most 64")
        if (self.train_file is None) != (self.test_file is None):
            raise ConfigError("--train-file and --test-file: set both or neither")

    @property
    def dataset_name(self) -> str:
        """The name of the data set; with --train-file, derived from the file's name."""
        if not self.train_file:
            return self.dataset
        return Path(Path(self.train_file).name.removesuffix(".gz")).stem.removesuffix("_TRAIN")

    @property
    def artifact_name(self) -> str:
        """The name of the artifact: --name, or the data set's name in lower case."""
        if self.name:
            return self.name
        # A reference model must not become a version of the served model.
        words = [self.dataset_name] if self.model == "transformer" else [self.dataset_name, self.model]
        return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-") or "model"

    @property
    def run_folder(self) -> Path:
        """The folder with the state of the run."""
        name = self.artifact_name
        return Path(self.runs) / (self.run or (name if name.endswith(self.model) else f"{name}-{self.model}"))

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values; `config_from` reads them back."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def config_from(*layers: Mapping[str, Any]) -> TrainingConfig:
    """Merge layers of values over the recipe of the chosen model; later layers override earlier ones.

    Raises:
        ConfigError: an option is unknown or a value is invalid.
    """
    values = {name: value for layer in layers for name, value in layer.items()}
    known = get_type_hints(TrainingConfig)
    if unknown := sorted(values.keys() - known.keys()):
        raise ConfigError(f"unknown option {', '.join(unknown)}; see `python -m training --help`")
    values = dict(RECIPES.get(values.get("model", "transformer"), {})) | values
    return TrainingConfig(**{name: _typed(name, value, known[name]) for name, value in values.items()})


def read_config_file(path: Path) -> dict[str, Any]:
    """Read a JSON configuration file, such as the `config.json` of a run folder.

    Raises:
        ConfigError: it cannot be read or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); check the path given with --config"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path}: not valid JSON ({error}); correct the file") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: not a JSON object; write the options as one object")
    return values


def flag(name: str) -> str:
    """The command-line option of a field."""
    return "--" + name.replace("_", "-")


def _typed(name: str, value: Any, hint: Any) -> Any:
    """Convert a value to the type of its field: JSON has no tuples, and may write floats as integers."""
    parts = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    kinds = tuple(get_origin(part) or part for part in parts)
    if tuple in kinds and isinstance(value, list | tuple) and all(type(item) is int for item in value):
        return tuple(value)
    if float in kinds and type(value) is int:
        return float(value)
    if type(value) not in kinds or tuple in kinds:
        given = json.dumps(value, default=str)
        raise ConfigError(f"{flag(name)}: must be {TYPE_NAMES[kinds[0]]}, not {given}")
    return value


def _require(condition: bool, name: str, message: str) -> None:
    if not condition:
        raise ConfigError(f"{flag(name)}: {message}")
