"""`training.data.split`: which series are held out."""

from __future__ import annotations

import numpy as np

from training.data.split import split


def test_the_split_holds_out_each_class_alike() -> None:
    """The same fraction of each class is held out; the split is disjoint and depends on the seed."""
    targets = np.array([0] * 80 + [1] * 20 + [2])
    fitted, held_out = split(targets, fraction=0.2, seed=1)
    assert sorted([*fitted, *held_out]) == list(range(101))
    assert np.bincount(targets[held_out], minlength=3).tolist() == [16, 4, 0]
    np.testing.assert_array_equal(split(targets, fraction=0.2, seed=1)[1], held_out)
    assert not np.array_equal(split(targets, fraction=0.2, seed=2)[1], held_out)
