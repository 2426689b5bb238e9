"""All settings of the server, read from environment variables.

Only `app.cli`, `app.server` and `app.main` read settings; everything else takes plain values.
`python -m app settings` prints the table in `docs/settings.md`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.settings.deprecated import deprecated_values
from app.settings.values import (
    PROTECTABLE_ROUTES,
    PROTOCOLS,
    ArtifactPlace,
    Origins,
    ProtectedRoutes,
    Protocols,
    RootPath,
    Workers,
    quoted,
    strip_values,
)
from app.system.address import HOST, PORT


class Settings(BaseSettings):
    """Settings of one server. Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, env_ignore_empty=True
    )

    host: str = Field(
        HOST,
        description="Address to listen on: `0.0.0.0` for all IPv4 addresses, `::` for all IPv6 and IPv4 "
        "addresses (IPv4 only, on a system without IPv6). A host name means its first IPv4 address, or its "
        "first IPv6 address if it has no IPv4 address.",
    )
    port: int = Field(PORT, ge=0, le=65535, description="Port to listen on. 0 means any free port.")
    grpc_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port to listen on for gRPC, at HOST; `0.0.0.0` means IPv6 addresses, too. Not set means "
        "no gRPC, 0 means any free port. Needs `requirements/extras/grpc.txt`.",
    )
    workers: Workers = Field(
        1,
        description="Number of worker processes that share the port. Each has its own engine and takes about "
        "175 MB. `auto` starts one per usable CPU core (CPU affinity and the container's CPU quota count). "
        "On a GPU, set a number.",
    )
    pin_workers: bool = Field(
        True,
        description="Pin each worker to its own CPU cores if there are at least as many cores as workers. "
        "Set `false` if another process keeps one of the cores busy.",
    )
    artifact: ArtifactPlace = Field(
        Path("model_artifacts/forda"),
        description="Version folder to serve, or folder of versions, of which the highest is served; or the "
        "URL of one: `s3://bucket/folder`, `gs://`, `az://`, `https://`, `http://`. A URL needs "
        "`requirements/extras/store.txt`.",
    )
    artifact_cache: Path | None = Field(
        None,
        description="Folder for versions that are fetched from the URL in ARTIFACT; processes and replicas "
        "may share it. Not set means `timeseries-server` in `XDG_CACHE_HOME`, or else in `~/.cache`.",
    )
    require_signature: Path | None = Field(
        None,
        description="File of a public key (PEM). Versions that were not signed with its private key, or were "
        "changed since, are refused. Needs `requirements/extras/signatures.txt`.",
    )
    reload_seconds: float = Field(
        10.0,
        ge=0,
        le=86400,
        description="Interval between checks for another version to serve, in seconds. 0 means that only "
        "SIGHUP starts a check.",
    )
    keep_versions: int = Field(
        1,
        ge=1,
        le=16,
        description="Number of versions that stay loaded: the one that is served, and the ones that were "
        "served before it. A client can request them with `?version=`.",
    )
    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        "auto",
        description="Inference runtime. `auto` means TensorFlow if it is installed and there is a GPU, "
        "otherwise OpenVINO.",
    )
    engine_threads: int = Field(
        1,
        ge=0,
        le=1024,
        description="Number of CPU threads that compute one batch. 0 means the runtime's default, but "
        "not more than the worker's share of the container's CPU quota.",
    )
    max_batch_rows: int = Field(
        256,
        ge=1,
        le=65536,
        description="Maximum number of series in one request and in one batch. Larger requests are refused.",
    )
    max_queue_seconds: float = Field(
        1.0,
        gt=0,
        le=3600,
        description="Maximum expected wait in the queue, in seconds. A request that would wait longer, or "
        "past its deadline, gets 429.",
    )
    max_queue_rows: int = Field(
        131072,
        ge=1,
        description="Maximum number of series in the queue; further requests get 429. This limits memory: a "
        "value takes 4 bytes, so 131,072 series of 500 values take 250 MiB.",
    )
    background_queue_rows: int = Field(
        16384,
        ge=1,
        description="Maximum number of series in the background queue, where variants of explanations and "
        "series whose neighbours are searched for wait until no prediction does; further requests get 429.",
    )
    background_share: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Share of the engine's time that the background queue gets while predictions always "
        "wait.",
    )
    explain_max_variants: int = Field(
        4096,
        ge=1,
        description="Maximum number of variants in one request for explanations: one for each series and "
        "each of its regions, and the series themselves. Larger requests are refused.",
    )
    explain_timeout: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Timeout of a request for explanations from its arrival, in seconds; after it, the "
        "request gets 504.",
    )
    max_batch_wait: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Maximum time that the first series of a batch waits for more series while the engine is "
        "free, in seconds.",
    )
    inline_batch_rows: int | None = Field(
        None,
        ge=0,
        le=64,
        description="Batches of up to this number of series are computed on the event loop's thread, if that "
        "takes at most 1 ms (4 ms if the worker has one CPU core). The default is 8 (32 if the worker "
        "has one CPU core). 0 means that the engine's thread computes all batches.",
    )
    request_timeout: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Timeout of a request from its arrival, in seconds; after it, the request gets 504.",
    )
    max_body_bytes: int = Field(
        4 * 1024 * 1024,
        ge=1024,
        description="Maximum size of a request body, both as sent and decompressed, in bytes; a larger one "
        "gets 413.",
    )
    max_body_bytes_in_flight: int = Field(
        256 * 1024 * 1024,
        ge=0,
        description="Maximum number of bytes that one worker holds of all request bodies that are larger "
        "than 64 KiB. If more arrive, the newest of these requests get 429 and their connections are closed.",
    )
    max_connections: int = Field(
        4096,
        ge=0,
        le=1_000_000,
        description="Maximum number of connections to one worker; further connections get 503 and are "
        "closed. 0 means no limit.",
    )
    keep_alive_timeout: int = Field(
        75,
        ge=1,
        le=3600,
        description="Time after which an idle connection is closed, in seconds. Set it longer than the load "
        "balancer's own timeout.",
    )
    max_connection_age: float = Field(
        300.0,
        ge=0,
        le=86400,
        description="Age of a connection after which its next response ends it (`Connection: close`), in "
        "seconds, so that clients reconnect and new replicas get a share of them. Up to a tenth is added or "
        "subtracted at random, so that connections do not end together. 0 means no limit.",
    )
    stall_timeout: float = Field(
        30.0,
        gt=0,
        description="Timeout of one batch, in seconds; after it, `/livez` gets 503 because the engine hangs. "
        "If the batch runs on the event loop (INLINE_BATCH_ROWS), the process ends with exit code 70.",
    )
    worker_timeout: float = Field(
        10.0,
        ge=1,
        le=3600,
        description="Timeout for a worker's heartbeat, in seconds; after it, the worker is killed and "
        "replaced. Needs several workers.",
    )
    drain_delay: float = Field(
        0.0,
        ge=0,
        le=600,
        description="Time after SIGTERM in which the server still accepts requests while `/readyz` gets 503, "
        "in seconds.",
    )
    drain_timeout: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="Time after DRAIN_DELAY in which the server finishes admitted requests, in seconds; "
        "those that are not finished then get 503.",
    )
    drift_false_alarm_rate: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="Probability of ever raising the drift alarm while the series are like the training "
        "data; counted anew at each start, reset and swap of versions.",
    )
    drift_window: float = Field(
        3600.0,
        ge=60,
        le=31_536_000,
        description="Length of the sliding window of `GET /drift`, in seconds. The alarm does not depend on "
        "it.",
    )
    api_keys_file: Path | None = Field(
        None,
        description="File of API keys; requests without one of them get 401. `python -m app key NAME` makes "
        "a key. Without a file, no key is needed.",
    )
    protected_routes: ProtectedRoutes = Field(
        (),
        description=f"Routes that need an API key, separated by commas: {quoted(PROTECTABLE_ROUTES)}. "
        "Without API_KEYS_FILE, they get 404.",
    )
    protocols: Protocols = Field(
        PROTOCOLS,
        description="Wire protocols that the server speaks over HTTP, separated by commas: "
        f"{quoted(PROTOCOLS)}. Paths of the others get 404.",
    )
    cors_origins: Origins = Field(
        (),
        description="Origins of web pages that may send requests from a browser, separated by commas: "
        "`https://host` or `https://host:port`, or `*` for all.",
    )
    root_path: RootPath = Field(
        "",
        description="Path prefix under which a proxy serves this server, such as `/forda`, whether or not "
        "the proxy strips it. Used in `/docs`, redirects, the OpenAPI document and problem types.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum severity of log entries."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="Format of log entries: one JSON object per line, or text for a terminal."
    )
    access_log: bool = Field(False, description="Log one line per request.")
    traces: bool = Field(
        False,
        description="Send traces to an OpenTelemetry collector, which the `OTEL_` variables configure. Needs "
        "`requirements/extras/traces.txt`.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not used
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not used
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, and the old names of renamed variables in it."""
        renamed = {new.lower(): value for _, new, value in deprecated_values(os.environ)}
        return init_settings, InitSettingsSource(settings_cls, renamed), env_settings

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, values: dict[str, Any]) -> dict[str, Any]:
        return strip_values(values, {name: field.annotation for name, field in cls.model_fields.items()})

    @model_validator(mode="after")
    def _queues_hold_a_request(self) -> Self:
        if self.max_queue_rows < self.max_batch_rows:
            raise ValueError("MAX_QUEUE_ROWS must be at least MAX_BATCH_ROWS")
        if self.background_queue_rows < self.explain_max_variants:
            raise ValueError("BACKGROUND_QUEUE_ROWS must be at least EXPLAIN_MAX_VARIANTS")
        return self
