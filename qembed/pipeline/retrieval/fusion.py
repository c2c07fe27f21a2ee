"""Fusion of dense and lexical scores, with a weight that the query itself suggests.

    final = (dense + b * lexical) / (1 + b)      dense over its pool's range, lexical over its best score

The formula matters less than b. On collections with judgments the best b is 1 for scientific claims, a
tenth of that for questions about code, and without bound for a language that the model cannot read. Without
judgments it is estimated from signals of the single query:

    separation  1 - s10 / s1 of the BM25 scores: words that many passages share order them by chance
    confidence  height of the best cosine above the index's background: a model that has found what was
                meant needs no words, one whose best is no better than chance leaves all to them
    code        share of code among the nearest: a question's words seldom occur in code that answers it
    script      letters that the model does not know leave only words to search by

    b = trust * separation^(1/2) * (doubt / confidence)^decay * code

Where no background was measured, as in small indexes, the share of the query that was found stands for
confidence: b = trust * separation * cover * code.

Which collections chose the constants, and how the others do with them: docs/evaluation.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qembed.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores

LATE_ALONE = 0.4
"""Weight of late interaction in the final score after dense search alone or lexical search alone. From .3 to
.5 code and prose gain; beyond, short memories and a language that the model cannot read lose."""
LATE_BESIDE_WORDS = 0.1
"""The same after both searches, whose fusion has most of its signal already. With .4 SciFact loses .007
(`eval --ablate rerank`)."""
CROSS = 0.3
"""Weight of a built-in cross-encoder beside the order before, for prose. Its order alone loses .17 nDCG@10 on
questions about code and .05 on shell commands; with .3 these lose nothing, and questions gain up to .02."""
CODE_SIGNS = 0.04
"""Share of brackets, assignments and the like among a passage's characters above which it is code: 95 % of
prose has less than .025, 95 % of functions more than .037."""
SPREAD = 1e-3
"""Smallest range of cosines: below it words decide, on a scale that float32 resolves."""
RRF = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)."""
_SIGNS = re.compile(r"[=(){}\[\];_<>]")
_BLANK = re.compile(r"\s+")


class FusionParameters(NamedTuple):
    """Constants of the fusion, each continuous. All but `covered` and `doubt` may be 0.

    `trust`: b of mode auto at separation 1 and confidence `doubt`, or full cover. `covered`: share of the
    highest possible BM25 score that counts as full cover; few passages reach more, since that maximum counts
    a word's repetitions too. `code`: factor of b if all the nearest passages are code. `unread`: b of a
    query in a script that the model was not trained to read. `even`: b of mode hybrid. `doubt`: confidence
    at which words get all their trust. `decay`: exponent of confidence, 0 to ignore it.
    """

    trust: float = 2.0
    covered: float = 0.3
    code: float = 0.35
    unread: float = 4.0
    even: float = 1.0
    doubt: float = 0.55
    decay: float = 2.0


DEFAULT_FUSION = FusionParameters()
"""The present constants."""


class FusionSignals(NamedTuple):
    """Signals of one query. `best`, `tenth`: BM25 scores of these hits; `most`: the highest possible one.

    `code`: share of code among the nearest passages. `readable`: share of the query's letters in scripts
    that the model knows. `confidence`: of the best cosine, see `Background`; None where none was measured.
    """

    best: float
    tenth: float
    most: float
    code: float = 0.0
    readable: float = 1.0
    confidence: float | None = None


class LexicalWeight(NamedTuple):
    """b, and the reason for it."""

    b: float
    why: str


_DIVISORS = ("covered", "doubt")
LEAST_CONFIDENCE = 0.3
"""Confidence below which b grows no more: no best cosine of an ordinary query is as low."""


def check_parameters(parameters: FusionParameters) -> None:
    """Raise UsageError for constants that no weight can be computed from."""
    wrong = [
        f"{name} {value}: a finite number {'above 0' if name in _DIVISORS else 'of at least 0'} is wanted"
        for name, value in parameters._asdict().items()
        if not (math.isfinite(value) and (value > 0 or (value == 0 and name not in _DIVISORS)))
    ]
    if wrong:
        raise UsageError("fusion parameters: " + "; ".join(wrong))


