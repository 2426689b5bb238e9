"""A well-written FastAPI app: orjson and a small micro-batcher.

Run as `uvicorn benchmarks.peers.apps.baseline_app:app --workers N`. Settings: MAX_BATCH (series).
"""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from benchmarks.peers.apps import wire
from benchmarks.peers.apps.joining import Array, run_together
from benchmarks.peers.model import Model

MAX_BATCH = int(os.environ.get("MAX_BATCH", "256"))
Waiting = tuple[Array, "asyncio.Future[Array]"]


async def run_batches(queue: asyncio.Queue[Waiting], model: Model) -> None:
    """Batch forever: take waiting requests, up to MAX_BATCH series, and run them on a thread."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        while True:
            batch = [await queue.get()]
            rows = len(batch[0][0])
            while rows < MAX_BATCH and not queue.empty():
                batch.append(queue.get_nowait())
                rows += len(batch[-1][0])
            arrays = [series for series, _ in batch]
            try:
                answers = await loop.run_in_executor(pool, run_together, model, arrays)
            except Exception as error:  # noqa: BLE001 - waiting requests must get any error
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model, and batch until shutdown."""
    app.state.queue = asyncio.Queue()
    batcher = asyncio.create_task(run_batches(app.state.queue, Model()))
    yield
    batcher.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(request: Request) -> Response:
    """Probabilities, in the format of the request."""
    body = await request.body()
    binary = body[:1] == wire.NPY
    answer: asyncio.Future[Array] = asyncio.get_running_loop().create_future()
    request.app.state.queue.put_nowait((wire.read(body), answer))
    media_type = "application/x-npy" if binary else "application/json"
    return Response(wire.write(await answer, binary=binary), media_type=media_type)


@app.get("/health")
async def health() -> dict[str, bool]:
    """200 once the model is loaded."""
    return {"ok": True}
