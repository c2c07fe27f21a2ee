"""Exact or graph: a pure decision from what is known before searching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Search = Literal["auto", "exact", "graph"]

# Seconds, from `make bench` on two cores (AVX2) at 384 dimensions; only their ratios matter.
LOAD = 3.2e-6  # to check and load a graph, a row
SCAN = 1.5e-7  # to score one query against one row exactly, vectors in memory, many queries at once
WALK = 1.2e-3  # one query through a loaded graph
FEW = 0.1  # below this share of allowed rows a filtered graph walk throws most of its finds away


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
) -> Plan:
    """Decides for `queries` queries over `rows` rows of which a graph covers `covered` (0: none).

    `allowed`: how many rows a filter leaves, None without one. `loaded`: the graph is in memory already.
    """
    if wanted == "exact":
        return Plan("exact", "asked for")
    if covered == 0:
        return Plan("exact", "there is no graph yet" if rows else "the index is empty")
    if allowed is not None and allowed < FEW * rows:
        return Plan("exact", f"the filter leaves {allowed:,} of {rows:,} rows")
    if wanted == "graph":
        return Plan("graph", "asked for")
    graph = (0.0 if loaded else LOAD * covered) + queries * (WALK + SCAN * (rows - covered))
    exact = queries * SCAN * rows
    how = f"{queries:,} {'query' if queries == 1 else 'queries'} over {rows:,} rows"
    state = "loaded" if loaded else "cold"
    if graph < exact:
        return Plan("graph", f"{how}, graph {state}: about {graph:.2f} s against {exact:.2f} s")
    return Plan("exact", f"{how}, graph {state}: about {exact:.2f} s against {graph:.2f} s")
