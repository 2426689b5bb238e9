"""The command line, made from the fields of `TrainingConfig`, so that the two can never disagree."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

from training.config import TrainingConfig, config_from, flag, read_config_file


def parse(arguments: Sequence[str] | None = None) -> TrainingConfig:
    """The configuration that a command line means.

    Raises:
        ConfigError: a value or the configuration file is unusable.
        SystemExit: argparse could not read the line, or printed its help.
    """
    given = vars(_parser().parse_args(arguments))
    file = given.pop("config", None)
    return config_from(read_config_file(Path(file)) if file else {}, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a model on a UCR-format data set, report on it, and seal it as an artifact. "
        "A run that was stopped continues when it is called again in the same way.",
    )
    # Only what was given is kept, so that a configuration file and a recipe can fill in the rest.
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="JSON file of options, as a run's config.json; options given here win over it",
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
