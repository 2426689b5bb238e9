"""`app.contract.neighbours.search`: exact, with ties in order."""

from __future__ import annotations

import numpy as np

from app.contract.neighbours import nearest

RANDOM = np.random.default_rng(0)


def test_it_finds_what_a_full_sort_finds() -> None:
    """Indices and distances are those of all distances in float64, sorted."""
    embeddings = RANDOM.standard_normal((500, 16)).astype(np.float32)
    queries = RANDOM.standard_normal((40, 16)).astype(np.float32)
    indices, distances = nearest(embeddings, queries, 7)
    every = np.linalg.norm(queries[:, np.newaxis].astype(np.float64) - embeddings, axis=2)
    np.testing.assert_array_equal(indices, np.argsort(every, axis=1)[:, :7])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :7], rtol=1e-6)


def test_a_near_duplicate_of_a_large_embedding_keeps_its_distance() -> None:
    """The product form of distances would round it to 0, or to several times as much."""
    embedding = np.full((1, 64), 1000.0, np.float32)
    query = embedding.copy()
    query[0, 0] += 0.5
    assert nearest(embedding, query, 1)[1] == 0.5


def test_of_equal_distances_the_lower_index_is_first() -> None:
    """Also where only some of them are among the k."""
    embeddings = np.array([[1.0], [-1.0], [0.5], [1.0], [-1.0]], np.float32)
    indices, _ = nearest(embeddings, np.zeros((1, 1), np.float32), 3)
    assert indices.tolist() == [[2, 0, 1]]


def test_fewer_embeddings_than_neighbours() -> None:
    """All of them are returned."""
    indices, distances = nearest(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 20)
    assert indices.tolist() == [[0, 1], [1, 0]]
    assert distances[:, 0].tolist() == [0, 0]
