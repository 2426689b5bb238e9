"""The command line, generated from the fields of `TrainingConfig`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

from training.config import TrainingConfig, config_from, flag, read_config_file


def parse(arguments: Sequence[str] | None = None) -> TrainingConfig:
    """Parse a command line into a configuration.

    Raises:
        ConfigError: a value or the configuration file is invalid.
        SystemExit: argparse refused the command line, or printed the help.
    """
    given = vars(_parser().parse_args(arguments))
    file = given.pop("config", None)
    return config_from(read_config_file(Path(file)) if file else {}, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a model on a data set in UCR format, evaluate it, and seal it as an artifact. "
        "To continue a stopped run, run the same command again.",
    )
    # Options that are not given are left out: a configuration file or a recipe may set them.
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="JSON file of options, such as config.json of a run; options on the command line override it",
    )
    hints = get_type_hints(TrainingConfig)
    for field in dataclasses.fields(TrainingConfig):
        parser.add_argument(flag(field.name), **_argument(field, hints[field.name]))
    return parser


def _argument(field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    description = field.metadata["help"]
    if field.default is not None:
        shown = " ".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        description = f"{description} (default: {shown})"
    argument = {"default": argparse.SUPPRESS, "help": description.replace("%", "%%")}
    if field.metadata["choices"]:
        return argument | {"choices": field.metadata["choices"]}
    if isinstance(field.default, tuple):
        return argument | {"type": int, "nargs": "+", "metavar": "N"}
    kind = next(part for part in (get_args(hint) or (hint,)) if part is not type(None))
    return argument | {"type": kind, "metavar": {str: "TEXT", int: "N", float: "X"}[kind]}
