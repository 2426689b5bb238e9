"""`qa.fuzz.peak`: memory that was given back is seen, too."""

from __future__ import annotations

import numpy as np

from qa.fuzz.peak import Peak

SIZE = 64 * 1024 * 1024


def test_memory_that_is_held_for_a_moment_is_seen() -> None:
    """The most within the block counts, not what is left of it, nor what came before."""
    assert np.ones(2 * SIZE, np.uint8).sum() == 2 * SIZE
    with Peak() as peak:
        assert np.ones(SIZE, np.uint8).sum() == SIZE
    assert 0.9 * SIZE < peak.grown < 1.9 * SIZE
    with Peak() as peak:
        pass
    assert peak.grown < SIZE / 4
