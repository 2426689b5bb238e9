"""Runs the batches of one version: short ones on the event loop's thread, others on the engine's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from app.contract import Contract, reason_of
from app.errors import AppError, EngineError
from app.inference.engines import Engine
from app.inference.engines.inline import InlineCalls, Limits, inline_batch_rows
from app.inference.predictions import BatchSlice, Postprocessor, Series, predict_batch
from app.system.thread import EngineThread


class EngineRunner:
    """Owns the engine and its thread.

    Args:
        contract: of the version.
        load: makes an engine that is verified on the golden answers; called once, on the engine's thread.
        inline_limits: of batches that are computed on the event loop's thread.
        stall_timeout: seconds after which such a batch ends the process.

    Attributes:
        thread: of the engine.
        engine: None until it is loaded, and after `close`.
        inline_rows: most series of a batch that is computed on the event loop's thread.
    """

    def __init__(
        self, contract: Contract, load: Callable[[], Engine], *, inline_limits: Limits, stall_timeout: float
    ) -> None:
        self.thread = EngineThread()
        self.engine: Engine | None = None
        self.inline_rows = 0
        self._contract = contract
        self._load = load
        self._limits = inline_limits
        self._stall_timeout = stall_timeout
        self._postprocess = Postprocessor(contract)
        self._inline: InlineCalls | None = None

    async def start(self) -> Engine:
        """Load, warm and verify the engine, and measure which batches are short.

        Raises:
            AppError: the artifact or the engine does not work.
        """
        try:
            # One call: `close` may close the thread meanwhile, and a second call would wait for ever.
            engine, self.inline_rows = await self.thread.run(self._load_and_measure)
        except AppError:
            raise
        except Exception as error:
            raise EngineError(f"the engine could not be loaded: {reason_of(error)}") from error
        self.engine = engine
        return engine

    def admit_inline(self) -> None:
        """Compute short batches on the event loop's thread from now on."""
        if self.inline_rows:
            self._inline = InlineCalls(rows=self.inline_rows, timeout=self._stall_timeout)

    async def run(self, batch: Sequence[Series], *, is_last: bool) -> list[BatchSlice]:
        """Predict a batch.

        Args:
            batch: series of each request.
            is_last: whether no other batch waits.

        Raises:
            EngineError: the engine failed.
        """
        assert self.engine is not None  # noqa: S101 - the batcher starts after the engine
        compute = partial(predict_batch, self.engine, self._postprocess, batch)
        if self._inline is None or sum(map(len, batch)) > self.inline_rows:
            return await self.thread.run(compute)
        if not is_last:
            await asyncio.sleep(0)  # a queue of many small batches must not block the loop
        return self._inline.run(compute)

    def close(self) -> None:
        """End the thread after the calls that it has, and free the engine."""
        self.thread.close()
        if self._inline is not None:
            self._inline.close()
        self.engine = None  # frees its memory now, not at the next garbage collection

    def _load_and_measure(self) -> tuple[Engine, int]:
        engine = self._load()
        return engine, inline_batch_rows(engine, self._contract.input.spec, limits=self._limits)
