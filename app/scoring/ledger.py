"""The state of a job in its output: the plan, a record for each finished task, and the manifest at the end.

`plan.json` and the records are written by a conditional put that only creates, so that the first one counts.
A shard is in the result if a record names it. Its own name has the digest of its content: a process that is
late, or was thought to be dead, may write the same shard again, or another one that no record names; it can
never change one that counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from app.errors import ObjectConflict, ObjectMissing
from app.scoring.plan import Plan, Task
from app.scoring.scorer import ScoredShard
from app.series.manifest import MANIFEST, ManifestError, Shard, check_same_job, document_of
from app.store import Store

PLAN = "plan.json"
RECORDS, SHARDS, LEASES = "records", "shards", "leases"
# Of a plan with millions of tasks, and of a manifest.
_MAX_BYTES = 512 * 1024 * 1024
_READERS = 16


@dataclass(frozen=True, slots=True)
class Record:
    """A finished task.

    Attributes:
        shard: path of its file in the output.
        rows: in it: one for each row of the input.
        bad: those that have no prediction.
        bytes: size of the file.
        sha256: of the file.
        owner: of the lease under which it was written, for people.
        problem: why the input file could not be read to its end; empty if it could.
    """

    shard: str
    rows: int
    bad: int
    bytes: int
    sha256: str
    owner: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """A complete job.

    Attributes:
        rows: of all inputs.
        bad: those that have no prediction.
        problems: of files that could not be read to their end.
    """

    rows: int
    bad: int
    problems: tuple[str, ...]


class Ledger:
    """Reads and writes the state of a job.

    Args:
        store: of the output.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(self) -> Plan | None:
        """The plan, if there is one; raises ManifestError if it is damaged."""
        try:
            content = self._store.read(PLAN, max_bytes=_MAX_BYTES).content
        except ObjectMissing:
            return None
        return Plan.from_json(content, f"{self._store.url}/{PLAN}")

    def create_plan(self, plan: Plan) -> Plan:
        """Store a plan; the result is that of another process if it was first."""
        try:
            self._store.create(PLAN, plan.to_json())
        except ObjectConflict:
            return self.plan() or plan
        return plan

    def check_job(self, plan: Plan, job: Mapping[str, Any]) -> None:
        """Check that a plan is of this job.

        Raises:
            ManifestError: it is of another one; the message names what differs.
        """
        check_same_job(self._store.url, plan.job, job)

    def write_shard(self, task: Task, shard: ScoredShard, owner: str) -> Record:
        """Store a shard; the result is the record that makes it count once it is added."""
        digest = hashlib.sha256(shard.content).hexdigest()
        path = f"{SHARDS}/{_name(task.number)}-{digest[:16]}.parquet"
        self._store.overwrite(path, shard.content)
        return Record(path, shard.rows, shard.bad, len(shard.content), digest, owner, shard.problem)

    def add(self, number: int, record: Record) -> bool:
        """Make a shard count, if no other one of its task does; the result is whether it does.

        Where it does not, the file is deleted.
        """
        path = _record_path(number)
        try:
            self._store.create(path, json.dumps(asdict(record)).encode())
        except ObjectConflict:
            # It may be this record: a store that answers too late is asked again.
            first = self.record(number)
            if first.shard != record.shard:
                self._store.delete(record.shard)
            return first == record
        return True

    def is_recorded(self, number: int) -> bool:
        """Whether a task is finished."""
        return self._store.find(_record_path(number)) is not None

    def recorded(self) -> set[int]:
        """The numbers of all finished tasks."""
        names = (each.path.rpartition("/")[2] for each in self._store.list(RECORDS))
        return {int(name.removesuffix(".json")) for name in names}

    def record(self, number: int) -> Record:
        """The record of a finished task; raises ManifestError if it is damaged."""
        path = _record_path(number)
        try:
            return Record(**json.loads(self._store.read(path).content))
        except (ValueError, TypeError) as error:
            raise ManifestError(f"{self._store.url}/{path}: damaged; score into another output") from error

    def finish(self, plan: Plan) -> Totals:
        """Write the manifest of a job whose tasks are all finished, and delete what no longer counts.

        Any number of processes may do so at the same time.
        """
        records = self._read_records(len(plan.tasks()))
        content = manifest_document(plan.job, records)
        with suppress(ObjectConflict):  # another process has, which has read the same records
            self._store.create(MANIFEST, content)
        self._delete_all_but({record.shard for record in records})
        return Totals(
            sum(record.rows for record in records),
            sum(record.bad for record in records),
            tuple(record.problem for record in records if record.problem),
        )

    def _read_records(self, count: int) -> list[Record]:
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(self.record, range(count)))

    def _delete_all_but(self, shards: set[str]) -> None:
        late: Iterable[str] = [
            each.path
            for folder in (SHARDS, LEASES)
            for each in self._store.list(folder)
            if each.path not in shards
        ]
        for path in late:
            self._store.delete(path)


def manifest_document(job: Mapping[str, Any], records: Sequence[Record]) -> bytes:
    """The manifest of `app.series.manifest`, with all shards in the order of the inputs."""
    shards, end = [], 0
    for record in records:
        first, end = end, end + record.rows
        counts = {"scored": record.rows - record.bad, "bad": record.bad}
        shards.append(Shard(record.shard, first, end, record.rows, record.bytes, record.sha256, counts))
    return document_of(job, shards)


def _name(number: int) -> str:
    return f"{number:08}"


def _record_path(number: int) -> str:
    return f"{RECORDS}/{_name(number)}.json"