def lexical_weight(
    s: FusionSignals, parameters: FusionParameters = DEFAULT_FUSION
) -> LexicalWeight:
    """Weight b of lexical scores in mode auto, beside dense ones, which have 1."""
    if s.best <= 0:
        return LexicalWeight(0.0, "no word of the query occurs")
    if s.readable <= 0:
        return LexicalWeight(parameters.unread, "the model was not trained to read this script")
    separation = 1 - s.tenth / s.best
    code = 1 - s.code * (1 - parameters.code)
    why = f"separation {separation:.2f}"
    if s.confidence is None:
        cover = min(1.0, s.best / s.most / parameters.covered) if s.most > 0 else 0.0
        b = parameters.trust * separation * cover * code
        why += f", cover {cover:.2f}"
    else:
        confidence = max(s.confidence, LEAST_CONFIDENCE)
        doubt = (parameters.doubt / confidence) ** parameters.decay
        b = parameters.trust * math.sqrt(max(0.0, separation)) * doubt * code
        why += f", confidence {s.confidence:.2f}"
    why += f", code {s.code:.1f}" if s.code else ""
    if s.readable < 1:
        b = s.readable * b + (1 - s.readable) * parameters.unread
        why += f", {1 - s.readable:.0%} of the letters in a script that the model was not trained to read"
    return LexicalWeight(b, why)


def is_code(text: str) -> bool:
    """True if a passage looks like source code."""
    solid = _BLANK.sub("", text[:2000])
    signs = _SIGNS.findall(solid)
    # a short sentence may have brackets, a function has other signs too
    return len(signs) > CODE_SIGNS * len(solid) and sum(s not in "()" for s in signs) > 1


def interpolate_scores(
    dense: Scores, lexical: Scores, pool: npt.NDArray[np.bool_] | None, b: float
) -> Scores:
    """Final scores of one query's candidates, float32 (n,), on the scale of the cosines.

    `dense`: cosines; `lexical`: BM25 scores, 0 for none; `pool`: the candidates that set the scale, bool
    (n,), None for all. Candidates outside the pool, deeper than a short list, do not move the others.
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
    """Reciprocal rank fusion of two partial orders of the candidates 0 … n-1, float32 (n,)."""
    import numpy as np

    out = np.zeros(n, dtype=np.float32)
    for order in (dense, lexical):
        out[order] += 1.0 / (RRF + 1 + np.arange(len(order)))
    return out


def late_share(dense: Scores | None, lexical: Scores | None) -> float:
    """Weight of late interaction in one query's final scores. `dense`, `lexical`: of the stage before."""
    both = dense is not None and lexical is not None and bool((lexical > 0).any())
    return LATE_BESIDE_WORDS if both else LATE_ALONE


def rerank_share(
    spec: str, dense: Scores | None, lexical: Scores | None, texts: Sequence[str]
) -> float:
    """Default weight of the reranker `spec` beside the stage before, whose scores are given.

    `texts`: of the candidates; a built-in cross-encoder has no say on source code, which it was not trained
    to read. 1, the reranker's order alone, for all whose share was not measured.
    """
    from qembed.models.builtin.registry import BUILTIN

    if spec == "late":
        return late_share(dense, lexical)
    if spec not in BUILTIN or not texts:
        return 1.0
    return CROSS * (1 - sum(map(is_code, texts)) / len(texts))


def least_scores(final: Scores, rerank: Scores) -> Scores:
    """Scores that a threshold is compared with: the reranker's own, the final one where it gave none.

    A reranker's probabilities mean the same for every query; mixed with the order before they do not.
    """
    import numpy as np

    return np.where(np.isfinite(rerank), rerank, final)


def log_odds(probabilities: Scores) -> Scores:
    """log(p / (1 - p)), float32, finite: the spread of a classifier's scores is even on this scale."""
    import numpy as np

    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-7)
    return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float32)


def interpolate_zscores(first: Scores, other: Scores, weight: float) -> Scores:
    """Weighted sum of two score lists, both standardised over these candidates, float32 (n,).

    The order is that of (1 - weight) * z(first) + weight * z(other); the result is on the scale of `first`,
    so that it still reads as a cosine.
    """
    import numpy as np

    if not len(first):
        return first
    spread, other_spread = float(first.std()), float(other.std())
    if other_spread < 1e-9:
        return first
    scaled = (other - other.mean()) / other_spread * max(spread, 1e-6) + first.mean()
    return np.asarray((1 - weight) * first + weight * scaled, dtype=np.float32)
