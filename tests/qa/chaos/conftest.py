"""What the tests of the client share: a small workload of requests, made up."""

from __future__ import annotations

import numpy as np
import pytest

from qa.chaos.workload import Workload


@pytest.fixture
def workload() -> Workload:
    """Four series of three values, whose answers are far apart."""
    series = np.arange(12, dtype=np.float32).reshape(4, 3)
    first = np.array([0.1, 0.4, 0.6, 0.9], np.float32)
    return Workload(series, np.stack([first, 1 - first], axis=1), ("a", "b"), tolerance=1e-3)
