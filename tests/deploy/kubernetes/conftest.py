"""Fixtures: kubectl, and what it renders."""

from __future__ import annotations

import shutil

import pytest

from tests.deploy.kubernetes.manifests import FOLDER, OVERLAYS, Resource, render, render_base_with


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The program with Kustomize in it."""
    path = shutil.which("kubectl")
    if path is None:
        pytest.skip("kubectl is not installed: https://kubernetes.io/docs/tasks/tools/")
    return path


@pytest.fixture(scope="session")
def rendered(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Resource]]:
    """The resources of `base`, of each overlay, and of the base with the component `store`, by name."""
    folders = {"base": FOLDER / "base"} | {name: FOLDER / "overlays" / name for name in OVERLAYS}
    found = {name: render(kubectl, folder) for name, folder in folders.items()}
    return found | {"store": render_base_with(kubectl, ["store"], tmp_path_factory.mktemp("store"))}
