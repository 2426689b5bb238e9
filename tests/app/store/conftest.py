"""The stores that the tests of the interface run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.store import Store, open_store


@pytest.fixture(params=["folder", "seaweed", "moto"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store of each kind that has conditional writes."""
    if request.param == "folder":
        return open_store(tmp_path / "store")
    server = request.getfixturevalue(request.param)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return open_store(server.folder())
