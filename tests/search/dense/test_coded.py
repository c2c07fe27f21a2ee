"""Exact search by codes against a plain sort of all products, on cases made to be hard for its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from qembed.search import Exact
from qembed.search.dense import coded as coded_module
from qembed.search.dense.coded import CodedSearch, code_query
from qembed.search.dense.exact import CODED_QUERIES
from qembed.vector_codes import encode

CASES = 10_000

Rng = np.random.Generator
Made = tuple[np.ndarray, np.ndarray]
"""Vectors float32 (n, dim), and a query."""


def units(rng: Rng, n: int, dim: int) -> np.ndarray:
    v = rng.normal(size=(n, dim)).astype(np.float32)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def plain(rng: Rng, n: int, dim: int) -> Made:
    return units(rng, n, dim), units(rng, 1, dim)[0]


def near_ties(rng: Rng, n: int, dim: int) -> Made:
    """All around one direction, nearer to one another than a code's step."""
    centre = units(rng, 1, dim)
    vectors = centre + 10.0 ** rng.integers(-8, -2) * units(rng, n, dim)
    return vectors.astype(np.float32), units(rng, 1, dim)[0]


def copies(rng: Rng, n: int, dim: int) -> Made:
    few = units(rng, 3, dim)
    return few[rng.integers(0, 3, n)], units(rng, 1, dim)[0]


def no_residual(rng: Rng, n: int, dim: int) -> Made:
    """Whole numbers: codes say all of them, and many products are equal."""
    vectors = rng.integers(-3, 4, (n, dim))
    vectors[:, 0] = 127
    return vectors.astype(np.float32), rng.integers(-3, 4, dim).astype(np.float32)


def one_large(rng: Rng, n: int, dim: int) -> Made:
    """A dimension so large that the others have the code 0; the query looks at the others."""
    vectors, query = plain(rng, n, dim)
    vectors[:, 0] = 50 * rng.choice([-1, 1], n)
    query[0] = 0
    return vectors, query


def any_length(rng: Rng, n: int, dim: int) -> Made:
    vectors, query = plain(rng, n, dim)
    lengths = 10.0 ** rng.uniform(-44, 37, (n, 1))
    return (vectors * lengths).astype(np.float32), (query * 10.0 ** rng.uniform(-20, 20)).astype(
        np.float32
    )


def zeros(rng: Rng, n: int, dim: int) -> Made:
    vectors, query = plain(rng, n, dim)
    vectors[rng.random(n) < 0.5] = 0
    return vectors, query * np.float32(rng.integers(0, 2))


def rounding(rng: Rng, n: int, dim: int) -> Made:
    """Neighbours by the last bits of float32."""
    vectors, query = plain(rng, 1, dim)
    steps = rng.integers(-2, 3, (n, dim)) * np.spacing(vectors)
    return (vectors + steps).astype(np.float32), query


KINDS: list[Callable[[Rng, int, int], Made]] = [
    plain, near_ties, copies, no_residual, one_large, any_length, zeros, rounding,
]  # fmt: skip


