"""The server as an application of Ray Serve: `serve run deploy.ray.application:build`.

Batches are made by the server's own batcher in each replica, not by `@serve.batch`: deadlines, refusals and
cancelled requests are as without Ray.
"""

# No `from __future__ import annotations`: Ray Serve needs the class of `build`'s parameter, not its name.
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.server.serve import GRACE_SECONDS
from app.settings import Settings
from deploy.ray.proxy import RETRY_SECONDS
from deploy.ray.replica import Replica, replica_settings

NAME = "timeseries"
# Seconds between two health checks of a replica; Ray's default of 10 s leaves a dead one unnoticed for long.
HEALTH_CHECK_SECONDS = 2.0
# Requests that wait in a proxy while all replicas have their `max_ongoing_requests`, as a multiple of that.
QUEUED = 4


class Options(BaseModel):
    """The arguments of the application: `args` in a configuration, `KEY=VALUE` at `serve run`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_replicas: int = Field(1, ge=1, description="Replicas without load.")
    max_replicas: int = Field(4, ge=1, description="Most replicas.")
    target_ongoing_requests: float = Field(
        16.0, gt=0, description="Requests at a time of one replica above which Ray Serve adds replicas."
    )
    upscale_delay_s: float = Field(10.0, ge=0, description="Seconds of such load before one is added.")
    downscale_delay_s: float = Field(300.0, ge=0, description="Seconds of less load before one is removed.")
    num_cpus: float = Field(1.0, gt=0, description="CPU cores that Ray reserves for a replica.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_replicas < self.min_replicas:
            raise ValueError("max_replicas must be at least min_replicas")
        return self


def build(options: Options) -> Any:
    """The application, a `ray.serve.Application`.

    Raises:
        AppError: as `replica_settings`.
    """
    from ray import serve

    deployment = serve.deployment(serve.ingress()(Replica), **deployment_options(options, replica_settings()))
    return deployment.bind()


def deployment_options(options: Options, settings: Settings) -> dict[str, Any]:
    """Keyword arguments of `serve.deployment`: what the server's settings mean to Ray Serve.

    Args:
        options: of the application.
        settings: of its replicas.
    """
    # Without the server's own connections, this is what keeps bodies within MAX_BODY_BYTES_IN_FLIGHT.
    ongoing = max(1, settings.max_body_bytes_in_flight // settings.max_body_bytes)
    return {
        "name": NAME,
        "autoscaling_config": {
            "min_replicas": options.min_replicas,
            "max_replicas": options.max_replicas,
            "target_ongoing_requests": options.target_ongoing_requests,
            "upscale_delay_s": options.upscale_delay_s,
            "downscale_delay_s": options.downscale_delay_s,
        },
        "ray_actor_options": {"num_cpus": options.num_cpus},
        "logging_config": {"enable_access_log": settings.access_log},
        "max_ongoing_requests": ongoing,
        "max_queued_requests": QUEUED * ongoing,
        # What the server answers when its own queue is full.
        "backpressure_config": {"status_code": 429, "retry_after_s": RETRY_SECONDS},
        "health_check_period_s": HEALTH_CHECK_SECONDS,
        # A replica whose event loop hangs does not answer.
        "health_check_timeout_s": settings.worker_timeout,
        # Ray Serve kills a replica that still has requests after this time.
        "graceful_shutdown_timeout_s": settings.drain_timeout + GRACE_SECONDS,
    }
