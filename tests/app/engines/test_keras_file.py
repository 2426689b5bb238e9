"""`app.engines.keras_file`: `.keras` files that would make more than known layers."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.contract import Artifact
from app.engines.keras_file import check
from app.errors import ArtifactError


def rewrite(source: Path, target: Path, **objects: Any) -> Path:
    """A copy of a `.keras` file whose first layer's configuration is changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename == "config.json":
                config = json.loads(content)
                config["config"]["layers"][0].update(objects)
                content = json.dumps(config).encode()
            new.writestr(member, content)
    return target


def test_the_committed_model_is_allowed(artifact: Artifact) -> None:
    """Every layer of the committed model is known."""
    check(artifact.model_path)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.layers", "Lambda"),
        ("keras.layers", "TFSMLayer"),
        ("keras.layers", "TorchModuleWrapper"),
        ("keras.utils", "get_file"),
        ("builtins", "eval"),
        ("builtins", "function"),
        ("os", "system"),
        ("keras.src.legacy.saving.legacy_h5_format", "anything"),
        ("keras.src.ops.numpy.evil", "Add"),
    ],
)
def test_an_unknown_class_is_named(artifact: Artifact, tmp_path: Path, module: str, name: str) -> None:
    """A class that could hold code, or that is simply unknown, is refused by name before Keras reads it."""
    path = rewrite(artifact.model_path, tmp_path / "bad.keras", module=module, class_name=name)
    with pytest.raises(ArtifactError, match=rf"would make {module}\.{name}, which is no known layer"):
        check(path)


def test_a_class_hidden_deep_in_the_configuration_is_found(artifact: Artifact, tmp_path: Path) -> None:
    """The whole tree is searched, not the list of layers alone."""
    hidden: dict[str, Any] = {"class_name": "Lambda", "module": "keras.layers"}
    for _ in range(50):
        hidden = {"config": [hidden]}
    path = rewrite(artifact.model_path, tmp_path / "bad.keras", build_config=hidden)
    with pytest.raises(ArtifactError, match=r"keras\.layers\.Lambda"):
        check(path)


@pytest.mark.parametrize("member", ["../climbs.out", "assets/vocabulary.txt", "extra.py"])
def test_an_unknown_member_is_refused(artifact: Artifact, tmp_path: Path, member: str) -> None:
    """The archive holds three files and nothing else."""
    path = tmp_path / "bad.keras"
    shutil.copy(artifact.model_path, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, "x")
    with pytest.raises(ArtifactError, match="not allowed, or too large"):
        check(path)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """Bytes that are no zip are told as that."""
    path = tmp_path / "bad.keras"
    path.write_bytes(b"hello")
    with pytest.raises(ArtifactError, match=r"not a \.keras file"):
        check(path)
