"""Swaps the served version under load, with broken versions in between."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from itertools import pairwise

from qa.chaos.context import FaultContext
from qa.chaos.faults.swaps import Span, VersionFolder, holds, is_refused
from qa.chaos.finding import Finding, Promise, all_answered, finding_from
from qa.chaos.load import Load
from qa.chaos.oracle import Outcome
from qa.chaos.request_log import RequestLog
from qa.chaos.serving import serving
from qa.chaos.trend import slope
from qa.chaos.versions import wrong_digest, wrong_golden
from qa.chaos.workload import JSON, Request, Workload
from qa.harness.proc import Held
from qa.harness.server import ServerProcess

NAME = "version-swaps"
SHARED_NAME = "version-swaps-2"
SHARED_WORKERS = 2
CONNECTIONS = 8
RATE = 100.0
RELOAD_SECONDS = 0.5
HOWS = ("SIGHUP", "poll", "pin")
BROKEN = {"wrong digest": wrong_digest, "fails its golden answers": wrong_golden}
# Correct responses after each swap and each refusal.
SOME = 20
# A broken version of each kind comes early: the first verification of a model that fails loads a converter,
# which stays in memory.
BROKEN_AFTER = (0, 1, 12, 24, 36)
WARM = 3
# Swaps until memory has its working size: allocators keep the memory of the first swaps.
WARM_UP = 10
MOST_GROWTH = 0.1
# A model that is not unloaded adds tens of MB.
MOST_MB_PER_SWAP = 0.25
SETTLE_SECONDS = 15.0


async def inject(
    context: FaultContext, *, times: int | None = None, broken_after: Sequence[int] = BROKEN_AFTER
) -> Finding:
    """Swap versions of a single process `times` times; add broken versions after swaps `broken_after`."""
    return await _swap(context, NAME, workers=1, times=times, broken_after=broken_after)


async def inject_shared(context: FaultContext) -> Finding:
    """Swap versions of two workers, each of which polls the folder."""
    return await _swap(context, SHARED_NAME, workers=SHARED_WORKERS)


async def _swap(
    context: FaultContext,
    name: str,
    *,
    workers: int,
    times: int | None = None,
    broken_after: Sequence[int] = BROKEN_AFTER,
) -> Finding:
    versions = VersionFolder(context.folder / "versions", context.artifact)
    settings = context.settings | {"ARTIFACT": str(versions.folder), "RELOAD_SECONDS": str(RELOAD_SECONDS)}
    times = times or (6 if context.quick else 50)
    held: list[Held] = []
    broken: list[int] = []
    async with (
        serving(settings, log=context.log("server"), workers=workers) as server,
        Load(
            server.port, context.workload, _requests(context.workload), connections=CONNECTIONS, rate=RATE
        ) as load,
    ):
        pids = [server.pid, *server.workers]
        held.append(holds(pids))
        for number in range(times):
            await versions.swap(server, workers, how=HOWS[number % len(HOWS)])
            await load.wait_for_responses(SOME)
            held.append(holds(pids))  # the connection for /metrics is closed by now
            if number in broken_after:
                broken.append(await _refuse(versions, server, workers, place=len(broken)))
                await load.wait_for_responses(SOME)
        last = await _settled(pids, held[WARM])
        log = server.output
    return finding_from(
        name,
        load.request_log,
        load=f"{workers} {'worker' if workers == 1 else 'workers'}, no balancer; {load.description}",
        injected=f"{times} swaps: {_counted(times)}; {len(broken)} broken versions in between: "
        f"{', '.join(list(BROKEN)[: len(broken)])}",
        promises=[
            all_answered(load.request_log.tally()),
            only_serving_versions(load.request_log, versions.spans),
            _all_refused(log, broken, workers),
            *_resources_return(held, last),
            *([] if context.quick else [_no_slope(held, workers)]),
        ],
        measured=[_swap_times(versions.spans)],
    )


def _requests(workload: Workload) -> list[Request]:
    """Requests whose responses name the version."""
    good = [workload.json(size, seed=seed) for seed in range(8) for size in (1, 1, 1, 8)]
    return [*good, *(workload.npy(32, seed=seed, accept=JSON) for seed in range(4))]


async def _refuse(versions: VersionFolder, server: ServerProcess, workers: int, *, place: int) -> int:
    """Add a broken version and wait until it is refused; return its number.

    Raises:
        NotServing: it is not refused in time.
    """
    breaking = list(BROKEN.values())[place % len(BROKEN)]
    version = await versions.add_broken(breaking)
    await asyncio.to_thread(
        server.wait_until, lambda: is_refused(server, version, workers), f"refusing version {version}"
    )
    return version


async def _settled(pids: list[int], before: Held) -> Held:
    """Resources of the processes, once descriptors and threads are as before or time is up."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while _has_more(now := holds(pids), before) and time.monotonic() < deadline:  # noqa: ASYNC110 - /proc
        await asyncio.sleep(0.1)
    return now


