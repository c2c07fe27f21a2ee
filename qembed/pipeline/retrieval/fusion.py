"""Scores of several stages to one: dense and lexical, by a weight that the query itself suggests.

    final = (dense + b * lexical) / (1 + b)      dense over its pool's range, lexical over its best score

The formula matters less than b. On collections with judgments the best b is 1 for scientific claims, a
tenth of that for questions about code, and without bound for a language that the model cannot read; it
has to be found without judgments, from what is seen of one query:

    separation  1 - s10 / s1 of the BM25 scores: words that many passages hold alike order them by chance
    cover       s1 over what a passage could at most get: half the words found is half an answer
    code        among code, words of a question seldom are the words of the answer
    script      words in a script that the model does not know have only words to be found by

The signals have reasons, the constants were chosen by nDCG@10 on SciFact, CoSQA, XQuAD and the sample
corpora together; none of these is evidence for how they do elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores

LATE_ALONE = 0.4
"""Share of late interaction in the final score where the stage before knows only meaning or only words. From
.3 to .5 code and prose gain; beyond, short memories and a language that the model cannot read lose."""
LATE_BESIDE_WORDS = 0.1
"""The same where words were counted beside meaning: most of what late interaction sees is in there already.
With two fifths SciFact loses .007 (`eval --ablate rerank`)."""
EVEN = 1.0
"""b where both sides count the same: `--mode hybrid`."""
TRUST = 2.0
"""b of a query whose words point at one passage (separation 1) and are well covered."""
COVERED = 0.3
"""Share of the highest possible BM25 score from which on a query counts as covered: few passages reach more,
because a word's second and third use in a passage count too."""
CODE = 0.35
"""What is left of b where all the nearest passages are code."""
UNREAD = 4.0
"""b for a query in a script that the model was not trained to read."""
CODE_SIGNS = 0.04
"""Share of brackets, signs of assignment and the like among a passage's characters from which on it is code:
95 % of prose has less than .025, 95 % of functions more than .037."""
SPREAD = 1e-3
"""Cosines nearer than that are one: words decide, on a scale that float32 can tell apart."""
RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)."""
_SIGNS = re.compile(r"[=(){}\[\];_<>]")
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class FusionSignals:
    """What is seen of one query. `best`, `tenth`: BM25 scores; `most`: what a passage could at most get."""

    best: float
    tenth: float
    most: float
    code: float = 0.0
    readable: bool = True


@dataclass(frozen=True, slots=True)
class LexicalWeight:
    """b, and the sentence that says why."""

    b: float
    why: str


def lexical_weight(s: FusionSignals) -> LexicalWeight:
    """How much the lexical side counts beside the dense side's 1."""
    if s.best <= 0:
        return LexicalWeight(0.0, "no word of the query occurs")
    if not s.readable:
        return LexicalWeight(UNREAD, "the model was not trained to read this script")
    separation = 1 - s.tenth / s.best
    cover = min(1.0, s.best / s.most / COVERED) if s.most > 0 else 0.0
    code = 1 - s.code * (1 - CODE)
    b = TRUST * separation * cover * code
    why = f"separation {separation:.2f}, cover {cover:.2f}"
    return LexicalWeight(b, why + (f", code {s.code:.1f}" if s.code else ""))


def is_code(text: str) -> bool:
    """Whether a passage looks like source code."""
    solid = _BLANK.sub("", text[:2000])
    signs = _SIGNS.findall(solid)
    # a short sentence may have its brackets, a function has more than those
    return len(signs) > CODE_SIGNS * len(solid) and sum(s not in "()" for s in signs) > 1


def interpolate_scores(
    dense: Scores, lexical: Scores, pool: npt.NDArray[np.bool_] | None, b: float
) -> Scores:
    """One query's candidates: cosines, BM25 scores (0: none), which are in the pool (None: all), each (n,).

    The result lies on the scale of the cosines: the best possible candidate gets the largest one. What
    is outside the pool (deeper than a short list would be) does not move it.
    """
    import numpy as np

    if not len(dense):
        return dense
    inside = dense if pool is None else dense[pool]
    low, high = float(inside.min()), float(inside.max())
    spread = max(high - low, SPREAD)
    top = float(lexical.max())
    share = lexical / top if top > 0 else lexical
    return np.asarray(low + spread * ((dense - low) / spread + b * share) / (1 + b), np.float32)


def reciprocal_rank_fusion(dense: Rows, lexical: Rows, n: int) -> Scores:
    """Reciprocal rank fusion of two orders of candidates 0 … n-1 that may lack some: float32 (n,)."""
    import numpy as np

    out = np.zeros(n, dtype=np.float32)
    for order in (dense, lexical):
        out[order] += 1.0 / (RRF + 1 + np.arange(len(order)))
    return out


def late_share(dense: Scores | None, lexical: Scores | None) -> float:
    """What part of one query's final scores late interaction gets. `dense`, `lexical`: the stage before."""
    both = dense is not None and lexical is not None and bool((lexical > 0).any())
    return LATE_BESIDE_WORDS if both else LATE_ALONE


def mixed(first: Scores, other: Scores, weight: float) -> Scores:
    """`weight` parts of `other`, the rest `first`, both standardised over these candidates.

    The result is put back on the first score's scale, so that it still reads as a cosine: the order is
    that of (1 - weight) * z(first) + weight * z(other).
    """
    import numpy as np

    if not len(first):
        return first
    spread, other_spread = float(first.std()), float(other.std())
    if other_spread < 1e-9:
        return first
    scaled = (other - other.mean()) / other_spread * max(spread, 1e-6) + first.mean()
    return np.asarray((1 - weight) * first + weight * scaled, dtype=np.float32)
