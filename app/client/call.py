"""One call of `predict` or `explain`: its requests in flight, and their answers in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeAlias

import httpx

from app.client.answers import ACCEPT, NPY, read_answer, read_explanations
from app.client.errors import ClientError, InvalidSeries
from app.client.explanations.options import ExplainOptions, query_of, series_in_request, support_of
from app.client.explanations.results import Explanations
from app.client.http.sending import Outgoing, RetryPolicy, Server, send
from app.client.in_flight import InFlightLimit, InOrder
from app.client.parts import Part, Parts, split, split_stream
from app.client.results import Answer, Predictions
from app.client.schemas import ModelDescription
from app.client.series_input import SeriesInput, arrays_of, arrays_of_stream
from app.series.spec import SeriesSpec

# Called with the number of series that have their predictions, and that of all series, None if it is unknown.
Progress: TypeAlias = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Connected:
    """A server that can be asked, and what is known of it.

    Attributes:
        http: where requests go.
        policy: of retries.
        limit: of requests in flight; all calls adapt it.
        model: its description.
    """

    http: Server
    policy: RetryPolicy
    limit: InFlightLimit
    model: ModelDescription


class Question(NamedTuple):
    """What the requests of a call ask.

    Attributes:
        path: of the route.
        query: with its question mark; empty without one.
        accept: media type of the responses.
        read: reads a response, given the model and the number of series.
        max_series: most series in a request.
    """

    path: str
    query: str
    accept: str
    read: Callable[[httpx.Response, ModelDescription, int], Answer]
    max_series: int


class Call:
    """Sends parts of series, several in flight, and returns their answers in order.

    Call `put` for each part that `parts` makes, then `take` until it returns nothing, and `cancel` at the
    end. All of them run on the event loop of the server's client; `parts` may be used on any thread.

    Args:
        server: to ask.
        question: to ask it.
        total: number of series, for `progress`; None if it is unknown.
        progress: called after each result.

    Attributes:
        parts: makes parts of arrays.
        model: that the server has.
        server: as given.
    """

    def __init__(
        self,
        server: Connected,
        question: Question,
        *,
        total: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.server, self._question = server, question
        self._total, self._progress = total, progress
        self._done = 0
        self._url = server.http.at(question.path, question.query)
        self.model = server.model
        taken = server.model.contract.input
        limits = server.model.limits.model_copy(update={"max_instances": question.max_series})
        self.parts = Parts(SeriesSpec(taken.length, taken.channels), limits)
        self._in_order = InOrder(self._send, server.limit)

    async def put(self, part: Part) -> list[Answer]:
        """Send a part as soon as the limit allows; return answers that are next in order.

        Raises:
            ClientError: an earlier part has failed.
        """
        return self._counted(await self._in_order.put(part))

    async def take(self) -> list[Answer]:
        """Wait for the next answers; none at the end.

        Raises:
            ClientError: the next part has failed.
        """
        return self._counted(await self._in_order.take())

    async def cancel(self) -> None:
        """Stop what is in flight."""
        await self._in_order.cancel()

    def _counted(self, answers: list[Answer]) -> list[Answer]:
        self._done += sum(len(answer.records) for answer in answers)
        if answers and self._progress is not None:
            self._progress(self._done, self._total)
        return answers

    async def _send(self, part: Part) -> Answer:
        server = self.server
        headers = {"Content-Type": NPY, "Accept": self._question.accept}
        outgoing = Outgoing("POST", self._url, headers, part.body)
        try:
            response = await send(
                server.http, outgoing, server.policy, on_attempt=partial(self._adapt, part.is_full)
            )
            return self._question.read(response, server.model, part.count)
        except ClientError as error:
            if part.first == 0 and not part.is_full:
                raise  # the only request
            last = part.first + part.count - 1
            message = f"series {part.first:,} to {last:,}: {error}"
            raise type(error)(message, problem=error.problem) from error

    def _adapt(self, is_full_part: bool, seconds: float, is_refused: bool) -> None:
        if is_refused or is_full_part:  # the latency of a smaller one says little
            self.server.limit.on_response(seconds, is_refused)


class PredictCall(Call):
    """A call for predictions; arguments as of `Call`.

    Args:
        server: to ask.
        abstain: give no label to a series unless its label set has exactly one.
        total: number of series, for `progress`; None if it is unknown.
        progress: called after each result.
    """

    def __init__(
        self, server: Connected, *, abstain: bool, total: int | None = None, progress: Progress | None = None
    ) -> None:
        query, most = "?abstain=true" if abstain else "", server.model.limits.max_instances
        super().__init__(
            server, Question("/predict", query, ACCEPT, read_answer, most), total=total, progress=progress
        )
        self._abstain = abstain

    def predictions(self, answers: Sequence[Answer]) -> Predictions:
        """The predictions of some answers."""
        return Predictions(answers, self.model, abstain=self._abstain)


class ExplainCall(Call):
    """A call for explanations; arguments as of `Call`.

    Raises:
        InvalidOptions: the model has no explanations, or an option is invalid.
    """

    def __init__(
        self,
        server: Connected,
        options: ExplainOptions,
        *,
        total: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        support = support_of(server.model)
        query, most = query_of(options), series_in_request(options, support)
        # A limit of its own: explanations take longer than predictions, and the limit compares latencies.
        own = replace(server, limit=InFlightLimit(), policy=policy_for(server.policy, support.timeout))
        super().__init__(
            own,
            Question("/explain", query, NPY, read_explanations, most),
            total=total,
            progress=progress,
        )

    def explanations(self, answers: Sequence[Answer]) -> Explanations:
        """The explanations of all answers.

        Raises:
            InvalidSeries: there are none, because there were no series.
        """
        if not answers:
            raise InvalidSeries("no series to explain")
        return Explanations(answers)


def policy_for(policy: RetryPolicy, seconds: float, *, margin: float = 5.0) -> RetryPolicy:
    """The policy, with the server's own timeout and a margin for the network as that of an attempt."""
    return replace(policy, attempt_timeout=min(policy.timeout, seconds + margin))


async def answers_of(
    call: Call, series: SeriesInput | AsyncIterable[SeriesInput]
) -> AsyncGenerator[Answer, None]:
    """The answers to all requests of a call, in order."""
    try:
        async for part in _parts(call, series):
            for answer in await call.put(part):
                yield answer
        while answers := await call.take():
            for answer in answers:
                yield answer
    finally:
        await call.cancel()


async def _parts(call: Call, series: SeriesInput | AsyncIterable[SeriesInput]) -> AsyncIterator[Part]:
    if hasattr(series, "__aiter__"):
        async for part in split_stream(arrays_of_stream(series), call.parts):
            yield part
    else:
        for part in split(arrays_of(series), call.parts):
            yield part
