"""`app.inference.engines.keras.file` on harmful files: each is refused before Keras reads any of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.contract import Artifact
from app.inference.engines.keras.file import load_model
from tests.app.inference.engines.keras import hostile_archives as archives
from tests.app.inference.engines.keras.hostile import (
    members_of,
    refused,
    with_a_large_kernel,
    with_lambda,
    write,
)

Build = Callable[[Path, Path], Path]


@pytest.mark.usefixtures("no_keras")
def test_a_file_that_is_fine_reaches_keras(artifact: Artifact) -> None:
    """Which shows that the tests of hostile files would notice one that did."""
    with pytest.raises(ImportError, match="keras"):
        load_model(artifact.model_path)


ARCHIVES: dict[str, tuple[Build, str]] = {
    "climbs out": (
        lambda s, t: archives.with_member(s, t, "../x"),
        r"contains \.\./x; allowed are config\.json",
    ),
    "absolute": (lambda s, t: archives.with_member(s, t, "/etc/x"), "contains /etc/x; allowed are"),
    "name that breaks the line": (
        lambda s, t: archives.with_member(s, t, "a\nb"),
        r"contains a\\nb; allowed are",
    ),
    "member twice": (archives.with_a_member_twice, r"contains config\.json twice"),
    "NUL in a name": (archives.with_a_nul_in_a_name, r"contains config\.json\\x00\.py; allowed are"),
    "symbolic link": (
        lambda s, t: archives.with_a_symlink(s, t, "/etc/passwd"),
        r"model\.weights\.h5 is a link or a device",
    ),
    "encrypted": (archives.encrypted, r"config\.json is encrypted"),
    "bomb": (lambda s, t: archives.compressed(s, t, zeros=32 << 20), r"model\.weights\.h5 is compressed"),
    "bomb that lies": (lambda s, t: archives.compressed(s, t, zeros=32 << 20, declared=99), "is compressed"),
    "stored in less": (archives.with_another_size, r"config\.json is compressed"),
    "compressed to its size": (archives.with_another_method, r"config\.json is compressed"),
    "size that lies": (archives.larger_than_the_archive, "damaged zip archive"),
    "many members": (lambda _, t: archives.of_many_members(t), "zip directory has more than 4,096"),
    "other list in 64 bits": (archives.with_zip64_records, "zip directory has more than 4,096"),
    "no weights": (archives.without_weights, r"lacks model\.weights\.h5"),
    "other weights": (archives.with_pickled_weights, r"model\.weights\.h5 is not an HDF5 file"),
    "large configuration": (archives.with_a_large_configuration, r"config\.json is 5,000,000 bytes"),
}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.usefixtures("no_keras", "no_h5py")
def test_a_hostile_archive_is_refused(artifact: Artifact, tmp_path: Path, name: str) -> None:
    """Three files as Keras stores them, and nothing else; nothing is unpacked, and nothing grows."""
    build, message = ARCHIVES[name]
    refused(build(artifact.model_path, tmp_path / "evil.keras"), message)
    assert [path.name for path in tmp_path.iterdir()] == ["evil.keras"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
@pytest.mark.usefixtures("no_keras", "no_h5py")
def test_a_file_that_is_cut_off_is_refused(artifact: Artifact, tmp_path: Path, share: float) -> None:
    """Wherever it ends."""
    content = artifact.model_path.read_bytes()
    path = tmp_path / "evil.keras"
    path.write_bytes(content[: int(share * len(content))])
    refused(path, "not a zip archive, or truncated")


@pytest.mark.usefixtures("no_keras", "no_h5py")
def test_a_file_larger_than_all_its_members_may_be_is_not_read(artifact: Artifact, tmp_path: Path) -> None:
    """A sparse file of 1 TiB costs nobody a disk, and would cost the server its memory."""
    path = write(tmp_path / "evil.keras", members_of(artifact.model_path))
    with path.open("r+b") as file:
        file.truncate(2**40)
    refused(path, "too large: 1,099,511,627,776 bytes of at most")


PROVE = """
import importlib, json, sys
from pathlib import Path
import keras
from app.inference.engines.keras.file import load_model
from app.inference.engines.keras.names import ACTIVATIONS, CLASSES
from app.errors import ArtifactError

def reached(*_, **__):
    raise AssertionError("Keras was to load a hostile file")

lambda_file, marker, large_file, fine_file = map(Path, sys.argv[1:])
unsafe = keras.saving.load_model
unsafe(lambda_file, safe_mode=False)
found = {"the payload works": marker.exists()}
marker.unlink()
keras.saving.load_model = reached
for name, path in {"lambda": lambda_file, "large": large_file}.items():
    try:
        load_model(path)
    except ArtifactError as error:
        found[name] = str(error)
found["marked"] = marker.exists()
keras.saving.load_model = unsafe
found["outputs"] = sorted(load_model(fine_file).output)
listed = [(importlib.import_module(module), name) for module in CLASSES for name in CLASSES[module]]
found["no classes"] = [name for module, name in listed if not isinstance(getattr(module, name, None), type)]
found["no functions"] = [name for name in ACTIVATIONS if not callable(keras.activations.get(name))]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def proven(artifact: Artifact, root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What happened to a few files in a process with Keras itself."""
    folder = tmp_path_factory.mktemp("hostile")
    marker = folder / "marker"
    files = [
        with_lambda(artifact.model_path, folder / "lambda.keras", marker),
        marker,
        with_a_large_kernel(artifact.model_path, folder / "large.keras", size=2**20),
        artifact.model_path,
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROVE, *map(str, files)],
        cwd=root,
        env={"KERAS_BACKEND": "openvino", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_code_in_a_file_is_never_run(proven: dict[str, Any]) -> None:
    """Keras without safe mode runs the payload; this service refuses the file, and nothing has run."""
    assert proven["the payload works"]
    assert "names keras.layers.Lambda, which is not an allowed layer" in proven["lambda"]
    assert not proven["marked"]


def test_a_model_larger_than_its_weights_is_refused(proven: dict[str, Any]) -> None:
    """4 TiB of weights, of which each size alone is fine: counted before there is memory for one of them."""
    assert "config.json needs 1,099,512,7" in proven["large"]
    assert "weights, model.weights.h5 has 94,006" in proven["large"]


def test_the_committed_model_loads(proven: dict[str, Any]) -> None:
    """What is checked so closely is still loaded."""
    assert proven["outputs"] == ["embedding", "novelty", "probabilities"]


def test_every_name_on_the_lists_is_one_of_keras(proven: dict[str, Any]) -> None:
    """A name that Keras does not have would be looked for elsewhere."""
    assert proven["no classes"] == []
    assert proven["no functions"] == []
