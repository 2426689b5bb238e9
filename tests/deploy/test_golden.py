"""What the image check compares answers with."""

from __future__ import annotations

import numpy as np

from app.contract import Artifact
from deploy.golden import read_golden


def test_it_reads_what_the_server_reads(artifact: Artifact) -> None:
    """Without NumPy, the golden series and answers come out as the contract's own reader gives them."""
    golden = read_golden(artifact.folder)
    assert np.array_equal(np.array(golden.series, np.float32), artifact.golden.series)
    assert np.array_equal(np.array(golden.probabilities, np.float32), artifact.golden.probabilities)
    assert golden.labels == [label.name for label in artifact.contract.labels]
    assert golden.tolerance == artifact.contract.output.tolerance
