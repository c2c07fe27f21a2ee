"""Vectors to row ids and scores: exactly, or through an HNSW graph.

exact    every vector, in blocks            graph    HNSW, approximate
top      the best k, ties settled           planner  which of the two, and why
"""

from qembed.search.exact import Exact
from qembed.search.graph import Graph, GraphSearcher
from qembed.search.planner import Plan, choose
from qembed.search.top import merge, recall, top

__all__ = ["Exact", "Graph", "GraphSearcher", "Plan", "choose", "merge", "recall", "top"]
