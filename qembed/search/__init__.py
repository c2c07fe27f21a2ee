"""Search: vectors, words and filters to row ids and scores.

dense/     exact search, HNSW graph, and the planner that chooses between them
lexical/   BM25 over words, in a tantivy index
filters/   `--where` expressions over metadata
topk       the best k of many scores, merged and without ties left open
"""

from qembed.search.dense.exact import Exact
from qembed.search.dense.hnsw import Graph, GraphSearcher
from qembed.search.dense.planner import Plan, choose
from qembed.search.topk import merge, recall, top

__all__ = ["Exact", "Graph", "GraphSearcher", "Plan", "choose", "merge", "recall", "top"]
