"""Which version of the model serves, and how another takes its place: beside it, proven first, then at once.

A version that is found is loaded, warmed and proven while the old one serves. Then new requests get the new
one, and those that the old one took get their answers from it. One that fails its checks changes nothing.
It knows folders and services, no HTTP and no engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from app.errors import ArtifactError, ContractViolation
from app.inference.refusals import Refusals, VersionsObserver
from app.inference.service import Service
from app.inference.status import State, Status
from app.inference.version_search import Found, check_fits, search
from app.system import process_tuning
from app.system.file_reads import logged_when_slow, read_off_loop

log = logging.getLogger(__name__)


class ModelVersions:
    """The versions that are loaded, of which one gets the requests that ask for none.

    Args:
        first: the version to start with, not yet started.
        open_version: makes the service of a version's folder, not yet started; raises `ArtifactError`.
        path: a version folder, which is all there is then, or a folder of versions.
        keep: how many versions stay loaded: the one that serves and those that served before it.
        finish: seconds in which a version that is given up finishes what it took.
        observer: told what happens.
    """

    def __init__(
        self,
        first: Service,
        open_version: Callable[[Path], Service],
        path: Path,
        *,
        keep: int,
        finish: float,
        observer: VersionsObserver,
    ) -> None:
        self._open = open_version
        self._path = path
        self._keep = keep
        self._finish = finish
        self._observer = observer
        self._loaded = [first]  # the one that serves, then those that served before it, the latest first
        self._refusals = Refusals(observer)
        self._trouble: str | None = None
        self._looking = asyncio.Lock()
        self._look_once_ready = False
        self._first_look: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> Service:
        """The version that serves."""
        return self._loaded[0]

    @property
    def versions(self) -> tuple[int, ...]:
        """Those that are loaded, the one that serves first."""
        return tuple(service.contract.version for service in self._loaded)

    def has(self, service: Service) -> bool:
        """Whether a version is loaded."""
        return service in self._loaded

    @property
    def refused(self) -> Mapping[str, str]:
        """Why versions were not taken, by their folders' names."""
        return self._refusals.reasons

    @property
    def has_failed(self) -> bool:
        """Whether the first version could not be made or proven."""
        return self.current.has_failed

    @property
    def is_draining(self) -> bool:
        """Whether it has been asked to stop."""
        return self.current.is_draining

    def status(self) -> Status:
        """The state of the version that serves, read from memory."""
        return self.current.status()

    def pick(self, version: int | None) -> Service:
        """The version that is asked for; the one that serves if none is.

        Raises:
            ContractViolation: it is not loaded.
        """
        if version is None:
            return self._loaded[0]
        for service in self._loaded:
            if service.contract.version == version:
                return service
        loaded = ", ".join(map(str, self.versions))
        raise ContractViolation([("version", f"{version} is not loaded; loaded: {loaded}")])

    async def start(self) -> None:
        """Load, warm and prove the first version, then take requests.

        Raises:
            AppError: it does not work.
        """
        await self.current.start()
        self._tell_serving(self.current)
        if self._look_once_ready:
            # Not waited for: whoever waits for the start must not wait for a mount that hangs.
            self._first_look = asyncio.create_task(self.look(again=True))

    async def watch(self, *, seconds: float) -> None:
        """Look for another version every so many seconds, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.look()

    async def look(self, *, again: bool = False) -> None:
        """Have the version serve that is to be served; what goes wrong is logged and changes nothing.

        Args:
            again: try one again that was refused, though it has not changed; and during the start, look
                when that is over.
        """
        async with self._looking:
            state = self.current.status().state
            self._look_once_ready |= again and state is State.STARTING
            if state is not State.READY:
                return
            try:
                with self._logged_when_slow(self._path, "not searched for versions"):
                    found = await read_off_loop(self._search())
            # Deleted, say: what is loaded needs no files. Or there was no thread to look with.
            except (ArtifactError, RuntimeError) as error:
                self._complain(str(error))
                return
            self._trouble = None
            if not self.is_draining:
                await self._follow(found, again=again)

    def drain(self) -> None:
        """Say no to readiness, and go on answering."""
        for service in self._loaded:
            service.drain()

    async def close(self, *, timeout: float) -> None:
        """Admit nothing more, finish the admitted within `timeout` seconds, fail the rest with `NotReady`."""
        if self._first_look:
            self._first_look.cancel()
        await asyncio.gather(*(service.close(timeout=timeout) for service in self._loaded), *self._leaving)

    def _search(self) -> Callable[[], Found]:
        loaded = {each.artifact.folder: each.artifact.contract_sha256 for each in self._loaded}
        return partial(search, self._path, loaded=loaded, known=self._refusals.folders)

    async def _follow(self, found: Found, *, again: bool) -> None:
        """Take what a look found, and refuse what is wrong."""
        self._refusals.lift(found.gone)
        for folder, reason in found.misnamed.items():
            if again or not self._refusals.holds(folder, None):
                self._refuse(folder, None, ArtifactError(reason))
        folder, state = found.folder, found.state
        is_known = self._refusals.holds(folder, state) and not again
        loaded = next((service for service in self._loaded if service.artifact.folder == folder), None)
        if loaded and not found.replaced:
            self._serve(loaded)
        elif loaded and not is_known:
            self._refuse(folder, state, ArtifactError(found.replaced))
        elif not loaded and not is_known and (service := await self._prove(folder, state)):
            if self.is_draining:  # meanwhile
                await service.close(timeout=0)
            else:
                self._serve(service)

    def _serve(self, service: Service) -> None:
        self._refusals.lift([service.artifact.folder])
        if service is self.current:
            return
        log.info("version %d serves, after version %d", service.contract.version, self.versions[0])
        self._loaded = [service, *(other for other in self._loaded if other is not service)]
        self._tell_serving(service)
        while len(self._loaded) > self._keep:
            task = asyncio.create_task(self._retire(self._loaded.pop()))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _prove(self, folder: Path, state: object) -> Service | None:
        """A started service of a version; None, and a note of the reason, if it does not work."""
        try:
            with self._logged_when_slow(folder, "not loaded"):
                service = await read_off_loop(partial(self._open, folder))
                try:
                    name = self.current.contract.name
                    check_fits(service.artifact, self._path, name=name, loaded=self.versions)
                    await service.start()
                except Exception:
                    await service.close(timeout=0)
                    raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the watching
            self._refuse(folder, state, error)
            await asyncio.to_thread(process_tuning.release_memory)
            return None
        return service

    def _complain(self, trouble: str) -> None:
        """Log what is in the way of looking, once for as long as it is."""
        if trouble != self._trouble:
            log.warning("versions cannot be looked for: %s", trouble)
        self._trouble = trouble

    def _logged_when_slow(self, path: Path, what: str) -> AbstractContextManager[None]:
        return logged_when_slow(str(path), what, meanwhile=f"version {self.versions[0]} serves on")

    def _refuse(self, folder: Path, state: object, error: Exception) -> None:
        self._refusals.add(folder, state, error, serving=self.versions[0])

    async def _retire(self, service: Service) -> None:
        contract, engine = service.contract, service.engine_description or ""
        await service.close(timeout=self._finish)
        # It may have been loaded anew while it finished what it had.
        loaded = {(each.contract.version, each.engine_description or "") for each in self._loaded}
        if (contract.version, engine) not in loaded:
            self._observer.retired(model=contract.name, version=contract.version, engine=engine)
        await asyncio.to_thread(process_tuning.release_memory)
        log.info("version %d is given up", contract.version)

    def _tell_serving(self, service: Service) -> None:
        contract, engine = service.contract, service.engine_description or ""
        self._observer.serving(model=contract.name, version=contract.version, engine=engine)
