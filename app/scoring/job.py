"""A scoring job from its options to its manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.contract import Artifact
from app.scoring.artifacts import ArtifactSource
from app.scoring.coordinator import Coordinator
from app.scoring.errors import ScoringError
from app.scoring.inputs import find_inputs
from app.scoring.leases import Leases, Owner
from app.scoring.ledger import Ledger, Totals
from app.scoring.plan import Plan, make_plan
from app.scoring.pool import WorkerPool
from app.scoring.shard_table import check_parquet
from app.scoring.worker import WorkerOptions
from app.series.readers.rows import RowOptions
from app.store import is_url, open_store, shown_url

SHARD_ROWS = 50_000
LEASE_SECONDS = 60.0
# Of a shard in memory, before it is compressed.
_SHARD_VALUES = 2**26


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """What to score, with what, and where the results go.

    Attributes:
        inputs: files, folders, patterns and URLs of them.
        output: folder or URL.
        artifact: see `ArtifactSource`.
        engine: as the setting `ENGINE`.
        processes: workers to start.
        rows: what to read of files.
        abstain: no label for a series whose label set does not hold exactly one.
        shard_rows: of a task where files can be divided.
        lease_seconds: without a renewal, after which a task is given to another process.
    """

    inputs: Sequence[str]
    output: str
    artifact: ArtifactSource
    engine: str
    processes: int
    rows: RowOptions
    abstain: bool = False
    shard_rows: int = SHARD_ROWS
    lease_seconds: float = LEASE_SECONDS


def run_job(
    options: ScoringOptions,
    *,
    report: Callable[[str], None],
    on_rows: Callable[[int, int | None], None],
) -> Totals:
    """Score until the job is complete, together with other processes that were given the same options.

    Args:
        options: see there.
        report: takes lines for people.
        on_rows: see `Coordinator`.

    Raises:
        AppError: the job cannot be started or continued; a run with the same options goes on.
    """
    check_parquet()
    ledger = Ledger(open_store(options.output))
    plan = ledger.plan()
    artifact = options.artifact.open(None if plan is None else plan.job["model"])
    job = _job(options, artifact)
    if plan is None:
        plan = ledger.create_plan(_planned(options, artifact, job))
    ledger.check_job(plan, job)
    _report_repeated(plan, report)
    owner = Owner.this()
    leases = Leases(open_store(options.output), owner, seconds=options.lease_seconds)
    coordinator = Coordinator(plan, ledger, leases, lease_seconds=options.lease_seconds, on_rows=on_rows)
    coordinator.look()
    if not coordinator.is_complete:
        with WorkerPool(_worker_options(options, artifact, owner)) as pool:
            coordinator.run(pool)
    return coordinator.finish()


def _job(options: ScoringOptions, artifact: Artifact) -> dict[str, Any]:
    contract = artifact.contract
    return {
        "inputs": list(options.inputs),
        "options": {"abstain": options.abstain, "shard_rows": options.shard_rows, **asdict(options.rows)},
        "model": {
            "name": contract.name,
            "version": contract.version,
            "contract_sha256": artifact.contract_sha256,
        },
    }


def _planned(options: ScoringOptions, artifact: Artifact, job: Mapping[str, Any]) -> Plan:
    _check_output_is_apart(options)
    contract = artifact.contract
    rows = max(1, min(options.shard_rows, _SHARD_VALUES // contract.columns))
    return make_plan(job, find_inputs(options.inputs), contract.input.spec, rows)


def _check_output_is_apart(options: ScoringOptions) -> None:
    """Refuse an output inside an input folder, whose files would be read as series."""
    for name in options.inputs:
        if is_url(name) != is_url(options.output):
            continue
        if is_url(name):
            is_inside = f"{options.output.rstrip('/')}/".startswith(f"{name.rstrip('/')}/")
        else:
            is_inside = Path(options.output).resolve().is_relative_to(Path(name).resolve())
        if is_inside:
            raise ScoringError(
                f"{shown_url(options.output)}: is inside the input {shown_url(name)}; name another"
            )


def _report_repeated(plan: Plan, report: Callable[[str], None]) -> None:
    repeated = len(plan.files) - len({file.name for file in plan.files})
    if repeated:
        report(f"{repeated:,} files are named more than once; the result has their rows once for each time")


def _worker_options(options: ScoringOptions, artifact: Artifact, owner: Owner) -> WorkerOptions:
    return WorkerOptions(
        artifact=artifact.folder,
        contract_sha256=artifact.contract_sha256,
        engine=options.engine,
        output=options.output,
        rows=options.rows,
        abstain=options.abstain,
        owner=str(owner),
        workers=options.processes,
    )
