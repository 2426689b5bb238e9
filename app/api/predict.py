"""Answering `POST /predict`: from the bytes of a request to those of its answer, however they come and go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
from fastapi import Response
from numpy.typing import NDArray
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope

from app.api import abstention, patience, versions
from app.api.headers import ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, FirstValues
from app.api.payloads import Decoders
from app.api.request_body import check_length, read_body
from app.api.response_writer import AnswerWriter
from app.errors import AppError, ClientClosed, MalformedPayload
from app.inference.batching import Answer, Entry
from app.inference.predictions import Series, Share
from app.inference.service import Service
from app.inference.versions import Rollout
from app.series.spec import SeriesSpec
from app.telemetry.metrics import Metrics

CLIENT_CLOSED = "the caller shut down its sending side before the prediction was there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may cost."""

    max_instances: int
    max_body_bytes: int
    timeout: float


class Wish(NamedTuple):
    """What a request's head asks for.

    Attributes:
        content_type: of its body, a value that is read.
        accept: the value of its Accept header, all lines of it.
        abstain: whether a series that the model is not sure of shall get no label.
        version: of the model; None for the one that serves.
        seconds: for which its caller waits.
    """

    content_type: str | None
    accept: str | None
    abstain: bool
    version: int | None
    seconds: float


class Asked(NamedTuple):
    """A request that waits for the engine.

    Attributes:
        wish: what its head asked for.
        voice: of the version that took it.
        parsed: seconds that reading the body took.
        coarse: `bool[n]`, which series had lost too much to their offset; None where none had.
        entry: its place in the queue; its `caller` gets the answer, or an error.
    """

    wish: Wish
    voice: Voice
    parsed: float
    coarse: NDArray[np.bool_] | None
    entry: Entry[Series, Share]


class Voice:
    """What one version of the model understands and says.

    Args:
        service: of the version.
        metrics: is told of every series that is answered.
        decoders: of bodies with series of its length.
    """

    def __init__(self, service: Service, metrics: Metrics, decoders: Decoders) -> None:
        self.service = service
        self.decoders = decoders
        self.write = AnswerWriter(service.contract, metrics)


class Predict:
    """The steps of `POST /predict`; `app/api/routes/native.py` documents it.

    Args:
        rollout: has the versions that compute.
        metrics: is told of every series that is answered.
        limits: of each request.
    """

    def __init__(self, rollout: Rollout, metrics: Metrics, limits: Limits) -> None:
        self._rollout = rollout
        self._metrics = metrics
        self._limits = limits
        self._voices: dict[Service, Voice] = {}
        # What pydantic makes of a form is full of circles: only a full collection would free it.
        self._decoders: dict[SeriesSpec, Decoders] = {}

    def voice(self, version: int | None = None) -> Voice:
        """That of a version, by default of the one that serves.

        Raises:
            ContractViolation: it is not loaded.
        """
        service = self._rollout.pick(version)
        voice = self._voices.get(service)
        if voice is None:
            voice = Voice(service, self._metrics, self._decoders_for(service.contract.input.spec))
            # Forget those of versions that were given up.
            self._voices = {known: self._voices[known] for known in self._voices if self._rollout.has(known)}
            self._voices[service] = voice
        return voice

    def _decoders_for(self, spec: SeriesSpec) -> Decoders:
        if spec not in self._decoders:
            self._decoders[spec] = Decoders(spec, max_instances=self._limits.max_instances)
        return self._decoders[spec]

    async def __call__(self, scope: Scope, receive: Receive) -> Response:
        """Answer a request of the framework's.

        Raises:
            PayloadError: the request is not one that can be answered.
            BatchingError: it gets no answer now.
            EngineError: the engine failed.
        """
        headers = FirstValues(scope)
        if refusal := self.refusal():
            raise refusal.with_traceback(None)  # others were told the same one
        wish = self.read_head(headers, scope["query_string"])
        deadline = asyncio.get_running_loop().time() + wish.seconds
        body = await read_body(headers, receive, max_bytes=self._limits.max_body_bytes, deadline=deadline)
        asked = self.ask(wish, body, deadline=deadline)
        scope["asked"] = asked  # for `RequestContext`, which takes it out
        answer = await self._outcome(asked, receive)
        content, media_type, timing = self.write(asked, answer)
        return Response(content, media_type=media_type, headers={"Server-Timing": timing})

    async def _outcome(self, asked: Asked, receive: Receive) -> Answer[Share]:
        """Wait for the answer, but no longer than the caller does: its body is read, so it sends no more."""
        outcome = asyncio.ensure_future(asked.voice.service.outcome(asked.entry))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((outcome, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not outcome.done():
                raise ClientClosed(CLIENT_CLOSED)
            return outcome.result()
        finally:
            outcome.cancel()  # withdraws what waits
            leaving.cancel()
            del outcome  # its error's traceback holds this frame: garbage that outlives the request

    def refusal(self) -> AppError | None:
        """What a request that comes now is told at once; None if it may go on.

        Under overload looking at it any longer would take the time that answers need.
        """
        return self._rollout.current.refusal()

    def read_head(self, headers: FirstValues, query: bytes = b"") -> Wish:
        """What a request asks for: the same for the same head, whenever it comes.

        Args:
            headers: the request's.
            query: the request's, without the question mark.

        Raises:
            PayloadError: it is not one that can be answered.
        """
        parameters = QueryParams(query) if query else None
        if headers.conflicts(CONTENT_TYPE):
            raise MalformedPayload("Content-Type is sent more than once with different values; send it once")
        content_type = headers.get(CONTENT_TYPE)
        self.voice().decoders.for_content_type(content_type)  # every version reads the same ones
        check_length(headers.get(CONTENT_LENGTH), self._limits.max_body_bytes)
        return Wish(
            content_type,
            headers.joined(ACCEPT),
            abstain=parameters is not None and abstention.is_wanted(parameters),
            version=None if parameters is None else versions.wanted(parameters),
            seconds=patience.wanted(headers, most=self._limits.timeout),
        )

    def ask(self, wish: Wish, body: bytes, *, deadline: float) -> Asked:
        """Read a request's body, and put its series into the queue.

        Only now does it get its version. Whichever served when the head came, the one that takes it is not
        given up before it has answered.

        Args:
            wish: what its head asks for.
            body: all of it.
            deadline: of the answer, on the event loop's clock.

        Raises:
            PayloadError: there are no series that can be answered.
            BatchingError: they get no answer now.
        """
        voice = self.voice(wish.version)
        if wish.abstain:
            abstention.check(voice.service.contract)
        started = perf_counter()
        found = voice.decoders.for_content_type(wish.content_type)(body)
        parsed = perf_counter() - started
        entry = voice.service.admit(found.series, deadline=deadline)
        return Asked(wish, voice, parsed, found.coarse, entry)

    def withdraw(self, asked: Asked) -> None:
        """Nobody waits for an answer any more."""
        asked.voice.service.withdraw(asked.entry)

    def write(self, asked: Asked, answer: Answer[Share]) -> tuple[bytes, str, str]:
        """An answer's body, its media type, and the value of its Server-Timing header.

        Raises:
            EngineError: a number is not finite.
        """
        wish = asked.wish
        content, media_type = asked.voice.write(
            answer.result, accept=wish.accept, abstain=wish.abstain, coarse=asked.coarse
        )
        timing = (
            f"parse;dur={asked.parsed * 1e3:.3f}, queue;dur={answer.queued * 1e3:.3f}, "
            f'infer;dur={answer.ran * 1e3:.3f}, batch;desc="{answer.batch_rows} series"'
        )
        return content, media_type, timing
