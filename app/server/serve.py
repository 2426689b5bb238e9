"""The command `serve`: one process that serves, or a supervisor of several workers.

The app is imported only in processes that serve requests, so that the supervisor stays small.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.server.heartbeat import FAILED, HeartbeatSender
from app.server.listener import GRPC_PORT, bind, listen, reserve
from app.server.supervisor import Supervisor
from app.settings import Settings, deprecation_warnings
from app.system import affinity, file_limit
from app.telemetry import logs
from app.telemetry.multiprocess_dir import VARIABLE, hold_lock, metrics_folder

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# After the drain, time in which the last responses are written before connections are closed.
GRACE_SECONDS = 5
# After that, time in which the process of a worker must end before it is killed.
END_SECONDS = 2

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until a signal; the exit code is 0 if all accepted requests got responses.

    Raises:
        CannotListen: HOST, PORT or GRPC_PORT cannot be used.
        GrpcUnavailable: GRPC_PORT is set, and its extra is not installed.
        ArtifactError: the artifact is missing, damaged or not compatible.
    """
    logs.configure(level=settings.log_level, style=settings.log_format)
    for warning in deprecation_warnings(os.environ):
        log.warning("%s", warning)
    with bind(settings.host, settings.port) as listener, _grpc_port(settings) as grpc_port:
        file_limit.raise_fd_limit(settings.max_connections, listeners=1 if grpc_port is None else 2)
        workers = affinity.resolve_workers(settings.workers)
        if workers > 1:
            return _supervise(settings, listener, workers)
        from app.server.worker import run_alone

        settings = _with_workers(settings, workers).model_copy(update={"grpc_port": grpc_port})
        return run_alone(settings, listener=listener, grace=GRACE_SECONDS)


def work(
    settings: Settings, *, number: int, workers: int, listener: int, heartbeat: int, accept_when_ready: bool
) -> int:
    """Serve as one of the workers of a supervisor; the exit code.

    Args:
        settings: the same as those of the supervisor.
        number: of this worker, for the log.
        workers: number of workers; if WORKERS is `auto`, only the supervisor knows it.
        listener: descriptor of the listening socket that the workers share.
        heartbeat: descriptor of the socket to the supervisor.
        accept_when_ready: accept connections only once the service is ready.
    """
    logs.configure(level=settings.log_level, style=settings.log_format, worker=number)
    if settings.pin_workers:
        affinity.pin_worker(number=number, workers=workers)
    if folder := os.environ.get(VARIABLE):
        hold_lock(Path(folder))
    from app.server.worker import run_shared

    return run_shared(
        _with_workers(settings, workers),
        listener=socket.socket(fileno=listener),
        heartbeats=HeartbeatSender(heartbeat),
        accept_when_ready=accept_when_ready,
        grace=GRACE_SECONDS,
    )


@contextmanager
def _grpc_port(settings: Settings) -> Iterator[int | None]:
    """The port for gRPC, which is kept for this server's processes; None without gRPC."""
    if settings.grpc_port is None:
        yield None
        return
    with reserve(settings.host, settings.grpc_port) as holder:
        port: int = holder.getsockname()[1]
        if not settings.grpc_port:
            os.environ[GRPC_PORT] = str(port)  # the workers inherit it
        yield port


def _supervise(settings: Settings, listener: socket.socket, workers: int) -> int:
    listen(listener)
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(metrics_folder())
        except OSError as error:
            log.critical(
                "TMPDIR: workers cannot write their metrics: %s; set TMPDIR to a writable folder", error
            )
            return FAILED
        os.environ[VARIABLE] = folder  # the workers inherit it
        return Supervisor(
            partial(_command, workers),
            listener,
            workers=workers,
            worker_timeout=settings.worker_timeout,
            drain_seconds=settings.drain_delay + settings.drain_timeout + GRACE_SECONDS + END_SECONDS,
            on_replaced=restart_counter(),
        ).run()


def _with_workers(settings: Settings, workers: int) -> Settings:
    """The settings with the number of workers that WORKERS means."""
    return settings.model_copy(update={"workers": workers})


def _command(
    workers: int, number: int, listener: int, heartbeat: int, accept_when_ready: bool
) -> Sequence[str]:
    options = {"number": number, "workers": workers, "listener": listener, "heartbeat": heartbeat}
    # `-m` searches the working directory first, which may have another `app`: only if this process did so.
    safe_path = [] if sys.path[0] in ("", str(Path.cwd())) else ["-P"]
    command = [
        sys.executable,
        *safe_path,
        "-m",
        "app",
        "worker",
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    return [*command, "--accept-when-ready"] if accept_when_ready else command


def restart_counter(registry: CollectorRegistry | None = None) -> Callable[[str], None]:
    """A function that counts replaced workers by reason, in a new registry unless one is given."""
    # Imported here: at import it reads the environment to decide whether there are several processes.
    from prometheus_client import CollectorRegistry, Counter

    counter = Counter(
        "timeseries_worker_restarts",
        "Workers replaced because they crashed or hung.",
        ("reason",),
        registry=registry or CollectorRegistry(),
    )
    for reason in ("crashed", "hung"):
        counter.labels(reason)
    return lambda reason: counter.labels(reason).inc()
