"""The page of a model with several channels and three classes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from app.contract import open_artifact
from qa.harness.server import ServerProcess, running_server
from tests.page.conftest import OpenPage, bar_values, paste
from tests.support.multivariate import CHANNELS, LABELS, LENGTH


@pytest.fixture(scope="module")
def machine(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of a small model with three channels, which the tests of its protocols use, too."""
    folder = tmp_path_factory.mktemp("sealed")
    command = [sys.executable, "-m", "tests.support.multivariate", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    artifact = open_artifact(folder / "machine")
    with running_server(ARTIFACT=str(artifact.folder), ENGINE="openvino") as server:
        yield server


def test_series_of_several_channels_are_shown_and_sent(machine: ServerProcess, open_page: OpenPage) -> None:
    """Each channel is a line; what is pasted has the channels of a time step side by side."""
    page = open_page(machine.url)
    assert len(bar_values(page)) == len(LABELS)
    page.focus("#series-chart")
    page.keyboard.press("Home")
    expect(page.locator("#series-chart + .readout")).to_contain_text("channel 3")
    steps = np.arange(LENGTH * CHANNELS, dtype=float).reshape(LENGTH, CHANNELS)
    with page.expect_request("**/predict") as sent:
        paste(page, " ".join(map(str, steps.ravel())))
    assert json.loads(sent.value.post_data or "") == {"instances": [steps.tolist()]}
    expect(page.locator("#result .verdict")).to_be_visible()
    expect(page.locator("#paste-error")).to_have_text("")


def test_neighbours_have_all_channels(machine: ServerProcess, open_page: OpenPage) -> None:
    """As this index has them: a small chart of each channel, beside those of the series on screen."""
    page = open_page(machine.url)
    with page.expect_response("**/predict?neighbours=3") as response:
        page.get_by_role("heading", name="Nearest training series").click()
    [prediction] = response.value.json()["predictions"]
    items = page.locator("#neighbour-list li")
    expect(items).to_have_count(4)
    expect(items.locator("polyline")).to_have_count(4 * CHANNELS)
    for at, neighbour in enumerate(prediction["neighbours"], start=1):
        expect(items.nth(at)).to_contain_text(f"training series {neighbour['index'] + 1}")
    expect(page.locator("#neighbours-summary")).to_contain_text(" of 3 are “a test")
    expect(page.locator("#neighbours-summary")).to_contain_text("the usual distance")
