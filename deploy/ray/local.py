"""`python -m deploy.ray.local`: the application on a Ray of this machine alone, to try and to test it.

HOST and PORT are where its proxy listens; all other settings are those of the replicas. It ends with SIGTERM
or SIGINT, and ends Ray.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import threading
from collections.abc import Mapping

from app.settings import Settings
from app.system.address import url
from deploy.ray.application import Options, build

# Ray's store of shared objects; requests are below the 100 kB from which Ray Serve would use it.
_STORE_BYTES = 100 * 2**20
# Read by all of Ray's processes, so set before it starts.
VARIABLES: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deploy.ray.proxy:middlewares",
    # Without it, Ray starts a process for each core, for work that never comes.
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}


def main() -> int:
    """Serve until a signal."""
    given = _options()
    # Ray's ports are open to the network: only its own processes know the token. Without one, Ray would write
    # one into the home folder.
    for name, value in {**VARIABLES, "RAY_AUTH_TOKEN": secrets.token_hex(32)}.items():
        os.environ.setdefault(name, value)
    import ray
    from ray import serve

    settings = Settings()
    ray.init(
        num_cpus=given.cpus,
        include_dashboard=False,
        object_store_memory=_STORE_BYTES,
        log_to_driver=given.logs,
        configure_logging=given.logs,
        _temp_dir=given.folder,
    )
    try:
        serve.start(
            proxy_location="HeadOnly",
            http_options={
                "host": settings.host,
                "port": settings.port,
                "keep_alive_timeout_s": settings.keep_alive_timeout,
            },
            logging_config={"enable_access_log": settings.access_log},
        )
        serve.run(build(Options.model_validate(dict(each.split("=", 1) for each in given.arguments))))
        print(f"serving on {url(settings.host, settings.port)}", flush=True)  # noqa: T201 - for whoever waits
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        stopped.wait()
        serve.shutdown()
    finally:
        ray.shutdown()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.ray.local", description=__doc__)
    parser.add_argument("--cpus", type=int, default=os.cpu_count(), help="CPU cores that Ray may give away")
    parser.add_argument(
        "--folder", help="for Ray's sockets and logs; at most 60 characters; default: /tmp/ray"
    )
    parser.add_argument("--logs", action="store_true", help="show the log entries of all processes")
    parser.add_argument("arguments", nargs="*", metavar="KEY=VALUE", help="as of `serve run`: min_replicas=2")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