def by_codes(vectors: np.ndarray, base: int, live: np.ndarray | None, cut: int) -> CodedSearch:
    records = encode(vectors)

    def batches(start: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
        for at in range(start - base, stop - base, cut):
            yield base + at, records[at : min(at + cut, stop - base)]

    def fetch(rows: np.ndarray) -> np.ndarray:
        assert (np.diff(rows) > 0).all()
        return vectors[rows - base]

    return CodedSearch(batches, fetch, base + len(vectors), live, base)


def brute_force(vectors: np.ndarray, query: np.ndarray, k: int, mask: np.ndarray) -> np.ndarray:
    """Positions of the k largest products, float64 rounded once, ties by row."""
    with np.errstate(over="ignore"):
        scores = (vectors.astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
    rows = np.flatnonzero(mask)
    return rows[np.lexsort((rows, -scores[rows]))[:k]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_result_is_that_of_all_products(
    kind: Callable[[Rng, int, int], Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coded_module, "ROWS_PER_FETCH", 7)
    monkeypatch.setattr(coded_module, "ROWS_PER_THREAD", 20)
    monkeypatch.setattr(coded_module, "usable_cores", lambda: 3)
    rng = np.random.default_rng(0)
    for case in range(CASES // len(KINDS)):
        n, dim, k = int(rng.integers(1, 60)), int(rng.integers(2, 40)), int(rng.integers(1, 12))
        vectors, query = kind(rng, n, dim)
        base = int(rng.integers(0, 2**33))
        live = rng.random(n) < 0.8 if case % 3 == 0 else None
        allowed = rng.random(n) < 0.6 if case % 2 else None
        mask = np.ones(n, bool)
        for one in (live, allowed):
            mask &= True if one is None else one
        search = by_codes(vectors, base, live, int(rng.integers(1, n + 1)))
        ((rows, scores),) = search.search(query[None], k, allowed)
        wanted = brute_force(vectors, query, k, mask)
        # einsum and BLAS sum float64 in another order: only products that straddle a rounding differ
        if (rows - base).tolist() != wanted.tolist():
            ours, theirs = (
                vectors[r].astype(np.float64) @ query.astype(np.float64)
                for r in (rows - base, wanted)
            )
            np.testing.assert_allclose(ours, theirs, rtol=2e-7, err_msg=f"case {case}")
            assert kind not in (plain, copies, no_residual), case
        assert scores.dtype == np.float32
        assert (scores[1:] <= scores[:-1]).all()


def test_searches_side_by_side_divide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of a server keep the cores busy: more threads would wait for one another."""
    monkeypatch.setattr(coded_module, "ROWS_PER_THREAD", 20)
    monkeypatch.setattr(coded_module, "usable_cores", lambda: 3)
    parts: list[int] = []
    run = coded_module.run_threads

    def counted(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        parts.append(len(calls))
        if len(parts) == 1:  # another client's, meanwhile
            assert search.search(query, 3)[0][0].tolist() == search.search(query, 3)[0][0].tolist()
        return run(calls)

    monkeypatch.setattr(coded_module, "run_threads", counted)
    rng = np.random.default_rng(5)
    search, query = by_codes(units(rng, 100, 8), 0, None, 100), units(rng, 1, 8)
    search.search(query, 3)
    search.search(query, 3)
    assert parts == [3, 1, 1, 3]


def test_few_vectors_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    vectors = units(rng, 20_000, 64)
    search, read = by_codes(vectors, 0, None, 3000), 0
    fetch = search.fetch

    def counted(rows: np.ndarray) -> np.ndarray:
        nonlocal read
        read += len(rows)
        return fetch(rows)

    search.fetch = counted
    search.search(units(rng, 5, 64), 10)
    assert 50 <= read < 5 * 200


@pytest.mark.parametrize("dim", [1, 3, 31, 64, 384, 1000])
def test_products_of_codes_are_whole(dim: int) -> None:
    """The kernels of all widths sum bytes without overflow, at the largest codes too."""
    from numkong import cdist

    rng = np.random.default_rng(dim)
    codes = rng.choice(np.array([-127, -1, 0, 127], np.int8), (50, dim))
    records = encode(codes.astype(np.float32))
    query = code_query(rng.choice(np.array([-127, 127], np.float32), dim))
    got = np.asarray(cdist(records["codes"], query.codes, "dot"))
    wanted = records["codes"].astype(np.int64) @ query.codes.astype(np.int64).T
    np.testing.assert_array_equal(got, wanted)


def test_codes_and_vectors_answer_together() -> None:
    """Rows without codes are searched by their vectors; many queries and many hits are, too."""
    rng = np.random.default_rng(5)
    vectors, queries = units(rng, 900, 24), units(rng, CODED_QUERIES, 24)
    live = rng.random(900) < 0.9
    coded = by_codes(vectors[:700], 50, live, 100)
    parts = [(50, vectors[:600]), (650, vectors[600:])]
    by_vectors = Exact(parts, live, 50)
    both = Exact(parts, live, 50, coded)
    rows = np.flatnonzero(rng.random(900) < 0.4) + 50
    for some in (None, rows, rows[:3], rows[:0]):
        for k in (1, 10, 100):
            for ours, theirs in zip(
                both.search(queries, k, some), by_vectors.search(queries, k, some), strict=True
            ):
                assert ours[0].tolist() == theirs[0].tolist()
                np.testing.assert_allclose(ours[1], theirs[1], atol=1e-6)
    nothing = both.search(np.full((1, 24), np.nan, np.float32), 3)
    assert len(nothing[0][0]) == len(
        by_vectors.search(np.full((1, 24), np.nan, np.float32), 3)[0][0]
    )
