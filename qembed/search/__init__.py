"""Search: vectors, words and filters to row ids and scores.

dense/     exact search, HNSW graph, and the planner that chooses between them
lexical/   BM25 over words, in a tantivy index
filters/   `--where` expressions over metadata
topk       the best k of many scores, merged and without ties left open
"""

from typing import TYPE_CHECKING

from qembed.late_names import late_names

if TYPE_CHECKING:
    from qembed.search.dense.exact import Exact
    from qembed.search.dense.hnsw import Graph, GraphSearcher
    from qembed.search.dense.planner import Plan, choose
    from qembed.search.topk import merge, recall, top

__all__ = ["Exact", "Graph", "GraphSearcher", "Plan", "choose", "merge", "recall", "top"]

# a refresh without changes searches nothing
__getattr__ = late_names(
    __name__,
    {
        "Exact": ".dense.exact",
        "Graph": ".dense.hnsw",
        "GraphSearcher": ".dense.hnsw",
        "Plan": ".dense.planner",
        "choose": ".dense.planner",
        "merge": ".topk",
        "recall": ".topk",
        "top": ".topk",
    },
)
