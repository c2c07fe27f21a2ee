"""What the planner's constants are, measured here: seconds to load a graph, to scan, to walk.

    python -m tests.bench.planner            50,000 rows of real text

`qembed/search/planner.py` holds what this printed on two cores; only the ratios matter. The last table is
for FEW: exact search over the rows that a filter leaves beside a filtered walk through the graph.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from qembed.search import Exact, Graph, GraphSearcher
from qembed.search.dense import planner
from qembed.store.durable_files import checksum
from tests.bench.encoder import real_queries, real_texts, static
from tests.bench.table import fact, in_turn, row

ROWS = 50_000
QUERIES = 200
EFS = (60, 100, 200, 400)
SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def median(work: Callable[[], object], rounds: int = 5) -> float:
    """Seconds of one call."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Prints each constant beside what planner.py says."""
    encoder = static()
    texts = real_texts(ROWS)
    vectors = np.concatenate([encoder.encode(texts[i : i + 256]) for i in range(0, ROWS, 256)])
    queries = encoder.encode(real_queries(QUERIES))
    for library, stated in planner.LOAD.items():
        graph = Graph.empty(vectors.shape[1], lambda rows: vectors[rows], library=library)
        graph.add(0, vectors)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "graph")
            graph.save(path)

            def load() -> None:
                checksum(path)  # noqa: B023
                Graph.load(path, vectors.shape[1], lambda rows: vectors[rows], library)  # noqa: B023

            per_row = median(load) / ROWS
        fact(f"LOAD, a row, {library}", f"{per_row:.1e} s (planner.py: {stated:.1e})")
    exact = Exact([(0, vectors)])
    one = median(lambda: exact.search(queries[:1], 10), 20) / ROWS
    many = median(lambda: exact.search(queries, 10)) / ROWS / QUERIES
    fact("SCAN, a row, one query", f"{one:.1e} s (planner.py: {planner.SCAN:.1e})")
    fact(f"SCORE, a row, of {QUERIES} queries", f"{many:.1e} s (planner.py: {planner.SCORE:.1e})")
    walks = []
    for ef in EFS:
        took = median(lambda: [graph.search(q[None], 10, ef) for q in queries], 3) / QUERIES  # noqa: B023
        walks.append(took / ef)
        fact(f"WALK at ef {ef}", f"{took * 1e3:.2f} ms = {took / ef:.1e} s for each of ef")
    fact("WALK", f"{statistics.median(walks):.1e} s (planner.py: {planner.WALK:.1e})")
    rng = np.random.default_rng(0)
    for share in SHARES:
        allowed = rng.random(ROWS) < share
        rows = np.flatnonzero(allowed)
        searcher = GraphSearcher(graph, None, 0, 100)
        missed = sum(h is None for h in searcher.search(queries, 10, allowed))

        def walk() -> None:
            for q in queries[:20]:
                searcher.search(q[None], 10, allowed)  # noqa: B023

        def scan() -> None:
            for q in queries[:20]:
                exact.search(q[None], 10, rows)  # noqa: B023

        a, b, ratio = in_turn(walk, scan, 3)
        name = f"FEW: {share:.0%} allowed, {missed} of {QUERIES} fail"
        row(name, a / 20, b / 20, ratio, "exact over the allowed")


if __name__ == "__main__":
    main()
