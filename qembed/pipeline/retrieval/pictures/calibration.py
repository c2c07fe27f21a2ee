"""Cosines of a query's words with texts and with pictures, made comparable on the index itself.

Models of both kinds leave a gap between them: a text has higher cosines with all texts than with any picture
(Liang and others, "Mind the gap", NeurIPS 2022). So each kind is measured against its own background, the
cosines of the query with a sample of that kind: a hit counts by how many deviations it stands above their
middle, as scores of several engines are made comparable (Montague and Aslam, "Relevance score normalization
for metasearch", CIKM 2001). The middle is the median, and the deviation that of the upper half, by its 90th
percentile: what the query is about is no background, and near-equal texts give cosines a long tail. Scores
of texts stay cosines; those of pictures are brought onto their scale:

    calibrated = middle(texts) + deviation(texts) * (cosine - middle(pictures)) / deviation(pictures)

That straight line may leave the range of cosines. It ends where STRAIGHT of the way from the middle of the
texts to 1 (or to -1) is done; cosines beyond it are spread evenly over the rest of the way. So a score stays
from -1 to 1, and of two pictures that with the higher cosine has the higher one.

A kind of few documents says little of its background, and what is asked for may be most of its upper half:
what the index's texts have as cosines with it stands for PRIOR of them, and for all of so few. Texts that are
alike have higher cosines with one another than with a query: where the middle of these is above all documents
of the kind, it counts as that of the best one.
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
"""Texts of the index whose cosines are the prior, at most."""
PRIOR = 10
"""Documents of a kind that the prior stands for. Of so few the query's own cosines are not looked at."""
UPPER = 90
"""Percentile by which the deviation is measured."""
UPPER_DEVIATIONS = 1.2816
"""Its distance from the median of a normal distribution, in standard deviations."""
STRAIGHT = 0.9
"""Part of the way from the middle of texts to 1, or to -1, where the line that pictures follow may bend."""
LEAST_SPREAD = 1e-4
"""Deviation below which all of a kind are alike."""
SAME = 0.9999
"""Cosine from which on a pseudo-query is the document itself, or its copy."""


class Scale(NamedTuple):
    """Median of cosines, and the deviation of those above it as a standard deviation."""

    middle: float
    spread: float

    @classmethod
    def of(cls, cosines: Scores) -> Scale:
        """Scale of cosines, at least one."""
        import numpy as np

        middle, high = np.percentile(cosines, (50, UPPER)).tolist()
        return cls(middle, (high - middle) / UPPER_DEVIATIONS)

    def onto(self, other: Scale, cosines: Scores) -> Scores:
        """Cosines of this scale on another one, in their order, from -1 to 1."""
        import numpy as np

        slope = other.spread / self.spread
        at: list[tuple[float, float]] = []
        for end in (-1.0, 1.0):
            straight = other.middle + slope * (end - self.middle)
            if abs(straight) <= 1:
                at.append((end, straight))
                continue
            bend = STRAIGHT * (end - other.middle)
            at += [(end, end), (self.middle + bend / slope, other.middle + bend)]
        at.sort()
        moved = np.interp(cosines, [x for x, _ in at], [y for _, y in at])
        return np.asarray(moved, dtype=np.float32)


@dataclass
class KindSamples:
    """Samples of both kinds: vectors of texts and of pictures, float32 (n, dim), neither empty.

    `texts_more`: vectors of other texts, which make the prior where the index has few. `whole`: all rows of
    each kind.
    """

    texts: Vectors
    pictures: Vectors
    texts_more: Vectors
    whole: dict[Kind, Allowed] = field(default_factory=dict)
    _priors: dict[bool, Scale | None] = field(default_factory=dict)

    def scale(self, vector: Vectors, of_pictures: bool) -> Scale | None:
        """Scale of a query's cosines with one kind; None where nothing is known of it.

        `vector`: float32 (dim,), of a text.
        """
        cosines = (self.pictures if of_pictures else self.texts) @ vector
        prior, own = self._prior(of_pictures), Scale.of(cosines)
        if prior is None:
            return None
        n = max(0, len(cosines) - PRIOR)
        believed = min(prior.middle, float(cosines.max()))
        middle = (n * own.middle + PRIOR * believed) / (n + PRIOR)
        square = (n * own.spread**2 + PRIOR * prior.spread**2) / (n + PRIOR)
        return Scale(middle, max(square**0.5, LEAST_SPREAD))

    def _prior(self, of_pictures: bool) -> Scale | None:
        import numpy as np

        if of_pictures not in self._priors:
            asked = self.texts[:: max(1, len(self.texts) // PSEUDO_QUERIES)][:PSEUDO_QUERIES]
            asked = np.concatenate([asked, self.texts_more])
            found = asked @ (self.pictures if of_pictures else self.texts).T
            cosines = found[found < SAME]
            self._priors[of_pictures] = Scale.of(cosines) if len(cosines) else None
        return self._priors[of_pictures]
