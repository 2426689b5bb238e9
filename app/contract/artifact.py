"""Opening a version folder against its contract: every file is there and has its digest.

It reads and checks files; it never loads a model and imports no ML runtime.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from app.contract.schema import GOLDEN_FILE, MODEL_FILE, Contract
from app.errors import ArtifactError

CONTRACT_FILE = "contract.json"
CARD_FILE = "CARD.md"


@dataclass(frozen=True, slots=True)
class Golden:
    """Real series with the answers that training saw.

    Attributes:
        series: `float32[n, length]`.
        probabilities: `float32[n, classes]`.
        novelty: `float32[n, 1]`; None where the contract has no trust.
    """

    series: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32] | None = None

    @property
    def answers(self) -> NDArray[np.float32]:
        """What an engine answers, `float32[n, columns]`: the outputs side by side."""
        if self.novelty is None:
            return self.probabilities
        return np.concatenate([self.probabilities, self.novelty], axis=1)


@dataclass(frozen=True, slots=True)
class Artifact:
    """An opened version folder: every file that the contract names is there and has its digest."""

    folder: Path
    contract: Contract
    golden: Golden

    @property
    def model_path(self) -> Path:
        """The `.keras` file, the truth that all derived graphs come from."""
        return self.folder / MODEL_FILE

    @property
    def card(self) -> str:
        """The model card as Markdown; empty where the artifact has none."""
        path = self.folder / CARD_FILE
        return path.read_text(encoding="utf-8") if CARD_FILE in self.contract.files else ""

    def derived(self, runtime: Literal["openvino"]) -> list[Path] | None:
        """Paths of the graph made for a runtime; None where there is none or its parent has changed."""
        graph = self.contract.derived.get(runtime)
        if graph is None or graph.parent_sha256 != self.contract.files[MODEL_FILE]:
            return None
        return [self.folder / name for name in graph.files]


def find_version(path: Path) -> Path:
    """The version folder that a path means: itself, or the highest complete version below it.

    Raises:
        ArtifactError: there is none.
    """
    if (path / CONTRACT_FILE).is_file():
        return path
    if not path.is_dir():
        raise ArtifactError(f"{path}: no such folder; train one with `make train` or set ARTIFACT")
    versions = [
        child for child in path.iterdir() if child.name.isdecimal() and (child / CONTRACT_FILE).is_file()
    ]
    if not versions:
        raise ArtifactError(f"{path}: holds no {CONTRACT_FILE} and no version folder with one; set ARTIFACT")
    return max(versions, key=lambda child: int(child.name))


def open_artifact(path: Path) -> Artifact:
    """Open the version folder that a path means and check every byte it promises.

    Raises:
        ArtifactError: one line that names the file and what is wrong with it.
    """
    folder = find_version(path)
    contract = read_contract(folder / CONTRACT_FILE)
    for name, expected in contract.files.items():
        _check_digest(folder / name, expected)
    return Artifact(folder=folder, contract=contract, golden=_read_golden(folder / GOLDEN_FILE, contract))


def read_contract(path: Path) -> Contract:
    """Read and validate a `contract.json`.

    Raises:
        ArtifactError: it cannot be read, is no JSON, or does not follow the schema.
    """
    try:
        return Contract.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"{path}: not a contract of this server: {where or 'document'}: {first['msg']}"
        ) from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_digest(path: Path, expected: str) -> None:
    try:
        actual = sha256_of(path)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error
    if actual != expected:
        raise ArtifactError(f"{path}: damaged: SHA-256 is {actual[:12]}…, the contract says {expected[:12]}…")


def _read_golden(path: Path, contract: Contract) -> Golden:
    length, classes = contract.input.length, contract.classes
    outputs = {"probabilities": classes} | ({"novelty": 1} if contract.trust else {})
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in ("series", *outputs)}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ArtifactError(f"{path}: not a golden file: {error}") from error
    rows = len(np.atleast_1d(found["series"]))
    for name, width in {"series": length, **outputs}.items():
        array = found[name]
        if rows == 0 or array.shape != (rows, width) or array.dtype != np.float32:
            raise ArtifactError(
                f"{path}: {name} is {array.dtype}{list(array.shape)}, not float32{[rows, width]}"
            )
    return Golden(**found)
