"""Artifacts that explain, in memory and as folders; the figures of faithfulness are made up."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from app.contract import (
    CONTRACT_FILE,
    Artifact,
    Contract,
    ExplanationContent,
    ExplanationReference,
    Perturbations,
)
from tests.support.explanation_reference import perturbations


def explaining(artifact: Artifact, *, windows: int | None = None, bands: int | None = None) -> Artifact:
    """An artifact with a reference for explanations, measured on its golden series.

    Args:
        artifact: of any schema.
        windows: default number of windows; None for 10.
        bands: default number of bands; None for 25, or as many as there are.
    """
    found = perturbations(artifact.golden.series)
    sizes = {name: size for name, size in (("windows", windows), ("bands", bands)) if size is not None}
    parts = {
        name: part.model_copy(update={key: size for key, size in sizes.items() if hasattr(part, key)})
        for name, part in (("time", found.time), ("frequency", found.frequency), ("cells", found.cells))
    }
    return dataclasses.replace(artifact, contract=_with(artifact.contract, found.model_copy(update=parts)))


def write_explaining(artifact: Artifact, folder: Path, **regions: int) -> Path:
    """Write an artifact with a reference for explanations as a version folder; returns that.

    Args:
        artifact: whose files are copied.
        folder: of the folders of models.
        regions: see `explaining`.
    """
    contract = explaining(artifact, **regions).contract
    target = folder / contract.name / str(contract.version)
    shutil.copytree(artifact.folder, target)
    (target / CONTRACT_FILE).write_text(contract.model_dump_json(indent=2))
    return target


def _with(contract: Contract, reference: Perturbations) -> Contract:
    part = ExplanationReference(content=ExplanationContent(perturbations=reference))
    return contract.model_copy(update={"schema_version": 3, "explanation_reference": part})
