"""What every reranker here shares: one shape, scores that are numbers, and a list of what lost text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from qembed.errors import EncodingError

if TYPE_CHECKING:
    from qembed.types import Scores

Pair: TypeAlias = tuple[str, str]
"""(query, passage)."""
Track: TypeAlias = Callable[[int], None]
"""Called with the number of pairs just scored."""
Tasks: TypeAlias = Sequence[str | None] | None
"""Each pair's instruction, by name or in full; None where (or if all) go with the reranker's own."""

PROBABILITY = "probabilities: 0 to 1, comparable between queries"
"""What calibrated scores are."""


class Scorer(Protocol):
    """A Reranker that says what its scores are.

    kind: which sort of reranker. calibrated: whether scores are probabilities, so that a threshold means
    the same for every query. meaning: a line for the user. truncated: pairs that lost text so far.
    instructed: whether it reads an instruction beside each pair. note: what the user should know of how
    it runs, None if all is well.
    """

    kind: str
    truncated: list[Pair]

    @property
    def instructed(self) -> bool:
        """See above."""
        ...

    @property
    def note(self) -> str | None:
        """See above."""
        ...

    @property
    def calibrated(self) -> bool:
        """See above."""
        ...

    @property
    def meaning(self) -> str:
        """See above."""
        ...

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """float32 (len(pairs),), higher is better. Raises EncodingError for NaN and infinity.

        `tasks` are for those that are `instructed`; the others do not look at them.
        """
        ...


def sigmoid(logits: Scores) -> Scores:
    """1 / (1 + exp(-logit)), float32."""
    import numpy as np

    # tanh saturates where exp overflows; in float64, where .5 * (1 + tanh) keeps float32's digits
    return np.asarray(0.5 * (1 + np.tanh(logits.astype(np.float64) / 2)), dtype=np.float32)


def finite(scores: Scores, pairs: Sequence[Pair], name: str) -> Scores:
    """The scores. Raises EncodingError naming the first pair whose score is NaN or infinite."""
    import numpy as np

    bad = ~np.isfinite(scores)
    if bad.any():
        query, passage = pairs[int(np.argmax(bad))]
        raise EncodingError(
            f"{name} gave NaN or infinity for the query {query[:80]!r} with the passage {passage[:80]!r}"
        )
    return scores
