"""The parts of a path below `/v1`: model, version or label, and method."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.api.payloads.wording import shown
from app.errors import MalformedPayload, NotOffered, UnknownModel

PREDICT, CLASSIFY, EXPLAIN = "predict", "classify", "explain"
_NOT_OFFERED = {
    "regress": "the model classifies: regression is not offered; use :predict or :classify",
}

LABEL = "stable"

MODELS = "/v1/models"
# A model, one of its versions, and the version that a label is for.
TARGETS = (
    f"{MODELS}/{{name}}",
    f"{MODELS}/{{name}}/versions/{{version}}",
    f"{MODELS}/{{name}}/labels/{{label}}",
)
METHODS = tuple(f"{target}:{{method}}" for target in TARGETS)
# KServe's, in lower case alone.
EXPLANATIONS = tuple(f"{target}:{EXPLAIN}" for target in TARGETS)

_DIGITS = re.compile(r"[0-9]+")
# Digits of a 64-bit number, as TensorFlow Serving has it.
_MOST_DIGITS = 18


def method_of(parameters: Mapping[str, str]) -> str:
    """The method of a POST, which may be in any case: `predict` or `classify`.

    Raises:
        NotOffered: it is a method of these protocols that the server does not offer.
        MalformedPayload: it is none.
    """
    method = parameters["method"].lower()
    if method in (PREDICT, CLASSIFY):
        return method
    if method in _NOT_OFFERED:
        raise NotOffered(_NOT_OFFERED[method])
    remedy = "write it :explain" if method == EXPLAIN else "use :predict, :classify or :explain"
    raise MalformedPayload(f"Malformed request: POST {_path(parameters)}: no such method; {remedy}")


def version_of(parameters: Mapping[str, str]) -> int | None:
    """The version that a path names; None for the one that serves.

    Raises:
        UnknownModel: it is no number that versions have, or the label is assigned to no version.
        MalformedPayload: the version is no number.
    """
    if (label := parameters.get("label")) is not None and label != LABEL:
        raise UnknownModel(
            f"label {shown(label)} is not assigned; the only label is {LABEL}: the version that serves"
        )
    version = parameters.get("version")
    if version is None:
        return None
    if not _DIGITS.fullmatch(version):
        raise MalformedPayload(f"Malformed request: {_path(parameters)}: a version is a whole number")
    if len(version) > _MOST_DIGITS:
        raise UnknownModel(f"version {shown(version)} is not loaded")
    return int(version)


def _path(parameters: Mapping[str, str]) -> str:
    """The path that has these parameters."""
    target = f"{MODELS}/{parameters['name']}"
    for folder, name in (("versions", "version"), ("labels", "label")):
        if name in parameters:
            target += f"/{folder}/{parameters[name]}"
    return shown(f"{target}:{parameters['method']}" if "method" in parameters else target)
