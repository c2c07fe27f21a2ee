"""Choice among settings by judged queries, and the gain that new queries can expect of it.

components      queries that share a relevant document or nearly all their words belong together
folds           components to folds of about equal size
nested          nested cross-validation: choose on some queries, judge on others
selection_test  p of the whole of it: the choice is made anew under each pattern of signs
verdict         mean gain, its interval and p, by components
"""

from __future__ import annotations

from qembed.evaluation.tuning.components import (
    UNSPACED,
    connected_components,
    near_duplicates,
    word_set,
)
from qembed.evaluation.tuning.folds import MIN_QUERIES, make_folds, random_folds
from qembed.evaluation.tuning.nested import (
    HeldOut,
    held_out_gains,
    queries_with_seen_documents,
    simplest_of_the_best,
)
from qembed.evaluation.tuning.selection_test import selection_p
from qembed.evaluation.tuning.verdict import Gain, judge

__all__ = [
    "MIN_QUERIES",
    "UNSPACED",
    "Gain",
    "HeldOut",
    "connected_components",
    "held_out_gains",
    "judge",
    "make_folds",
    "near_duplicates",
    "queries_with_seen_documents",
    "random_folds",
    "selection_p",
    "simplest_of_the_best",
    "word_set",
]
