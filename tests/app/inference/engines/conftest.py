"""Ways to see that a hostile file went no further than the checks."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """To import Keras is an error, and none that the service would take for a refused file."""
    monkeypatch.setitem(sys.modules, "keras", None)


@pytest.fixture
def no_h5py(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for h5py."""
    monkeypatch.setitem(sys.modules, "h5py", None)
