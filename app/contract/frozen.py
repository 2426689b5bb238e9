"""What every model of the contract is made of: its base, and the texts that name files and their content."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A file's name inside the version folder: no separators, so nothing can point out of it.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


class Frozen(BaseModel):
    """A part of `contract.json`: immutable, nothing unknown, nothing that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
