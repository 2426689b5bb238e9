"""Delete the artifact that is being served: what was proven at the start is in memory."""

from __future__ import annotations

import shutil
from asyncio import to_thread

from qa.chaos.finding import Finding, Promise, nothing_but_answers, of_ledger
from qa.chaos.load import Load
from qa.chaos.serving import serving
from qa.chaos.stage import Stage

NAME = "deleted-artifact"
CONNECTIONS = 16
RATE = 100.0
# Right answers before and after.
SOME = 300
PATHS = ("/readyz", "/livez", "/model", "/metrics", "/openapi.json")


async def inject(stage: Stage) -> Finding:
    """Serve a copy of the artifact and delete it."""
    copy = stage.folder / "artifact" / str(stage.artifact.contract.version)
    shutil.copytree(stage.artifact.folder, copy)
    settings = stage.serves | {"ARTIFACT": str(copy)}
    questions = stage.book.mixed()
    async with (
        serving(settings, log=stage.log("server")) as server,
        Load(server.port, stage.book, questions, connections=CONNECTIONS, rate=RATE) as load,
    ):
        await load.wait_for_answers(SOME)
        before = [await to_thread(server.status, path) for path in PATHS]
        shutil.rmtree(copy)
        await load.wait_for_answers(SOME)
        after = [await to_thread(server.status, path) for path in PATHS]
    now = ", ".join(f"{path} {status}" for path, status in zip(PATHS, after, strict=True))
    return of_ledger(
        NAME,
        load.ledger,
        load=f"1 replica, no balancer; {load.words}",
        injected="the folder that is served, a copy, deleted",
        promises=[
            nothing_but_answers(load.ledger.tally()),
            Promise("probes and documents answered as before", after == before == [200] * len(PATHS), now),
        ],
    )
