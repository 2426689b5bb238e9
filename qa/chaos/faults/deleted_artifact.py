"""Deletes the served artifact: the verified version is in memory."""

from __future__ import annotations

import shutil
from asyncio import to_thread

from qa.chaos.context import FaultContext
from qa.chaos.finding import Finding, Promise, all_answered, finding_from
from qa.chaos.load import Load
from qa.chaos.serving import serving

NAME = "deleted-artifact"
CONNECTIONS = 16
RATE = 100.0
# Correct responses before and after.
SOME = 300
PATHS = ("/readyz", "/livez", "/model", "/metrics", "/openapi.json")


async def inject(context: FaultContext) -> Finding:
    """Serve a copy of the artifact and delete it."""
    copy = context.folder / "artifact" / str(context.artifact.contract.version)
    shutil.copytree(context.artifact.folder, copy)
    settings = context.settings | {"ARTIFACT": str(copy)}
    requests = context.workload.mixed()
    async with (
        serving(settings, log=context.log("server")) as server,
        Load(server.port, context.workload, requests, connections=CONNECTIONS, rate=RATE) as load,
    ):
        await load.wait_for_responses(SOME)
        before = [await to_thread(server.status, path) for path in PATHS]
        shutil.rmtree(copy)
        await load.wait_for_responses(SOME)
        after = [await to_thread(server.status, path) for path in PATHS]
    now = ", ".join(f"{path} {status}" for path, status in zip(PATHS, after, strict=True))
    return finding_from(
        NAME,
        load.request_log,
        load=f"1 replica, no balancer; {load.description}",
        injected="the served version folder (a copy) deleted",
        promises=[
            all_answered(load.request_log.tally()),
            Promise("probes and documents still get 200", after == before == [200] * len(PATHS), now),
        ],
    )
