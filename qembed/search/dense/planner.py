"""Exact or graph: a pure decision from what is known before searching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Search = Literal["auto", "exact", "graph"]

# Seconds, as `python -m tests.bench.planner` measures them (two cores with AVX2, 384 dimensions); only
# their ratios matter.
LOAD = 3e-6  # to check and load a graph, a row
SCAN = 3e-7  # one pass over the vectors, a row: bound by memory
SCORE = 3e-8  # to score one query against one row in a pass that serves many
PASS = 64  # queries that one pass serves
WALK = 5e-6  # one query through a loaded graph, for each of `ef`
FEW_ALLOWED_SHARE = (
    0.07  # below this share of allowed rows exact search over them is faster than a filtered walk
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search, and the sentence that says why."""

    kind: Literal["exact", "graph"]
    why: str


def choose(
    *,
    wanted: Search,
    rows: int,
    covered: int,
    queries: int,
    loaded: bool = False,
    allowed: int | None = None,
    ef: int = 100,
) -> Plan:
    """Decides for `queries` queries over `rows` rows of which a graph covers `covered` (0: none).

    `allowed`: how many rows a filter leaves, None without one. `loaded`: the graph is in memory already.
    `ef`: how broadly it is searched.
    """
    if wanted == "exact":
        return Plan("exact", "asked for")
    if covered == 0:
        return Plan("exact", "there is no graph yet" if rows else "the index is empty")
    if allowed is not None and allowed < FEW_ALLOWED_SHARE * rows:
        return Plan("exact", f"the filter leaves {allowed:,} of {rows:,} rows")
    if wanted == "graph":
        return Plan("graph", f"asked for, ef {ef}")
    tail = _scan(rows - covered, queries)
    graph = (0.0 if loaded else LOAD * covered) + queries * WALK * ef + tail
    exact = _scan(rows, queries)
    how = f"{queries:,} {'query' if queries == 1 else 'queries'} over {rows:,} rows"
    state = "loaded" if loaded else "cold"
    if graph < exact:
        why = f"{how}, graph {state}, ef {ef}: about {graph:.2f} s against {exact:.2f} s"
        return Plan("graph", why)
    return Plan("exact", f"{how}, graph {state}: about {exact:.2f} s against {graph:.2f} s")


def _scan(rows: int, queries: int) -> float:
    """Seconds of exact search."""
    return rows * (SCAN * -(-queries // PASS) + SCORE * queries)
