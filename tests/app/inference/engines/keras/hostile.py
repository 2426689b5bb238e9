"""Builders of hostile `.keras` files: each is the committed model with one thing in it that does harm.

They write what an attacker would write. The payload is live: it makes a marker file, so that a test sees
whether it ran. Here are the configurations; `hostile_archives.py` and `hostile_weights.py` have the rest.
"""

from __future__ import annotations

import base64
import copy
import json
import marshal
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from app.errors import ArtifactError
from app.inference.engines.keras.file import check, load_model

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
Change = Callable[[dict[str, Any]], object]

# One tensor of the graph, as a configuration refers to it.
A_TENSOR = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 500, 1], "dtype": "float32", "keras_history": ["series", 0, 0]},
}


def members_of(path: Path) -> dict[str, bytes]:
    """The content of each member of a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        return {member.filename: archive.read(member) for member in archive.infolist()}


def write(path: Path, members: dict[str, bytes], *, compressed: str = "") -> Path:
    """An archive of members, one of which may be compressed."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            method = zipfile.ZIP_DEFLATED if name == compressed else zipfile.ZIP_STORED
            archive.writestr(name, content, method)
    return path


def refused(path: Path, message: str) -> None:
    """Check that both ways to open a file refuse it, in one line that names it and says what is wrong."""
    for way in (check, load_model):
        with pytest.raises(ArtifactError, match=message) as info:
            way(path)
        assert str(info.value).startswith(f"{path}: ")
        assert str(info.value).isprintable()


def with_config(source: Path, target: Path, change: Change) -> Path:
    """A copy whose configuration is changed in place."""
    members = members_of(source)
    config = json.loads(members[CONFIG])
    change(config)
    return write(target, {**members, CONFIG: json.dumps(config).encode()})


def with_config_text(source: Path, target: Path, text: str | bytes) -> Path:
    """A copy whose configuration is a text."""
    content = text if isinstance(text, bytes) else text.encode()
    return write(target, {**members_of(source), CONFIG: content})


def add_layer(module: str | None, class_name: Any, config: Any, **more: Any) -> Change:
    """One more layer, called on the input."""

    def change(model: dict[str, Any]) -> None:
        layer = {
            "class_name": class_name,
            "config": config,
            "registered_name": None,
            "name": "evil",
            "inbound_nodes": [{"args": [A_TENSOR], "kwargs": {}}],
            **more,
        }
        model["config"]["layers"].append(layer if module is None else {"module": module, **layer})

    return change


def set_dense(**changes: Any) -> Change:
    """Other settings for a dense layer that is there."""

    def change(model: dict[str, Any]) -> None:
        layers = model["config"]["layers"]
        next(layer for layer in layers if layer["class_name"] == "Dense")["config"].update(changes)

    return change


def set_layer(number: int, **changes: Any) -> Change:
    """Other entries for a layer, beside its settings."""

    def change(model: dict[str, Any]) -> None:
        model["config"]["layers"][number].update(copy.deepcopy(changes))

    return change


def function(module: str, name: str) -> dict[str, Any]:
    """A function as Keras writes one down."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def marking(marker: Path) -> dict[str, Any]:
    """A Python lambda as Keras writes one down: it makes the marker, and gives back what it is given."""
    code = compile(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]", "evil", "eval")
    inner = next(constant for constant in code.co_consts if hasattr(constant, "co_code"))
    assert FunctionType(inner, {}).__name__ == "<lambda>"
    text = base64.encodebytes(marshal.dumps(inner)).decode()
    return {"class_name": "__lambda__", "config": {"code": text, "defaults": None, "closure": None}}


def with_lambda(source: Path, target: Path, marker: Path) -> Path:
    """A copy that ends in a `Lambda` layer; running it makes the marker."""
    config = {"name": "evil", "function": marking(marker), "arguments": {}}
    return with_config(source, target, add_layer("keras.layers", "Lambda", config))


def with_a_large_kernel(source: Path, target: Path, *, size: int) -> Path:
    """A copy with a dense layer of `size` units on as many values: each number is fine, their product not."""

    def change(model: dict[str, Any]) -> None:
        layers = model["config"]["layers"]
        padded = {"name": "wide", "mode": "constant", "pad_width": [[0, 0], [0, 0], [0, size - 1]]}
        add_layer("keras.src.ops.numpy", "Pad", padded, name="wide")(model)
        wide = copy.deepcopy(A_TENSOR)
        wide["config"]["keras_history"] = ["wide", 0, 0]  # type: ignore[index]
        dense = copy.deepcopy(next(layer for layer in layers if layer["class_name"] == "Dense"))
        dense["config"].update(name="large", units=size)
        dense.pop("build_config")
        dense.update(name="large", inbound_nodes=[{"args": [wide], "kwargs": {}}])
        layers.append(dense)
        model["config"]["output_layers"]["novelty"] = ["large", 0, 0]

    return with_config(source, target, change)
