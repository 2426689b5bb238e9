"""NVIDIA Triton: the server binary from the `nvidia-pytriton` package, with its Python backend."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.bodies import Array, Form, Request, read_v2, v2_binary, v2_json
from benchmarks.peers.environments import OPENVINO, Environment
from benchmarks.peers.errors import PeerError
from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import ROOT, Peer, Place
from benchmarks.peers.tuned import Settings
from qa.harness.messages import Response

CONFIG = """\
name: "forda"
backend: "python"
max_batch_size: {max_batch}
input [{{ name: "series", data_type: TYPE_FP32, dims: [500] }}]
output [{{ name: "probabilities", data_type: TYPE_FP32, dims: [2] }}]
instance_group [{{ kind: KIND_CPU, count: {workers} }}]
dynamic_batching {{ preferred_batch_size: [{preferred}] max_queue_delay_microseconds: {delay_us} }}
"""


class Triton(Peer):
    """`tritonserver`, started directly.

    Args:
        settings: see `Peer`.
        grpc_port: where it speaks gRPC; None for nowhere.
    """

    key = "triton"
    title = "Triton"
    packages = ("nvidia-pytriton==0.7.0", "numpy==1.26.4")  # its stub cannot read arrays of NumPy 2
    alone = True  # its dependencies are only for its Python interface
    path = "/v2/models/forda/infer"
    health = "/v2/models/forda/ready"

    def __init__(self, settings: Settings | None = None, *, grpc_port: int | None = None) -> None:
        super().__init__(settings)
        self.grpc_port = grpc_port

    def environment(self, folder: Path) -> Environment:
        """Its environment, with its own version of NumPy."""
        return Environment(folder.absolute() / self.key, (*self.packages, OPENVINO), alone=self.alone)

    def launch(self, place: Place) -> Launch:
        """Write the model repository and start the binary on it.

        Raises:
            PeerError: no shared libpython, or no stub for this Python.
        """
        models = place.scratch / "models"
        version = models / "forda" / "1"
        version.mkdir(parents=True)
        shutil.copy(ROOT / "benchmarks" / "peers" / "apps" / "triton_model.py", version / "model.py")
        (models / "forda" / "config.pbtxt").write_text(CONFIG.format(**self.settings))
        options = {"http-thread-count": self.setting("http_threads")}
        if self.grpc_port is not None:
            options |= {"grpc-address": "127.0.0.1", "grpc-port": str(self.grpc_port)}
        return self.serve(place, models, {"allow-grpc": str(bool(self.grpc_port)).lower(), **options})

    def serve(self, place: Place, models: Path, options: Mapping[str, str]) -> Launch:
        """Start the binary.

        Args:
            place: where it runs.
            models: the model repository.
            options: of the command line, in addition to those that say where it listens and what it reads.

        Raises:
            PeerError: no shared libpython, or no stub for this Python.
        """
        environment = self.environment(place.environments)
        bundle = environment.packages / "pytriton" / "tritonserver"
        backends = place.scratch / "backends"
        _make_backend(bundle, backends / "python")
        libraries = [
            *environment.packages.glob("nvidia_pytriton.libs"),
            bundle / "external_libs",
            _libpython(),
        ]
        variables = dict(self.variables(place))
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
        variables["PYTHONHOME"] = sys.base_prefix
        variables["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(environment.packages)))
        all_options = {
            "model-repository": models,
            "backend-directory": backends,
            "http-address": "127.0.0.1",
            "http-port": place.port,
            "allow-metrics": "false",
            "log-verbose": 0,
            **options,
        }
        command = [
            str(bundle / "bin" / "tritonserver"),
            *(f"--{key}={value}" for key, value in all_options.items()),
        ]
        return Launch(command, variables)

    def request(self, form: Form, series: Array) -> Request:
        """The Open Inference Protocol; binary is Triton's extension of it."""
        return v2_json(self.path, series) if form is Form.JSON else v2_binary(self.path, series)

    def read(self, answer: Response) -> Array:
        """Parse a response in the format of the request."""
        return read_v2(answer.body, answer.headers)


def _make_backend(bundle: Path, folder: Path) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = bundle / "python_backend_stubs" / python / "triton_python_backend_stub"
    if not stub.is_file():
        raise PeerError(f"nvidia-pytriton has no stub for Python {python}")
    shutil.copytree(bundle / "backends" / "python", folder)
    shutil.copy(stub, folder)


def _libpython() -> Path:
    folder, name = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")
    path = Path(folder or "", name or "")
    if ".so" not in path.name or not path.is_file():
        raise PeerError("Triton's stub needs a shared libpython; this Python was built without one")
    return path.parent
