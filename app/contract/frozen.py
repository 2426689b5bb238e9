"""The base of every model in the contract: immutable, nothing unknown, nothing that is not finite."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A part of `contract.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
