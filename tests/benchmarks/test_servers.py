"""How the servers are started and asked, without starting one."""

from __future__ import annotations

import sys
from email.message import Message
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.bodies import Form
from benchmarks.peers.environments import Environment
from benchmarks.peers.plan import LOADS
from benchmarks.peers.servers import ALL, BY_KEY, QUICK
from benchmarks.peers.servers.base import Peer, Place
from benchmarks.peers.servers.triton import CONFIG
from benchmarks.peers.serving import shown
from benchmarks.peers.tuned import CHOSEN, Choice
from qa.harness.messages import Response

SERIES = np.zeros((2, 5), np.float32)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Somewhere, with port 8123."""
    return Place(tmp_path / "environments", tmp_path / "model", tmp_path / "scratch", 8123)


def test_every_server_has_settings_with_a_reason() -> None:
    """And there are no settings for a server that does not exist."""
    assert set(CHOSEN) == set(BY_KEY)
    assert set(QUICK) <= set(BY_KEY)
    assert all(choice.why for choice in CHOSEN.values())


@pytest.mark.parametrize("peer", ALL, ids=lambda peer: peer.key)
def test_packages_are_pinned(peer: type[Peer], tmp_path: Path) -> None:
    """To exact versions, in a folder of its own."""
    environment = peer().environment(tmp_path)
    if environment is not None:
        assert all(requirement.count("==") == 1 for requirement in environment.requirements)
        assert environment.folder == tmp_path / peer.key


@pytest.mark.parametrize("peer", [peer for peer in ALL if peer.key != "triton"], ids=lambda peer: peer.key)
def test_servers_listen_on_this_machine_alone(peer: type[Peer], place: Place) -> None:
    """The port is in the command line or in the environment, and no address is but the local one."""
    launch = peer().launch(place)
    assert "8123" in launch.command or launch.environment["PORT"] == "8123"
    assert "0.0.0.0" not in " ".join((*launch.command, *launch.environment.values()))


def test_settings_are_variables_in_capitals(place: Place) -> None:
    """The applications read them from there."""
    launch = BY_KEY["mosec"]({"workers": 3, "max_batch": 8, "wait_ms": 2}).launch(place)
    assert launch.environment["WORKERS"] == "3"
    assert launch.environment["WAIT_MS"] == "2"
    assert launch.environment["MODEL_FOLDER"] == str(place.model)


def test_this_server_runs_in_this_environment(place: Place) -> None:
    """As its users start it."""
    launch = BY_KEY["ours"]().launch(place)
    assert list(launch.command) == [sys.executable, "-m", "app", "serve"]
    assert launch.environment["ARTIFACT"] == str(place.model)


def test_a_command_is_shown_without_this_machines_paths(place: Place) -> None:
    """So that a report means something elsewhere."""
    command = [sys.executable, "-m", "server", "--port", "8123", f"--models={place.scratch}/models"]
    assert shown(command, place) == "python -m server --port PORT --models=SCRATCH/models"
    assert str(place.environments) not in shown(BY_KEY["mosec"]().launch(place).command, place)


def test_tritons_configuration_has_its_settings() -> None:
    """The queue delay among them."""
    text = CONFIG.format(workers=2, max_batch=64, preferred=16, delay_us=500)
    assert "max_queue_delay_microseconds: 500" in text
    assert "preferred_batch_size: [16]" in text
    assert "count: 2" in text


def test_litserve_gets_requests_that_it_decodes() -> None:
    """FastAPI parses what is called JSON, and hands over what is not."""
    for decode, media_type in (("dict", "application/json"), ("bytes", "application/octet-stream")):
        peer = BY_KEY["litserve"]({"decode": decode})
        assert peer.request(Form.JSON, SERIES).headers["Content-Type"] == media_type


def test_this_servers_answer_is_read() -> None:
    """Probabilities in the order of the classes."""
    body = b'{"predictions": [{"label": "1", "probabilities": {"-1": 0.25, "1": 0.75}}]}'
    np.testing.assert_array_equal(BY_KEY["ours"]().read(Response(200, Message(), body)), [[0.25, 0.75]])


def test_a_grid_is_tried_from_the_chosen_settings_on() -> None:
    """All combinations, each once, and what is not in the grid stays."""
    choice = Choice({"a": 1, "b": 2, "c": 3}, "why", {"a": (1, 5), "b": (2, 6)})
    tried = choice.combinations()
    assert tried[0] == choice.settings
    assert len(tried) == 4
    assert {row["c"] for row in tried} == {3}


def test_an_environment_with_the_same_requirements_is_kept(tmp_path: Path) -> None:
    """Nothing is installed a second time."""
    environment = Environment(tmp_path, ("nothing==1.0",))
    (tmp_path / "requirements").write_text(f"{sys.version}\nnothing==1.0")
    environment.install()
    assert environment.versions() == {}


def test_loads_have_names_of_their_own() -> None:
    """They are options of the command line."""
    assert len({load.key for load in LOADS}) == len(LOADS)
