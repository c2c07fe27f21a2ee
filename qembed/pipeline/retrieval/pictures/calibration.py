"""Cosines of texts and of pictures with one query, made comparable on the index itself.

Models of both kinds leave a gap between them: a text has higher cosines with all texts than with any picture
(Liang and others, "Mind the gap", NeurIPS 2022). So each kind is measured against its own background, the
cosines of the query with a sample of that kind: a hit counts by how many deviations it stands above their
middle, as scores of several engines are made comparable (Montague and Aslam, "Relevance score normalization
for metasearch", CIKM 2001). Middle and deviation are the median and the median distance from it (Iglewicz and
Hoaglin, "How to detect and handle outliers", 1993): what the query is about is no background, and may be a
good part of a small index. The scores of the query's own kind stay cosines; those of the other kind are
brought onto that scale:

    calibrated = middle(own) + deviation(own) * (cosine - middle(other)) / deviation(other)

A kind of few documents says little of its background: what other members of the query's kind have as cosines
with it counts as PRIOR more of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.protocols import Kind
    from qembed.types import Scores, Vectors

SAMPLE = 1024
"""Rows of each kind that are measured, at most."""
PSEUDO_QUERIES = 256
"""Members of the query's kind whose cosines are the prior, at most."""
PRIOR = 10
"""Weight of the prior, as a number of documents."""
NORMAL = 1.4826
"""Standard deviation of a normal distribution, in median distances."""
LEAST_SPREAD = 1e-4
"""Deviation below which all of a kind are alike."""
SAME = 0.9999
"""Cosine from which on a pseudo-query is the document itself, or its copy."""


class Scale(NamedTuple):
    """Median of cosines, and their deviation as a standard deviation by the median distance from it."""

    middle: float
    spread: float

    @classmethod
    def of(cls, cosines: Scores) -> Scale:
        """Scale of cosines, at least one."""
        import numpy as np

        middle = float(np.median(cosines))
        return cls(middle, NORMAL * float(np.median(np.abs(cosines - middle))))

    def onto(self, other: Scale, cosines: Scores) -> Scores:
        """Cosines of this scale on another one."""
        return other.middle + other.spread * (cosines - self.middle) / self.spread


@dataclass
class KindSamples:
    """Samples of both kinds: vectors of texts and of pictures, float32 (n, dim), neither empty.

    `texts_more`: vectors of other texts, which are queries of the prior where the index has few. `whole`: all
    rows of each kind.
    """

    texts: Vectors
    pictures: Vectors
    texts_more: Vectors
    whole: dict[Kind, Allowed] = field(default_factory=dict)
    _priors: dict[tuple[bool, bool], Scale | None] = field(default_factory=dict)

    def scale(self, vector: Vectors, is_picture: bool, of_pictures: bool) -> Scale | None:
        """Scale of a query's cosines with one kind; None where nothing is known of it.

        `vector`: float32 (dim,); `is_picture`: the query is one.
        """
        cosines = (self.pictures if of_pictures else self.texts) @ vector
        prior, own, n = self._prior(is_picture, of_pictures), Scale.of(cosines), len(cosines)
        if prior is None:
            return None
        middle = (n * own.middle + PRIOR * prior.middle) / (n + PRIOR)
        square = (n * own.spread**2 + PRIOR * prior.spread**2) / (n + PRIOR)
        return Scale(middle, max(square**0.5, LEAST_SPREAD))

    def _prior(self, is_picture: bool, of_pictures: bool) -> Scale | None:
        import numpy as np

        key = is_picture, of_pictures
        if key not in self._priors:
            queries = self.pictures if is_picture else self.texts
            asked = queries[:: max(1, len(queries) // PSEUDO_QUERIES)][:PSEUDO_QUERIES]
            if not is_picture:
                asked = np.concatenate([asked, self.texts_more])
            found = asked @ (self.pictures if of_pictures else self.texts).T
            cosines = found[found < SAME]
            self._priors[key] = Scale.of(cosines) if len(cosines) else None
        return self._priors[key]
