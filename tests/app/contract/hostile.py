"""Builders of hostile version folders: a copy of the committed one with one thing in it that does harm.

Digests are put right each time: whoever writes a hostile file can write its digest, too.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.contract import open_artifact, sha256_of
from app.errors import ArtifactError


def refused(folder: Path, message: str) -> None:
    """Check that the folder is refused in one line."""
    with pytest.raises(ArtifactError, match=message) as info:
        open_artifact(folder)
    assert str(info.value).isprintable()


def edit_contract(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the folder's contract."""
    path = folder / "contract.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def seal_anew(folder: Path, name: str) -> None:
    """Put a file's digest into the contract."""
    edit_contract(folder, lambda contract: contract["files"].update({name: sha256_of(folder / name)}))


def npy_file(values: NDArray[Any]) -> bytes:
    """An array as npy writes it, pickled where it holds objects."""
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def npy_header(shape: tuple[int, ...], *, descr: str = "<f4") -> bytes:
    """The start of an npy file, with whatever shape."""
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def with_golden(folder: Path, *, compressed: bool = False, **arrays: bytes) -> Path:
    """As `with_arrays`, each array by its name."""
    return with_arrays(folder, arrays, compressed=compressed)


def with_arrays(folder: Path, arrays: Mapping[str, bytes], *, compressed: bool = False) -> Path:
    """The folder with other arrays in its golden file, each the content of an npy file."""
    path = folder / "golden.npz"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members.update({f"{name}.npy": content for name, content in arrays.items()})
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    seal_anew(folder, path.name)
    return folder


def replaced(folder: Path, name: str, make: Callable[[Path], object]) -> Path:
    """The folder with something else in a file's place."""
    path = folder / name
    path.unlink()
    make(path)
    return folder
