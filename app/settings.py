"""What an operator can set, all of it from the environment.

Only `main` and `cli` read settings; everything else takes plain values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.address import HOST, PORT


class Settings(BaseSettings):
    """Settings of one server. Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, env_ignore_empty=True
    )

    host: str = Field(HOST, description="Address to listen on; `0.0.0.0` for all.")
    port: int = Field(PORT, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    workers: int = Field(
        1, ge=1, le=256, description="Processes that share the port, each with its own engine."
    )
    artifact: Path = Field(
        Path("model_artifacts/forda"),
        description="A version folder, or a folder of versions, of which the highest is served.",
    )
    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        "auto",
        description="Runtime; `auto` is TensorFlow where it is installed and there is a GPU, else OpenVINO.",
    )
    engine_threads: int = Field(
        1, ge=0, le=1024, description="CPU threads that compute one batch; 0 lets the runtime choose."
    )
    max_batch_rows: int = Field(
        256, ge=1, le=65536, description="Most series in one request, and in one batch of the engine."
    )
    max_queue_rows: int = Field(
        4096, ge=1, description="Most series that wait for the engine; past that, requests get 429."
    )
    max_batch_wait: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Seconds the first series of a batch may wait for others while the engine is free.",
    )
    request_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds from a request's arrival to its deadline; past that, 504."
    )
    max_body_bytes: int = Field(
        4 * 1024 * 1024,
        ge=1024,
        description="Largest request body, as sent and decompressed; past that, 413.",
    )
    keep_alive: int = Field(
        75,
        ge=1,
        le=3600,
        description="Seconds an idle connection stays open; longer than a balancer keeps its own.",
    )
    stall_after: float = Field(
        30.0, gt=0, description="Seconds one batch may run before `/livez` says that the engine hangs."
    )
    drain_delay: float = Field(
        0.0, ge=0, le=600, description="Seconds to go on accepting after SIGTERM, while `/readyz` says no."
    )
    drain_timeout: float = Field(
        30.0, ge=0, le=3600, description="Seconds to finish what was admitted before the rest gets 503."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log entry that is written."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="One JSON object a line, or text for a person at a terminal."
    )
    access_log: bool = Field(False, description="Log a line for every request that was answered.")

    @model_validator(mode="after")
    def _queue_holds_a_batch(self) -> Self:
        if self.max_queue_rows < self.max_batch_rows:
            raise ValueError("MAX_QUEUE_ROWS must be at least MAX_BATCH_ROWS")
        return self
