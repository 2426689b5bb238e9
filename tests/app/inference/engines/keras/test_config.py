"""`app.inference.engines.keras.config`: harmful configurations are refused before Keras reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.contract import Artifact
from tests.app.inference.engines.keras.hostile import (
    Change,
    add_layer,
    function,
    marking,
    refused,
    set_dense,
    set_layer,
    with_config,
    with_config_text,
)


def set_build(**shapes: Any) -> Change:
    """Other shapes to build a layer for."""
    return set_layer(0, build_config=shapes)


NO_KNOWN = "which is not an allowed layer"
EVAL = function("builtins", "eval")
CONFIGURATIONS: dict[str, tuple[Change, str]] = {
    # What a file may not make.
    "TFSMLayer": (
        add_layer("keras.layers", "TFSMLayer", {"filepath": "/tmp/evil"}),  # noqa: S108
        rf"names keras\.layers\.TFSMLayer, {NO_KNOWN}",
    ),
    "TorchModuleWrapper": (
        add_layer("keras.layers", "TorchModuleWrapper", {"module": "gASVHw=="}),
        rf"keras\.layers\.TorchModuleWrapper, {NO_KNOWN}",
    ),
    "vocabulary from a file": (
        add_layer("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}),
        rf"keras\.layers\.StringLookup, {NO_KNOWN}",
    ),
    "os.system": (add_layer("os", "system", {"command": "true"}), rf"os\.system, {NO_KNOWN}"),
    "Lambda": (
        add_layer("keras.layers", "Lambda", {"function": marking(Path("x"))}),
        rf"layers/[0-9]+ names keras\.layers\.Lambda, {NO_KNOWN}",
    ),
    "legacy file": (
        add_layer("keras.src.legacy.saving.legacy_h5_format", "load_model_from_hdf5", {"filepath": "x.h5"}),
        rf"legacy_h5_format\.load_model_from_hdf5, {NO_KNOWN}",
    ),
    "known name below a known module": (
        add_layer("keras.src.ops.numpy.evil", "Add", {}),
        rf"keras\.src\.ops\.numpy\.evil\.Add, {NO_KNOWN}",
    ),
    "no module": (add_layer(None, "Lambda", {}), rf"None\.Lambda, {NO_KNOWN}"),
    "class in a list": (add_layer("keras.layers", ["Lambda"], {}), rf"\['Lambda'\], {NO_KNOWN}"),
    "module in an object": (set_layer(0, module={"a": 1}), NO_KNOWN),
    "constructor as a function": (
        set_dense(activation=function("keras.layers", "TFSMLayer")),
        rf"keras\.layers\.function, {NO_KNOWN}",
    ),
    "downloader": (
        set_dense(activation=function("keras.utils", "get_file")),
        rf"activation names keras\.utils\.function, {NO_KNOWN}",
    ),
    "safe mode off": (
        set_dense(activation=function("keras.config", "enable_unsafe_deserialization")),
        rf"keras\.config\.function, {NO_KNOWN}",
    ),
    "function of a known module": (
        set_dense(activation=function("keras.initializers", "deserialize")),
        rf"keras\.initializers\.function, {NO_KNOWN}",
    ),
    "operation that takes a function": (
        add_layer("keras.src.ops.core", "Map", {}),
        rf"keras\.src\.ops\.core\.Map, {NO_KNOWN}",
    ),
    "known layer that takes a function": (set_dense(activation=EVAL), rf"builtins\.function, {NO_KNOWN}"),
    "function among arguments": (
        set_layer(3, inbound_nodes=[{"args": [{"class_name": "__keras_tensor__"}], "kwargs": {"f": EVAL}}]),
        rf"config/layers/3/inbound_nodes/0/kwargs/f names builtins\.function, {NO_KNOWN}",
    ),
    "lambda in a known layer": (set_dense(activation=marking(Path("x"))), rf"None\.__lambda__, {NO_KNOWN}"),
    "type of TensorFlow": (
        set_dense(dtype={"class_name": "__typespec__", "module": "os", "spec_name": "system", "config": []}),
        rf"os\.__typespec__, {NO_KNOWN}",
    ),
    "registered under a known name": (
        set_layer(0, registered_name="evil>InputLayer"),
        r"names evil>InputLayer as keras\.layers\.InputLayer",
    ),
    "name that breaks the line": (add_layer("keras.layers", "A\nERROR b", {}), rf"A\\nERROR b, {NO_KNOWN}"),
    # Functions by name.
    "module in an activation": (set_dense(activation="os.system"), r"names os\.system, which is not"),
    "Keras module in an activation": (set_dense(activation="keras.utils.get_file"), r"names keras\.utils"),
    "initializer by name": (set_dense(kernel_initializer="evil"), "kernel_initializer names evil; only"),
    # What a file may not have computed.
    "compiled part": (set_layer(1, compile_config={"optimizer": "adam"}), "layers/1 is compiled"),
    "computed at once": (
        set_layer(2, inbound_nodes=[{"args": [[1.0]], "kwargs": {}}]),
        "layers/2 is called on a value that is not a tensor",
    ),
    "calls that are no list": (set_layer(2, inbound_nodes=7), "layers/2 is called on a value that is not"),
    # Sizes.
    "units": (set_dense(units=10**9), r"config/units is 1000000000; the largest size is 1,048,576"),
    "units below nothing": (set_dense(units=-(10**9)), "the largest size is"),
    "shape": (set_build(input_shape=[None, 2**20, 2**10]), "input_shape is a shape of more than"),
    "shape of many numbers": (set_build(input_shape=[2**20] * 50_000), "input_shape is a shape of more than"),
    "long text": (set_dense(name="x" * 2000), "config/name is a text of more than 1000 characters"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.usefixtures("no_keras", "no_h5py")
def test_a_hostile_configuration_is_refused(artifact: Artifact, tmp_path: Path, name: str) -> None:
    """Whatever Keras would look up, run or reserve memory for is refused where it stands."""
    change, message = CONFIGURATIONS[name]
    refused(with_config(artifact.model_path, tmp_path / "evil.keras", change), message)


def deep(levels: int) -> str:
    """Lists in lists."""
    return "[" * levels + "]" * levels


TEXTS: dict[str, tuple[str | bytes, str]] = {
    "deep": (deep(70), "nested more than 64 deep"),
    "deeper than the parser goes": (deep(200_000), "not JSON as Keras writes it"),
    "NaN": ('{"rate": NaN}', "NaN is not a JSON number"),
    "infinite": ('{"rate": -Infinity}', "-Infinity is not a JSON number"),
    "overflow": ('{"rate": 1e999}', "the number 1e999 is beyond the range of float64"),
    "thousands of digits": (
        '{"units": ' + "9" * 4000 + "}",
        "the whole number 9{80} is beyond 9007199254740991",
    ),
    "more digits than Python reads": ('{"units": ' + "9" * 5000 + "}", "the whole number 9{80} is beyond"),
    "the same key twice": (
        '{"class_name": "Dense", "class_name": "Lambda"}',
        "has the key 'class_name' twice",
    ),
    "bytes that are no text": (b'{"name": "\xff"}', "not JSON as Keras writes it"),
    "other encoding": ('{"name": "x"}'.encode("utf-16"), "not JSON as Keras writes it"),
    "empty": ("", "not JSON as Keras writes it"),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.usefixtures("no_keras", "no_h5py")
def test_a_hostile_text_is_refused(artifact: Artifact, tmp_path: Path, name: str) -> None:
    """Nesting, numbers and encodings that parsers stumble over."""
    text, message = TEXTS[name]
    path = with_config_text(artifact.model_path, tmp_path / "evil.keras", text)
    refused(path, f"config.json: .*{message}")
