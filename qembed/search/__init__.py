"""Vectors to row ids and scores: exactly, or through an HNSW graph.

exact    every vector, in blocks            graph    HNSW, approximate
top      the best k, ties settled           planner  which of the two, and why
"""

from qembed.search.dense.exact import Exact
from qembed.search.dense.hnsw import Graph, GraphSearcher
from qembed.search.dense.planner import Plan, choose
from qembed.search.topk import merge, recall, top

__all__ = ["Exact", "Graph", "GraphSearcher", "Plan", "choose", "merge", "recall", "top"]