def _has_more(now: Held, before: Held) -> bool:
    return now.descriptors > before.descriptors or now.threads > before.threads


def _counted(times: int) -> str:
    done = [HOWS[number % len(HOWS)] for number in range(times)]
    words = {
        "SIGHUP": "by SIGHUP",
        "poll": f"by polling every {RELOAD_SECONDS} s",
        "pin": "back by the pin file",
    }
    return ", ".join(f"{done.count(how)} {words[how]}" for how in HOWS)


def only_serving_versions(request_log: RequestLog, spans: Sequence[Span]) -> Promise:
    """Each response names a valid version that a worker served during the request."""

    def fits(version: int | None, sent: float, ended: float) -> bool:
        return any(span.version == version and span.since <= ended and sent <= span.until for span in spans)

    answered = request_log.of(Outcome.ANSWERED)
    strays = [entry for entry in answered if not fits(entry.version, entry.sent, entry.ended)]
    named = {entry.version for entry in answered}
    return Promise(
        "every response names a version that was valid and serving then",
        not strays and named == {span.version for span in spans},
        f"{len(strays)} others; {len(named)} versions served",
    )


def _all_refused(log: str, broken: Sequence[int], workers: int) -> Promise:
    """Every worker logs each refusal; the metric and `/model` were checked before."""
    logged = [len(re.findall(rf"version {version} is refused", log)) for version in broken]
    return Promise(
        "each broken version is refused: logged by every worker, counted, shown at /model",
        all(times == workers for times in logged) and "Traceback" not in log,
        f"{len(broken)} of {len(broken)} shown and counted; {sum(logged)} log lines",
    )


def _resources_return(held: Sequence[Held], last: Held) -> list[Promise]:
    """Promises about resources at the end, compared with those after the first swaps."""
    warm, warm_up = held[WARM], min(WARM_UP, len(held) - 1)
    ready, one, early, end = (each.resident / 1e6 for each in (held[0], held[1], held[warm_up], last))
    return [
        Promise(
            f"no more descriptors and threads than after {WARM} swaps",
            not _has_more(last, warm),
            f"{warm.descriptors}, {warm.threads} then; {last.descriptors}, {last.threads} at the end",
        ),
        Promise(
            f"resident memory at most {MOST_GROWTH:.0%} above that after {warm_up} swaps",
            end <= (1 + MOST_GROWTH) * early,
            f"{ready:.0f} MB when ready, {one:.0f} after one swap, {early:.0f} after {warm_up}, {end:.0f} at "
            "the end",
        ),
    ]


def _no_slope(held: Sequence[Held], workers: int) -> Promise:
    sizes = [each.resident / 1e6 / workers for each in held[WARM_UP:]]
    growth = slope(list(range(len(sizes))), sizes)
    return Promise(
        f"after that at most {MOST_MB_PER_SWAP:g} MB more per swap and worker, within two standard errors",
        growth.value - 2 * growth.error <= MOST_MB_PER_SWAP,
        f"{growth.value:+.2f} ± {growth.error:.2f} MB",
    )


def _swap_times(spans: Sequence[Span]) -> str:
    seconds = sorted(old.until - new.since for old, new in pairwise(spans))
    return (
        f"from adding a version until every worker serves only it: "
        f"median {seconds[len(seconds) // 2]:.1f} s, maximum {seconds[-1]:.1f} s"
    )
