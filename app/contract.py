"""What an artifact promises: the schema of `contract.json`, and opening a version folder against it.

An artifact is a folder `<name>/<version>/` that training sealed. This file is all that training and
service share. It reads and checks files; it never loads a model and imports no ML runtime.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from app.errors import ArtifactError

CONTRACT_FILE = "contract.json"
MODEL_FILE = "model.keras"
GOLDEN_FILE = "golden.npz"
CARD_FILE = "CARD.md"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A file's name inside the version folder: no separators, so nothing can point out of it.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class InputSpec(_Frozen):
    """The model's one input: `dtype[n, length, channels]`, raw values, any offset and scale."""

    name: str = Field(min_length=1, examples=["series"])
    length: int = Field(ge=1, examples=[500])
    channels: Literal[1] = 1
    dtype: Literal["float32"] = "float32"


class OutputSpec(_Frozen):
    """The model's output: `float32[n, classes]`, rows that sum to 1, in the order of the labels."""

    name: str = Field(min_length=1, examples=["probabilities"])
    tolerance: float = Field(
        gt=0,
        lt=0.1,
        description="Largest absolute difference of a probability between two ways to compute it.",
    )


class Label(_Frozen):
    """One class: its label as the data set writes it, and what it means."""

    name: str = Field(min_length=1, max_length=100, examples=["-1"])
    meaning: str = Field(examples=["symptom absent"])


class DerivedGraph(_Frozen):
    """A graph made from `model.keras` for another runtime; usable only while its parent is unchanged."""

    files: tuple[FileName, ...] = Field(min_length=1)
    parent_sha256: Sha256


class Provenance(_Frozen):
    """Where the artifact comes from, enough to make it again."""

    dataset: str
    data_sha256: dict[str, Sha256]
    config: dict[str, JsonValue]
    seed: int
    versions: dict[str, str] = Field(description="Library versions at training time.")
    training_seconds: float = Field(ge=0)


class Contract(_Frozen):
    """The content of `contract.json`."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, examples=["forda"])
    version: int = Field(ge=1, examples=[1])
    created: datetime
    description: str
    input: InputSpec
    output: OutputSpec
    labels: tuple[Label, ...] = Field(min_length=2)
    parameters: int = Field(ge=0, description="Number of weights of the model.")
    files: dict[FileName, Sha256] = Field(description="SHA-256 of every other file of the artifact.")
    derived: dict[Literal["openvino"], DerivedGraph] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(description="What the job measured on the test set, as fractions.")
    provenance: Provenance

    @model_validator(mode="after")
    def _is_whole(self) -> Contract:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("two labels have the same name")
        needed = {MODEL_FILE, GOLDEN_FILE} | {name for graph in self.derived.values() for name in graph.files}
        if missing := sorted(needed - self.files.keys()):
            raise ValueError(f"files has no digest of {', '.join(missing)}")
        return self

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Golden:
    """Real series with the probabilities that training saw: `float32[n, length]`, `float32[n, classes]`."""

    series: NDArray[np.float32]
    probabilities: NDArray[np.float32]


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
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            golden = Golden(series=arrays["series"], probabilities=arrays["probabilities"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ArtifactError(f"{path}: not a golden file: {error}") from error
    rows = len(golden.series)
    wanted = {"series": (rows, contract.input.length), "probabilities": (rows, contract.classes)}
    for name, shape in wanted.items():
        array = getattr(golden, name)
        if rows == 0 or array.shape != shape or array.dtype != np.float32:
            raise ArtifactError(
                f"{path}: {name} is {array.dtype}{list(array.shape)}, not float32{list(shape)}"
            )
    return golden
