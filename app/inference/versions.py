"""The loaded versions of a model: which one serves, and how a new one replaces it without downtime.

A new version is loaded, warmed and verified while the old one serves. Then it gets all new requests, and the
old one finishes the requests that it admitted. A version that fails its checks changes nothing. This module
knows folders and services, no HTTP and no engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from app.contract.wording import shown
from app.errors import ArtifactError, ContractViolation, StoreError, UnknownModel
from app.inference.refusals import Refusals, VersionsObserver
from app.inference.service import Service
from app.inference.status import State, Status
from app.inference.version_search import FolderSource, SearchResult, VersionSource, check_fits
from app.system import process_tuning
from app.system.file_reads import logged_when_slow, read_off_loop
from app.telemetry.drift.monitor import DriftMonitor

log = logging.getLogger(__name__)


class ModelVersions:
    """The loaded versions; one of them serves the requests that name no version.

    Args:
        first: the version to start with, not yet started.
        open_version: makes the service of a version folder, not yet started; raises `ArtifactError`.
        path: a version folder, which is then the only version, or a folder of versions.
        keep: how many versions stay loaded: the one that serves and those that served before it.
        close_timeout: seconds in which a version that is unloaded finishes its admitted requests.
        observer: receives events.
        source: where versions are searched for; by default the path.

    Attributes:
        draining: set when shutdown begins, for requests without an end.
    """

    def __init__(
        self,
        first: Service,
        open_version: Callable[[Path], Service],
        path: Path,
        *,
        keep: int,
        close_timeout: float,
        observer: VersionsObserver,
        source: VersionSource | None = None,
    ) -> None:
        self._open = open_version
        self._path = path
        self._keep = keep
        self._close_timeout = close_timeout
        self._observer = observer
        self._source = source or FolderSource(path)
        self._services = [first]  # the one that serves, then earlier ones, latest first
        self._refusals = Refusals(observer)
        self._last_warning: str | None = None
        self._checking = asyncio.Lock()
        self._check_once_ready = False
        self._first_check: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self.draining = asyncio.Event()

    @property
    def current(self) -> Service:
        """The version that serves."""
        return self._services[0]

    @property
    def loaded(self) -> tuple[int, ...]:
        """Numbers of the loaded versions; the one that serves is the first."""
        return tuple(service.contract.version for service in self._services)

    @property
    def drift(self) -> list[DriftMonitor]:
        """The drift monitors of the loaded versions that have one."""
        return [service.drift for service in self._services if service.drift is not None]

    def has(self, service: Service) -> bool:
        """Whether a version is loaded."""
        return service in self._services

    @property
    def refused(self) -> Mapping[str, str]:
        """Reasons why versions were refused, by folder name."""
        return self._refusals.reasons

    @property
    def has_failed(self) -> bool:
        """Whether the first version could not be loaded or verified."""
        return self.current.has_failed

    @property
    def is_draining(self) -> bool:
        """Whether shutdown has begun."""
        return self.current.is_draining

    def status(self) -> Status:
        """The state of the version that serves, read from memory."""
        return self.current.status()

    def pick(self, version: int | None, *, model: str | None = None) -> Service:
        """The service of a version; None means the one that serves.

        Args:
            version: number of it.
            model: name of the model, in protocols whose requests name it.

        Raises:
            ContractViolation: the version is not loaded, and the request names no model.
            UnknownModel: the request names a model that is not served, or a version that is not loaded.
        """
        serving = self._services[0]
        if model is not None and model != serving.contract.name:
            raise UnknownModel(
                f"model {shown(model)} is not served here; the model is {serving.contract.name!r}"
            )
        if version is None:
            return serving
        for service in self._services:
            if service.contract.version == version:
                return service
        loaded = f"{version} is not loaded; loaded: {', '.join(map(str, self.loaded))}"
        if model is not None:
            raise UnknownModel(f"version {loaded}")
        raise ContractViolation([("version", loaded)])

    async def start(self) -> None:
        """Load, warm and verify the first version, then admit requests.

        Raises:
            AppError: the version cannot be served.
        """
        await self.current.start()
        self._report_serving(self.current)
        if self._check_once_ready:
            # Not awaited: the start must not wait for a mount that hangs.
            self._first_check = asyncio.create_task(self.check(again=True))

    async def watch(self, *, seconds: float) -> None:
        """Check for a new version periodically, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.check()

    async def check(self, *, again: bool = False) -> None:
        """Load and serve the version that should serve; errors are logged and change nothing.

        Args:
            again: retry a refused version even if it has not changed. During startup: check once it is over.
        """
        async with self._checking:
            state = self.current.status().state
            self._check_once_ready |= again and state is State.STARTING
            if state is not State.READY:
                return
            try:
                with self._logged_when_slow(self._source.place, "versions not listed"):
                    found = await read_off_loop(self._search())
            # The folder was deleted, say, or no thread could be started. Loaded versions need no files.
            except (ArtifactError, StoreError, RuntimeError) as error:
                self._warn_once(str(error))
                return
            if self.is_draining:
                return
            try:
                await self._follow(found, again=again)
            except StoreError as error:  # the next check continues
                self._warn_once(str(error))
            else:
                self._last_warning = None

    def drain(self) -> None:
        """Turn readiness off and keep answering requests."""
        self.draining.set()
        for service in self._services:
            service.drain()

    async def close(self, *, timeout: float) -> None:
        """Stop admission, finish admitted requests within `timeout` seconds, then fail the rest."""
        self.draining.set()
        if self._first_check:
            self._first_check.cancel()
        await asyncio.gather(*(service.close(timeout=timeout) for service in self._services), *self._retiring)

    def _search(self) -> Callable[[], SearchResult]:
        loaded = {each.artifact.folder: each.artifact.contract_sha256 for each in self._services}
        return partial(self._source.search, loaded=loaded, known=self._refusals.folders)

    async def _follow(self, found: SearchResult, *, again: bool) -> None:
        """Serve the version that was found, and refuse folders that are wrong.

        Raises:
            StoreError: the version cannot be fetched now.
        """
        self._refusals.clear(found.deleted)
        for folder, reason in found.misnamed.items():
            if again or not self._refusals.contains(folder, None):
                self._refuse(folder, None, ArtifactError(reason))
        folder, state = found.folder, found.state
        is_known = self._refusals.contains(folder, state) and not again
        loaded = next((service for service in self._services if service.artifact.folder == folder), None)
        if loaded and not found.replaced:
            self._serve(loaded)
        elif loaded and not is_known:
            self._refuse(folder, state, ArtifactError(found.replaced))
        elif not loaded and not is_known and (service := await self._load_verified(folder, state)):
            if self.is_draining:  # shutdown began during loading
                await service.close(timeout=0)
            else:
                self._serve(service)

    def _serve(self, service: Service) -> None:
        self._refusals.clear([service.artifact.folder])
        if service is self.current:
            return
        if service.drift is not None:
            service.drift.reset()
        log.info("now serving version %d; before: version %d", service.contract.version, self.loaded[0])
        self._services = [service, *(other for other in self._services if other is not service)]
        self._report_serving(service)
        while len(self._services) > self._keep:
            task = asyncio.create_task(self._retire(self._services.pop()))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _load_verified(self, folder: Path, state: object) -> Service | None:
        """The started service of a version; None if it fails its checks, with the reason recorded.

        Raises:
            StoreError: its files cannot be fetched now, which is no fault of the version.
        """
        try:
            with self._logged_when_slow(str(folder), "not loaded"):
                service = await read_off_loop(partial(self._open, folder))
                try:
                    name = self.current.contract.name
                    check_fits(service.artifact, self._path, name=name, loaded=self.loaded)
                    await service.start()
                except Exception:
                    await service.close(timeout=0)
                    raise
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - no error of a version may end `watch`
            self._refuse(folder, state, error)
            await asyncio.to_thread(process_tuning.release_memory)
            return None
        return service

    def _warn_once(self, reason: str) -> None:
        """Log why the check failed, unless the check before failed for the same reason."""
        if reason != self._last_warning:
            log.warning("cannot check for new versions: %s", reason)
        self._last_warning = reason

    def _logged_when_slow(self, place: str, what: str) -> AbstractContextManager[None]:
        meanwhile = f"version {self.loaded[0]} keeps serving"
        return logged_when_slow(place, what, meanwhile=meanwhile, because=self._source.slow_because)

    def _refuse(self, folder: Path, state: object, error: Exception) -> None:
        self._refusals.add(folder, state, error, serving=self.loaded[0])

    async def _retire(self, service: Service) -> None:
        contract, engine = service.contract, service.engine_description or ""
        await service.close(timeout=self._close_timeout)
        # The same version may have been loaded again meanwhile.
        loaded = {(each.contract.version, each.engine_description or "") for each in self._services}
        if (contract.version, engine) not in loaded:
            self._observer.retired(model=contract.name, version=contract.version, engine=engine)
        await asyncio.to_thread(process_tuning.release_memory)
        log.info("unloaded version %d", contract.version)

    def _report_serving(self, service: Service) -> None:
        contract, engine = service.contract, service.engine_description or ""
        self._observer.serving(model=contract.name, version=contract.version, engine=engine)
