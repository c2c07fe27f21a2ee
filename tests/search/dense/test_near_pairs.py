"""Pairs above a cosine against all products, and components against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qembed.search.dense import near_pairs as module
from qembed.search.dense.components import Components
from qembed.search.dense.near_pairs import near_pairs
from qembed.vectors import normalize

Pairs = dict[tuple[int, int], float]


def vectors(n: int, dim: int, seed: int, spread: float) -> np.ndarray:
    """Unit vectors around a common direction, a fifth of them near others."""
    rng = np.random.default_rng(seed)
    scale = np.linspace(1.0, 0.1, dim)
    out = rng.normal(size=(n, dim)) * scale + spread * rng.normal(size=dim)
    for i in range(0, n, 5):
        out[i] = out[rng.integers(0, n)] + rng.normal(size=dim) * scale * rng.random() * 0.4
    return normalize(out.astype(np.float32))


def found(v: np.ndarray, above: float) -> tuple[Pairs, int]:
    pairs: Pairs = {}
    done = []

    def take(i: np.ndarray, j: np.ndarray, cosines: np.ndarray) -> None:
        for a, b, c in zip(i.tolist(), j.tolist(), cosines.tolist(), strict=True):
            assert (a, b) not in pairs
            pairs[a, b] = c

    near_pairs(lambda a, b: v[a:b], len(v), above, take, done.append)
    return pairs, sum(done)


@pytest.mark.parametrize("spread", [0.0, 1.5])
@pytest.mark.parametrize("dim", [7, 64])
@pytest.mark.parametrize("above", [0.5, 0.9, 0.99])
@pytest.mark.slow
def test_no_pair_is_lost_and_none_is_too_far(
    spread: float, dim: int, above: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 96)
    monkeypatch.setattr(module, "PAIRS_AT_A_TIME", 100)
    v = vectors(260, dim, 3, spread)
    products = v.astype(np.float64) @ v.T.astype(np.float64)
    surely = {(i, j) for i, j in zip(*np.nonzero(products >= above + 1e-5), strict=True) if i < j}
    perhaps = {(i, j) for i, j in zip(*np.nonzero(products >= above - 1e-5), strict=True) if i < j}
    pairs, done = found(v, above)
    assert surely <= set(pairs) <= perhaps
    assert surely
    assert all(abs(products[p] - c) < 1e-5 for p, c in pairs.items())
    assert done == 260


def test_few_dimensions_exclude_most_pairs() -> None:
    v = vectors(1200, 64, 4, 0.0)
    rotation = module._leading_dimensions(lambda a, b: v[a:b], len(v), 0.95)
    assert rotation is not None
    assert rotation.shape[1] < 64
    part = module._leading_part(v, rotation)
    bounds, products = part @ part.T, v @ v.T
    assert (bounds >= products - module.MARGIN).all()
    assert (bounds >= 0.95).mean() < 0.01


def test_nothing_to_compare() -> None:
    assert found(np.zeros((0, 4), np.float32), 0.9) == ({}, 0)
    assert found(np.eye(4, dtype=np.float32)[:1], 0.9) == ({}, 1)


@pytest.mark.parametrize("edges", [0, 40, 150, 900])
def test_components_are_scipy_s(edges: int) -> None:
    rng = np.random.default_rng(edges)
    a, b = rng.integers(0, 300, (2, edges))
    mine = Components(300)
    for at in range(0, edges, 17):
        mine.join(a[at : at + 17], b[at : at + 17])
    labels = mine.labels()
    _, theirs = connected_components(coo_array((np.ones(edges), (a, b)), shape=(300, 300)))
    for label in set(theirs.tolist()):
        nodes = np.flatnonzero(theirs == label)
        assert (labels[nodes] == nodes[0]).all()
