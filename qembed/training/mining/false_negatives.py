"""False negatives: candidates that may well be relevant, though nobody has judged them.

Trained as negatives they teach a model the contrary of what it should learn. Four rules, in this order:

    relevant     another passage of a document that is judged relevant
    equal        the text of a positive, or nearly all of its words
    margin       a cosine above that of the query's lowest positive, less a share of it (NV-Retriever, 2024)
    probability  a cross-encoder takes it for relevant
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from qembed.evaluation.tuning import word_set

NEARLY_EQUAL = 0.9
"""Least Jaccard similarity of the word sets of two texts that are taken for one."""
RULES = ("relevant", "equal", "margin", "probability")


@dataclass(frozen=True, slots=True)
class Positives:
    """Relevant passages of one query: documents, texts, and cosines with the query (empty: unknown)."""

    documents: Collection[str]
    texts: Sequence[str]
    scores: Sequence[float] = ()
    _words: list[frozenset[str]] = field(default_factory=list, repr=False, compare=False)

    def words(self) -> list[frozenset[str]]:
        """Word sets of the texts."""
        if not self._words:
            self._words.extend(word_set(text) for text in self.texts)
        return self._words

    def highest_score(self, margin: float) -> float:
        """Highest cosine that a negative may have: the lowest positive's, less the share `margin` of it."""
        if not self.scores:
            return float("inf")
        lowest = min(self.scores)
        return lowest - margin * abs(lowest)


class FalseNegatives:
    """The rules, and the number of candidates that each has removed. `margin` None: no rule of cosines.

    `most`: highest probability of relevance that a negative may have, None without a cross-encoder.
    """

    def __init__(self, margin: float | None = 0.05, most: float | None = None) -> None:
        self.margin = margin
        self.most = most
        self.removed: Counter[str] = Counter()

    def rule(
        self, positives: Positives, document: str, text: str, score: float | None
    ) -> str | None:
        """Name of the first rule, of the first three, that a candidate breaks; None if it may be a negative.

        `score`: its cosine with the query.
        """
        if document in positives.documents:
            return "relevant"
        words = word_set(text)
        if any(text == t for t in positives.texts) or any(
            len(words & other) >= NEARLY_EQUAL * len(words | other) for other in positives.words()
        ):
            return "equal"
        if (
            self.margin is not None
            and score is not None
            and score > positives.highest_score(self.margin)
        ):
            return "margin"
        return None

    def keeps(self, positives: Positives, document: str, text: str, score: float | None) -> bool:
        """True if a candidate may be a negative by the first three rules; counts one that may not."""
        broken = self.rule(positives, document, text, score)
        if broken is not None:
            self.removed[broken] += 1
        return broken is None

    def keeps_probability(self, probability: float) -> bool:
        """True if a candidate's probability of relevance is low enough; counts one that is not."""
        if self.most is None or probability <= self.most:
            return True
        self.removed["probability"] += 1
        return False
