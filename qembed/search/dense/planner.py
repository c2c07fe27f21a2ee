"""Planner of vector search: exact or graph, by estimated cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from qembed.search.dense.graphs.library import Library

Search = Literal["auto", "exact", "graph"]

# Seconds, as `python -m tests.bench.planner` measures them (two cores with AVX2, 384 dimensions); only
# their ratios matter. Those of codes are estimates, by the bytes that they read.
LOAD: dict[Library, float] = {
    "hnswlib": 3e-6,
    "usearch": 5e-7,
}  # checking and opening a graph, per row
SCAN = 3e-7  # one pass over the vectors, per row: bound by memory
SCORE = 3e-8  # scoring one query against one row, in a pass for many queries
CODED_SCAN = 7e-8  # one pass over the codes, per row
CODED_SCORE = 4e-8  # scoring one query against one row's codes
PASS = 64  # queries in one pass
WALK = 5e-6  # one query in a loaded graph, per unit of `ef`
TARGET_RECALL = 0.98
"""Wanted recall@10 of a graph; one that was measured to find less is not searched."""
FEW_ALLOWED_SHARE = 0.07
"""Share of allowed rows below which exact search over them is faster than a filtered graph search."""


class Plan(NamedTuple):
    """Chosen algorithm, and the reason as a sentence. `is_fallback`: no graph can be searched."""

    kind: Literal["exact", "graph"]
    why: str
    is_fallback: bool = False

    def warning(self, wanted: Search) -> str | None:
        """Warning that a graph was asked for and none could be searched; None where that is not so."""
        if wanted != "graph" or not self.is_fallback:
            return None
        return f"--search graph: {self.why}; the search was exact"


DAMAGED_GRAPH = Plan("exact", "the graph is damaged (qembed index makes a new one)", True)
"""Plan where there is a graph that cannot be used."""


def choose(
    *,
    wanted: Search,
    rows: int,
    covered: int,
    queries: int,
    loaded: bool = False,
    allowed: int | None = None,
    ef: int = 100,
    recall: float = 1.0,
    coded: bool = False,
    library: Library = "hnswlib",
) -> Plan:
    """Choose for `queries` queries over `rows` rows, of which a graph covers `covered` (0: no graph).

    `allowed`: number of rows that a filter leaves, None without a filter. `loaded`: the graph is in
    memory. `ef`: breadth of its search; `recall`: as measured with it. `coded`: exact search goes over codes.
    `library`: of the graph.
    """
    if wanted == "exact":
        return Plan("exact", "asked for")
    if covered == 0:
        why = "there is no graph yet (qembed index makes one)" if rows else "the index is empty"
        return Plan("exact", why, is_fallback=rows > 0)
    if recall < TARGET_RECALL:
        found = f"the graph finds {recall:.1%} of the ten nearest, wanted are {TARGET_RECALL:.0%}"
        return Plan("exact", found, is_fallback=True)
    if allowed is not None and allowed < FEW_ALLOWED_SHARE * rows:
        return Plan("exact", f"the filter leaves {allowed:,} of {rows:,} rows")
    if wanted == "graph":
        return Plan("graph", f"asked for, ef {ef}")
    tail = _scan(rows - covered, queries)
    graph = (0.0 if loaded else LOAD[library] * covered) + queries * WALK * ef + tail
    exact = rows * (CODED_SCAN + CODED_SCORE * queries) if coded else _scan(rows, queries)
    how = f"{queries:,} {'query' if queries == 1 else 'queries'}"
    how += f" over {rows:,} {'row' if rows == 1 else 'rows'}"
    state = "loaded" if loaded else "cold"
    if graph < exact:
        why = f"{how}, graph {state}, ef {ef}: about {graph:.2f} s against {exact:.2f} s"
        return Plan("graph", why)
    return Plan("exact", f"{how}, graph {state}: about {exact:.2f} s against {graph:.2f} s")


def _scan(rows: int, queries: int) -> float:
    """Estimate the seconds of exact search."""
    return rows * (SCAN * -(-queries // PASS) + SCORE * queries)
