"""Asks for predictions with neighbours: in JSON, one request at a time."""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from app.client.answers import NPY
from app.client.call import Connected
from app.client.errors import InvalidOptions, UnexpectedResponse
from app.client.http.sending import Outgoing, send
from app.client.parts import Part, Parts, split
from app.client.schemas import MAX_NEIGHBOUR_VALUES, MAX_NEIGHBOURS, Prediction, PredictResponse
from app.client.series_input import SeriesInput, arrays_of
from app.series.spec import SeriesSpec


async def neighbours_of(
    server: Connected, series: SeriesInput, k: int, *, with_series: bool | None
) -> list[Prediction]:
    """A prediction with its neighbours for each series; raises as `AsyncClient.neighbours` does."""
    if not 1 <= k <= MAX_NEIGHBOURS:
        raise InvalidOptions(f"k is {k}; a request takes 1 to {MAX_NEIGHBOURS} neighbours")
    taken = server.model.contract.input
    spec = SeriesSpec(taken.length, taken.channels)
    limits = server.model.limits
    if with_series is not False:
        most = max(1, min(limits.max_instances, MAX_NEIGHBOUR_VALUES // (k * spec.values)))
        limits = limits.model_copy(update={"max_instances": most})
    query = f"?neighbours={k}"
    if with_series is not None:
        query += f"&neighbours_series={str(with_series).lower()}"
    url = server.http.at("/predict", query)
    found: list[Prediction] = []
    for part in split(arrays_of(series), Parts(spec, limits)):
        found += await _ask(server, url, part)
    return found


async def _ask(server: Connected, url: httpx.URL, part: Part) -> list[Prediction]:
    headers = {"Content-Type": NPY, "Accept": "application/json"}
    response = await send(server.http, Outgoing("POST", url, headers, part.body), server.policy)
    try:
        predictions = PredictResponse.model_validate_json(response.content).predictions
    except ValidationError as error:
        raise UnexpectedResponse(f"{response.url}: the response has no predictions; check the URL") from error
    if len(predictions) != part.count or any(each.neighbours is None for each in predictions):
        raise UnexpectedResponse(f"{response.url}: no neighbours; update the server")
    return predictions
