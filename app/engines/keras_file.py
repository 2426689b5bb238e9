"""Opening a `.keras` file without trusting it: only known layers, known members, nothing executable.

The file's digest has been checked against the contract before; this is the second lock. Keras has had a row
of holes in loading (CVE-2025-1550, CVE-2025-8747, CVE-2025-9906 among them), so everything that the file
would have Keras construct is compared with a list before Keras reads it, and `safe_mode` stays on.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.errors import ArtifactError

MEMBERS = frozenset({"metadata.json", "config.json", "model.weights.h5"})
MAX_MEMBER_BYTES = 256 * 1024 * 1024

# fmt: off
LAYERS = frozenset({
    "Activation", "Add", "AveragePooling1D", "BatchNormalization", "Concatenate", "Conv1D", "Dense",
    "DepthwiseConv1D", "Dropout", "EinsumDense", "Embedding", "Flatten", "GlobalAveragePooling1D",
    "GlobalMaxPooling1D", "InputLayer", "LayerNormalization", "MaxPooling1D", "MultiHeadAttention",
    "Multiply", "Normalization", "Permute", "ReLU", "Rescaling", "Reshape", "STFTSpectrogram",
    "SeparableConv1D", "Softmax", "SpatialDropout1D", "Subtract", "UnitNormalization", "ZeroPadding1D",
})
# fmt: on
MODELS = frozenset({"Functional", "Sequential"})
# Everything in these modules is arithmetic or describes numbers; nothing in them takes code.
MODULES = frozenset(
    {
        "keras.constraints",
        "keras.initializers",
        "keras.regularizers",
        "keras.src.ops.core",
        "keras.src.ops.math",
        "keras.src.ops.nn",
        "keras.src.ops.numpy",
    }
)


def load_model(path: Path) -> Any:
    """Load a checked `.keras` file with the Keras backend that is in force.

    Returns:
        A `keras.Model` in inference form (not compiled for training).

    Raises:
        ArtifactError: the file is damaged, holds something that is not allowed, or Keras refuses it.
    """
    check(path)
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ArtifactError(f"{path}: Keras cannot load it: {str(error).splitlines()[0]}") from error


def output_names(model: Any) -> list[str]:
    """Names of a functional model's outputs, in the order in which Keras flattens them.

    Those of a dict are its keys, which Keras sorts; a list's or an only output's is that of its layer.
    """
    return sorted(model.output) if isinstance(model.output, dict) else list(model.output_names)


def check(path: Path) -> None:
    """Compare all that a `.keras` file would construct with what is allowed.

    Raises:
        ArtifactError: names the file and the first thing that is not allowed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename not in MEMBERS or member.file_size > MAX_MEMBER_BYTES:
                    raise ArtifactError(f"{path}: holds {member.filename!r}: not allowed, or too large")
            config = json.loads(archive.read("config.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{path}: not a .keras file: {error}") from error
    for module, name in _objects(config):
        if not _is_allowed(module, name):
            raise ArtifactError(f"{path}: would make {module}.{name}, which is no known layer")


def _objects(config: Any) -> Iterator[tuple[str, str]]:
    """Every `(module, class)` that a configuration names, at any depth."""
    waiting = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "class_name" in node:
                yield str(node.get("module")), str(node["class_name"])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _is_allowed(module: str, name: str) -> bool:
    if module == "keras.layers":
        return name in LAYERS
    if module in ("keras.src.models.functional", "keras.src.models.sequential", "keras"):
        return name in MODELS or name == "DTypePolicy"
    # Tensors that pass between layers, and plain values that JSON has no form for.
    if module in ("None", "builtins"):
        return name in ("__keras_tensor__", "__slice__", "__tuple__", "__ellipsis__")
    return module in MODULES
