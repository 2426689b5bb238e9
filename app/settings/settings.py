"""What an operator can set, all of it from the environment.

Only `app.cli`, `app.server` and `app.main` read settings; everything else takes plain values.
`docs/settings.md` has their table, which `python -m app settings` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.settings.values import origin, tidy
from app.system.address import HOST, PORT
from app.system.affinity import MOST_WORKERS

# Routes that are open to all unless they are closed.
CLOSABLE = ("metrics", "docs", "openapi.json", "/")

# First parts of the paths that the server has itself, those of all protocols among them. Under one of them it
# could not tell whether a proxy has taken the prefix away: /model may be its own, or what is left of /model/.
_OWN_PATHS = frozenset(
    (
        *("docs", "livez", "metrics", "model", "openapi.json", "predict", "problems", "readyz", "startupz"),
        "static-offline-docs",
    )
)
_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")


def _names(text: object) -> object:
    """The parts of a text with commas; anything else as it is, for pydantic to judge."""
    if not isinstance(text, str):
        return text
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _any_of(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# Not JSON, which pydantic-settings would take it for.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]


class Settings(BaseSettings):
    """Settings of one server. Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, env_ignore_empty=True
    )

    host: str = Field(
        HOST,
        description="Address to listen on: `0.0.0.0` for all IPv4 addresses, `::` for all IPv6 and IPv4 "
        "addresses (IPv4 alone where the system has no IPv6). A name stands for its first IPv4 address, or "
        "its first IPv6 address if it has no other.",
    )
    port: int = Field(PORT, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] | Literal["auto"] = Field(
        1,
        description="Processes that share the port, each with its own engine and about 175 MB; `auto` is one "
        "for each processor, as far as affinity and the container's CPU quota go. On a GPU, give a number.",
    )
    pin_workers: bool = Field(
        True,
        description="Keep each of several workers to processors of its own, where there are enough; `false` "
        "leaves them to the system, which is right where something else keeps one of them busy.",
    )
    artifact: Path = Field(
        Path("model_artifacts/forda"),
        description="A version folder, or a folder of versions, of which the highest is served.",
    )
    reload_seconds: float = Field(
        10.0,
        ge=0,
        le=86400,
        description="Seconds between looks for another version to serve; 0 looks at SIGHUP alone.",
    )
    keep_versions: int = Field(
        1,
        ge=1,
        le=16,
        description="Versions that stay loaded: the one served and those before it, for `?version=`.",
    )
    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        "auto",
        description="Runtime; `auto` is TensorFlow where it is installed and there is a GPU, else OpenVINO.",
    )
    engine_threads: int = Field(
        1,
        ge=0,
        le=1024,
        description="CPU threads that compute one batch; 0 lets the runtime choose, or is a worker's part of "
        "the container's CPU quota.",
    )
    max_batch_rows: int = Field(
        256, ge=1, le=65536, description="Most series in one request, and in one batch of the engine."
    )
    max_queue_seconds: float = Field(
        1.0,
        gt=0,
        le=3600,
        description="Longest wait for the engine with which a request is admitted, in seconds. What the "
        "measured pace cannot start within that, or before its own deadline, gets 429.",
    )
    max_queue_rows: int = Field(
        131072,
        ge=1,
        description="Most series that wait for the engine; past that, requests get 429. This limits memory: "
        "a value takes 4 bytes, so 131,072 series of 500 values take 250 MiB.",
    )
    max_batch_wait: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Seconds the first series of a batch may wait for others while the engine is free.",
    )
    inline_batch_rows: int | None = Field(
        None,
        ge=0,
        le=64,
        description="Most series in a batch that is computed on the event loop's own thread, where that "
        "takes no more than a millisecond, or 4 for a worker that has one processor; by default 8, or "
        "32 for such a worker. 0 hands every batch to the engine's thread.",
    )
    request_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds from a request's arrival to its deadline; past that, 504."
    )
    max_body_bytes: int = Field(
        4 * 1024 * 1024,
        ge=1024,
        description="Largest request body, as sent and decompressed; past that, 413.",
    )
    max_body_bytes_in_flight: int = Field(
        256 * 1024 * 1024,
        ge=0,
        description="Bytes of bodies of more than 64 KiB, as they have arrived, that one worker holds at "
        "once; past that, the newest of them get 429 and the end of their connection.",
    )
    max_connections: int = Field(
        4096,
        ge=0,
        le=1_000_000,
        description="Most connections to one worker at once; past that, 503 and the end. 0 is no limit.",
    )
    keep_alive: int = Field(
        75,
        ge=1,
        le=3600,
        description="Seconds an idle connection stays open; longer than a balancer keeps its own.",
    )
    stall_after: float = Field(
        30.0,
        gt=0,
        description="Seconds one batch may run before `/livez` says that the engine hangs; in a batch of "
        "INLINE_BATCH_ROWS the process ends instead, with exit code 70.",
    )
    worker_timeout: float = Field(
        10.0,
        ge=1,
        le=3600,
        description="Seconds without a heartbeat after which one of several workers is killed and replaced.",
    )
    drain_delay: float = Field(
        0.0, ge=0, le=600, description="Seconds to go on accepting after SIGTERM, while `/readyz` says no."
    )
    drain_timeout: float = Field(
        30.0, ge=0, le=3600, description="Seconds to finish what was admitted before the rest gets 503."
    )
    api_keys: Path | None = Field(
        None,
        description="File of the API keys that let callers in; `python -m app key NAME` makes one. "
        "Without it all come in.",
    )
    closed: Names = Field(
        (),
        description=f"Routes, with commas between them, that are not open to all: {_any_of(CLOSABLE)}. "
        "They need a key; where there are no keys, they are not there.",
    )
    cors_origins: Names = Field(
        (),
        description="Origins, with commas between them, whose pages may ask this server from a browser: "
        "`https://host` or `https://host:port`, or `*` for all.",
    )
    root_path: str = Field(
        "",
        description="Path under which a proxy serves this server, such as `/forda`, whether the proxy strips "
        "it or not: for `/docs`, redirects, the OpenAPI document and the types of problems.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log entry that is written."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="One JSON object a line, or text for a person at a terminal."
    )
    access_log: bool = Field(False, description="Log a line for every request that was answered.")
    traces: bool = Field(
        False,
        description="Send a trace of requests to an OpenTelemetry collector, as `OTEL_` variables say; "
        "needs `requirements/extras/traces.txt`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, values: dict[str, Any]) -> dict[str, Any]:
        return tidy(values, {name: field.annotation for name, field in cls.model_fields.items()})

    @field_validator("workers", mode="wrap")
    @classmethod
    def _is_a_number_or_auto(cls, value: object, validate: ValidatorFunctionWrapHandler) -> object:
        """One error, not one for the number and one for the word."""
        try:
            return validate(value)
        except ValidationError:
            raise ValueError(f"a number from 1 to {MOST_WORKERS} is needed, or `auto`") from None

    @field_validator("closed")
    @classmethod
    def _can_be_closed(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name.lower() not in CLOSABLE:
                raise ValueError(f"{name!r} cannot be closed, only {_any_of(CLOSABLE)}")
        return tuple(name.lower() for name in names)

    @field_validator("root_path")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        if not _ROOT_PATH.fullmatch(path):
            raise ValueError(
                f"{path!r} is no path, such as /forda or /models/forda: a slash first and none last, and "
                "parts of letters, digits and -._~ between slashes"
            )
        if path.count("/") == 1 and path[1:] in _OWN_PATHS:
            raise ValueError(f"{path!r} is a path of the server itself; choose another one")
        return path

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(origin, origins))

    @model_validator(mode="after")
    def _queue_holds_a_batch(self) -> Self:
        if self.max_queue_rows < self.max_batch_rows:
            raise ValueError("MAX_QUEUE_ROWS must be at least MAX_BATCH_ROWS")
        return self
