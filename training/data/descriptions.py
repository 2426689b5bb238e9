"""Descriptions of known data sets and their labels, for card and contract; never for the model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.contract import Label

# In the Ford Classification Challenge (WCCI 2008) a positive label means that the symptom is present.
_FORD = MappingProxyType({"-1": "symptom absent", "1": "symptom present"})
_MEANINGS: Mapping[str, Mapping[str, str]] = MappingProxyType({"FordA": _FORD, "FordB": _FORD})
_DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "FordA": "Engine noise under typical operating conditions; the task is to tell whether a symptom of "
        "an automotive subsystem is present. Made for a competition of the IEEE World Congress on "
        "Computational Intelligence 2008, and published in the UCR time series archive."
    }
)


def describe_labels(dataset: str, names: tuple[str, ...]) -> tuple[Label, ...]:
    """The labels of a data set with their meanings; "class <name>" if the publisher gave none."""
    meanings = _MEANINGS.get(dataset, {})
    return tuple(Label(name=name, meaning=meanings.get(name, f"class {name}")) for name in names)


def describe_dataset(dataset: str) -> str:
    """One or two sentences about a data set."""
    return _DESCRIPTIONS.get(dataset, "A data set in the format of the UCR time series archive.")
