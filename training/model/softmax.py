"""From logits to probabilities, outside the graph. Plain numpy; no runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities `float32[n, classes]` of logits `[n, classes]`, computed in the logits' precision."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)
