"""Fixtures: kubectl, and what it renders."""

from __future__ import annotations

import shutil

import pytest

from tests.deploy.kubernetes.manifests import FOLDER, OVERLAYS, Resource, render


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The program with Kustomize in it."""
    path = shutil.which("kubectl")
    if path is None:
        pytest.skip("kubectl is not installed: https://kubernetes.io/docs/tasks/tools/")
    return path


@pytest.fixture(scope="session")
def rendered(kubectl: str) -> dict[str, list[Resource]]:
    """The resources of `base` and of each overlay, by name."""
    folders = {"base": FOLDER / "base"} | {name: FOLDER / "overlays" / name for name in OVERLAYS}
    return {name: render(kubectl, folder) for name, folder in folders.items()}
