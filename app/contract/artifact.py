"""Opening a version folder against its contract: every file is there, inside it, and has its digest.

It reads and checks files; it never loads a model and imports no ML runtime. A digest says that a file is the
one that the contract means, not that whoever wrote both meant well: so what is read here has limits, too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from app.contract.files import MAX_FILE_BYTES, read_file, readable, sha256_of
from app.contract.golden_file import read_golden
from app.contract.schema import (
    CONTRACT_FILE,
    GOLDEN_FILE,
    MODEL_FILE,
    READ_SCHEMAS,
    SCHEMA_VERSION,
    Contract,
)
from app.contract.strict_json import read_json
from app.contract.versions import check_number, find_version
from app.contract.wording import shown
from app.errors import ArtifactError

CARD_FILE = "CARD.md"
# The contract and the card are read whole, at every start.
MAX_TEXT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Golden:
    """Real series with the answers that training saw.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`.
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
    """An opened version folder: every file that the contract names is there and has its digest.

    Attributes:
        folder: the version's.
        contract: as sealed.
        golden: the golden answers.
        card: the model card as Markdown; empty where the artifact has none. Read once: the folder may be gone
            while the version still serves.
        contract_sha256: of `contract.json` as it was read, in hexadecimal. It has the digests of all other
            files, so that it tells one version from another of the same number.
    """

    folder: Path
    contract: Contract
    golden: Golden
    card: str = ""
    contract_sha256: str = ""

    @property
    def model_path(self) -> Path:
        """The `.keras` file, the truth that all derived graphs come from."""
        return self.folder / MODEL_FILE

    def derived(self, runtime: Literal["openvino"]) -> list[Path] | None:
        """Paths of the graph made for a runtime; None where there is none or its parent has changed."""
        graph = self.contract.derived.get(runtime)
        if graph is None or graph.parent_sha256 != self.contract.files[MODEL_FILE]:
            return None
        return [self.folder / name for name in graph.files]


def open_artifact(path: Path) -> Artifact:
    """Open the version folder that a path means and check every byte it promises.

    A version that is found below the path is named by its number; a version folder that the path names itself
    may have any name.

    Raises:
        ArtifactError: one line that names the file and what is wrong with it.
    """
    folder = find_version(path)
    _check_place(folder, CONTRACT_FILE)
    content = read_file(folder / CONTRACT_FILE, most=MAX_TEXT_BYTES)
    contract = _as_contract(content, folder / CONTRACT_FILE)
    if folder != path:
        check_number(folder, contract)
    for name, expected in contract.files.items():
        _check_place(folder, name)
        _check_digest(folder / name, expected, most=MAX_TEXT_BYTES if name == CARD_FILE else MAX_FILE_BYTES)
    golden = _read_golden(folder / GOLDEN_FILE, contract)
    return Artifact(
        folder=folder,
        contract=contract,
        golden=golden,
        card=_read_card(folder, contract),
        contract_sha256=hashlib.sha256(content).hexdigest(),
    )


def read_contract(path: Path) -> Contract:
    """Read and validate a `contract.json`.

    Raises:
        ArtifactError: it cannot be read, is no JSON, or does not follow the schema.
    """
    return _as_contract(read_file(path, most=MAX_TEXT_BYTES), path)


def _as_contract(content: bytes, path: Path) -> Contract:
    try:
        _check_schema(read_json(content))
        # Strict: `"3"`, `3.0` and `true` are no version to a reader that does not convert.
        return Contract.model_validate_json(content, strict=True)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: not a contract of this server: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = shown("/".join(str(part) for part in first["loc"])) or "document"
        raise ArtifactError(
            f"{path}: not a contract of this server: {where}: {shown(first['msg'])}"
        ) from error


def _check_schema(document: object) -> None:
    """Say of a newer schema what to do: what it is made of can be anything."""
    number = document.get("schema_version") if isinstance(document, dict) else None
    if type(number) is int and number > SCHEMA_VERSION:
        raise ArtifactError(
            f"schema_version {number} is newer than those that it reads, {READ_SCHEMAS[0]} to "
            f"{SCHEMA_VERSION}; upgrade the server first, and then serve this version"
        )


def _check_place(folder: Path, name: str) -> None:
    """Check that a name stands for something inside the folder.

    A link may lead to another place in the folder, as those of a mounted volume do.
    """
    path = folder / name
    try:
        with readable(path):
            real, inside = path.resolve(strict=True), folder.resolve()
    except RuntimeError as error:  # Python 3.11 and 3.12 on links that lead in a circle
        raise ArtifactError(f"{path}: cannot be read (links that lead in a circle)") from error
    if not real.is_relative_to(inside):
        raise ArtifactError(f"{path}: a link that leads out of the version folder")


def _check_digest(path: Path, expected: str, *, most: int) -> None:
    actual = sha256_of(path, most=most)
    if actual != expected:
        raise ArtifactError(f"{path}: damaged: SHA-256 is {actual[:12]}…, the contract says {expected[:12]}…")


def _read_card(folder: Path, contract: Contract) -> str:
    if CARD_FILE not in contract.files:
        return ""
    try:
        return read_file(folder / CARD_FILE, most=MAX_TEXT_BYTES).decode()
    except ValueError as error:
        raise ArtifactError(f"{folder / CARD_FILE}: not UTF-8 text") from error


def _read_golden(path: Path, contract: Contract) -> Golden:
    shapes = {"series": contract.input.spec.shape, "probabilities": (contract.classes,)}
    return Golden(**read_golden(path, shapes | ({"novelty": (1,)} if contract.trust else {})))
