"""The interface of every server: packages, command line, and request format."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.peers.bodies import Array, Form, Request, instances, npy, read_probabilities
from benchmarks.peers.environments import ENGINE, Environment
from benchmarks.peers.processes import Launch
from benchmarks.peers.tuned import CHOSEN, Settings
from qa.harness.messages import Response

ROOT = Path(__file__).parents[3]
ORJSON = "orjson==3.13.0"
UVICORN = ("fastapi==0.165.0", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0")


@dataclass(frozen=True, slots=True)
class Place:
    """Folders and port of a server.

    Attributes:
        environments: the folder of the virtual environments.
        model: the artifact's version folder.
        scratch: a folder for this start.
        port: a free port.
    """

    environments: Path
    model: Path
    scratch: Path
    port: int


class Peer(ABC):
    """A server that can be measured.

    Attributes:
        key: its name on the command line, in records, and of its environment.
        title: its name in the report.
        packages: exact versions, without the engine's; the first is the server itself.
        alone: `Environment.alone`.
        forms: formats that it accepts.
        max_connections: highest useful number.
        path: of predictions.
        health: path that returns 200 once the model is loaded.
        seconds: timeout of the start.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    alone: ClassVar[bool] = False
    forms: tuple[Form, ...] = (Form.JSON, Form.BINARY)
    max_connections: ClassVar[int] = 1024
    path: ClassVar[str] = "/predict"
    health: ClassVar[str] = "/health"
    seconds: ClassVar[float] = 90

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = dict(CHOSEN[self.key].settings if settings is None else settings)

    @abstractmethod
    def launch(self, place: Place) -> Launch:
        """The command that starts it.

        Raises:
            PeerError: a part that it needs is missing.
        """

    def environment(self, folder: Path) -> Environment | None:
        """Its virtual environment; None if it runs in this one."""
        return Environment(folder.absolute() / self.key, (*self.packages, *ENGINE), alone=self.alone)

    def request(self, form: Form, series: Array) -> Request:
        """A request for the probabilities of series `float32[n, length]`."""
        return instances(self.path, series) if form is Form.JSON else npy(self.path, series)

    def read(self, answer: Response) -> Array:
        """The probabilities in a response, `float32[n, classes]`."""
        return read_probabilities(answer.body)

    def python(self, place: Place) -> str:
        """Path of its interpreter."""
        environment = self.environment(place.environments)
        return str(environment.python) if environment else sys.executable

    def variables(self, place: Place) -> Mapping[str, str]:
        """Environment variables of its application; settings have their names in capitals."""
        settings = {name.upper(): str(value) for name, value in self.settings.items()}
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **settings,
            "PORT": str(place.port),
            "MODEL_FOLDER": str(place.model),
            "PYTHONPATH": os.pathsep.join(paths),
            "PATH": os.pathsep.join((str(Path(self.python(place)).parent), os.environ.get("PATH", ""))),
            # One thread computes a batch; other arithmetic needs no thread pool.
            "OMP_NUM_THREADS": "1",
        }

    def setting(self, name: str) -> str:
        """One of its settings, for a command line."""
        return str(self.settings[name])
