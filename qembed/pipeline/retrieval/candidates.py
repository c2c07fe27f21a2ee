"""One query's candidates, by meaning, by words, or by both.

    dense    vectors -> rows and cosines              lexical   words -> rows and BM25 scores
    hybrid   both, one part each                      auto      both, weighted by what the query shows

Both arms look only at what a filter allows. A candidate that one arm did not bring still gets that arm's
score, so that the sum compares like with like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qembed.errors import UsageError
from qembed.pipeline.retrieval.fusion import (
    EVEN,
    FusionSignals,
    LexicalWeight,
    interpolate_scores,
    lexical_weight,
    reciprocal_rank_fusion,
)
from qembed.pipeline.retrieval.session import Session
from qembed.search.dense.planner import Search
from qembed.search.lexical.bm25 import idf
from qembed.search.lexical.query import ParsedQuery, parse_query
from qembed.search.topk import distinct, places

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.types import Rows, Scores, Vectors

Fusion = Literal["sum", "rrf"]
MODES = ("auto", "dense", "lexical", "hybrid")
NORMALIZATION_POOL = 100
"""Candidates of each arm that the weights are taken from, however long a list is asked for."""
LEXICAL_DEPTH = 1000
"""How far the lexical arm looks for the scores of what the dense arm brought."""
CODE_PROBE = 10
"""The nearest passages that are looked at to tell code from prose."""
K1 = 1.2
"""BM25's k1 in the engine: a term's score approaches idf * (k1 + 1)."""


@dataclass(slots=True)
class Candidates:
    """Candidates, best first: row ids, final scores, and each arm's, None if it was not asked.

    A lexical score of 0 means that no word was found. `why`: how the arms were weighted.
    """

    rows: Rows
    scores: Scores
    dense: Scores | None = None
    lexical: Scores | None = None
    why: str = ""

    def take(self, at: Rows) -> Candidates:
        """Those at the given positions."""
        return Candidates(
            self.rows[at],
            self.scores[at],
            None if self.dense is None else self.dense[at],
            None if self.lexical is None else self.lexical[at],
            self.why,
        )


class CandidateRetriever:
    """Finds candidates in one session."""

    def __init__(
        self, session: Session, mode: str, search: Search, ef: int | None, fusion: Fusion = "sum"
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"--mode {mode}: one of {', '.join(MODES)} is wanted")
        self.session = session
        self.mode = mode
        self.search = search
        self.ef = ef
        self.fusion = fusion
        self.plan = ""

    @property
    def wants_vectors(self) -> bool:
        """Whether queries have to be encoded."""
        return self.mode != "lexical"

    def find(
        self, texts: Sequence[str], vectors: Vectors | None, k: int, allowed: Allowed | None
    ) -> list[Candidates]:
        """At least k candidates for each query where there are so many. `texts`: the users' words.

        `vectors`: float32 (n, dim), None in lexical mode. Raises UsageError without a lexical index.
        """
        if vectors is None:
            return [self._by_words(text, k, allowed) for text in texts]
        depth = k if self.mode == "dense" else max(k, NORMALIZATION_POOL)
        found, plan = self.session.vector_search(vectors, depth, self.search, self.ef, allowed)
        self.plan = f"{plan.kind} ({plan.why})"
        if self.mode == "dense" or self.session.lexical is None:
            return [Candidates(rows, scores, scores) for rows, scores in found]
        worded: list[tuple[Rows, Scores]] = []
        taken = [parse_query(text) for text in texts]
        for i, words in enumerate(taken):
            limits, asked = self._held(words, allowed), words
            if limits is not None and not len(limits.rows):
                # nothing is as strict as that: better what comes near than nothing
                limits, asked = allowed, ParsedQuery(words.terms)
            elif words.strict and limits is not None:
                again, _ = self.session.vector_search(
                    vectors[i : i + 1], depth, "exact", self.ef, limits
                )
                found[i] = again[0]
            hits = self.session.lexical_search(
                asked, max(depth, LEXICAL_DEPTH), limits, least=depth
            )
            worded.append(hits if hits is not None else (found[i][0][:0], found[i][1][:0]))
        code = self._code_shares([rows[:CODE_PROBE] for rows, _ in found])
        fused = []
        with self.session.seconds("fuse"):
            for i, text in enumerate(texts):
                weight = self._weight(text, taken[i], worded[i][1], code[i])
                fused.append(self._fused(vectors[i], found[i], worded[i], depth, weight))
        return fused

    def _by_words(self, text: str, k: int, allowed: Allowed | None) -> Candidates:
        hits = self.session.lexical_search(text, k, allowed)
        if hits is None:
            raise UsageError("--mode lexical: there is no lexical index (qembed index makes one)")
        self.plan = "words only"
        return Candidates(hits[0], hits[1], None, hits[1])

    def _held(self, words: ParsedQuery, allowed: Allowed | None) -> Allowed | None:
        """`allowed`, narrowed to what quoted phrases and -word let through."""
        import numpy as np

        index = self.session.lexical
        if not words.strict or index is None:
            return allowed
        from qembed.pipeline.filters import Allowed

        manifest, live = self.session.snapshot.manifest, self.session.snapshot.live
        n = manifest.next_row - manifest.base
        mask = np.ones(n, dtype=bool) if live is None else live.copy()
        if allowed is not None:
            mask &= allowed.mask
        for phrases, keep in ((words.phrases, True), (words.without, False)):
            for phrase in phrases:
                at = index.holding(phrase) - manifest.base
                has = np.zeros(n, dtype=bool)
                has[at[(at >= 0) & (at < n)]] = True
                mask &= has if keep else ~has
        return Allowed(mask, np.flatnonzero(mask).astype(np.int64) + manifest.base, 0)

    # ── weights ──────────────────────────────────────────────────────────────────────────────────

    def _weight(self, text: str, words: ParsedQuery, scores: Scores, code: float) -> LexicalWeight:
        if self.mode == "hybrid":
            return LexicalWeight(EVEN if len(scores) else 0.0, "asked for")
        index = self.session.lexical
        if index is None or not len(scores):
            return lexical_weight(FusionSignals(0.0, 0.0, 0.0))
        seen = index.coverage(text, words)
        most = sum(idf(f, seen.passages) * (K1 + 1) for f in seen.frequency.values())
        return lexical_weight(
            FusionSignals(
                best=float(scores[0]),
                tenth=float(scores[9]) if len(scores) > 9 else 0.0,
                most=most,
                code=code,
                readable=self.session.model.profile.reads(seen.script),
            )
        )

    def _code_shares(self, tops: Sequence[Rows]) -> list[float]:
        """For each query's nearest passages, the share that is source code."""
        if self.mode != "auto":
            return [0.0] * len(tops)
        rows = distinct(tops)
        with self.session.seconds("fetch"):
            code = dict(zip(rows.tolist(), self.session.code(rows), strict=True))
        return [sum(code[r] for r in t.tolist()) / len(t) if len(t) else 0.0 for t in tops]

    # ── both ─────────────────────────────────────────────────────────────────────────────────────

    def _fused(
        self,
        vector: Vectors,
        dense: tuple[Rows, Scores],
        lexical: tuple[Rows, Scores],
        depth: int,
        weight: LexicalWeight,
    ) -> Candidates:
        import numpy as np

        words, bm25 = lexical[0][:depth], lexical[1]
        if not len(words) or weight.b == 0:
            return Candidates(*dense, dense[1], np.zeros(len(dense[0]), np.float32), weight.why)
        rows = distinct([dense[0], words])
        cosines = np.empty(len(rows), dtype=np.float32)
        near = np.searchsorted(rows, dense[0])
        cosines[near] = dense[1]
        rest = np.ones(len(rows), dtype=bool)
        rest[near] = False
        cosines[rest] = self.session.cosines(vector, rows[rest])
        scores = np.zeros(len(rows), dtype=np.float32)
        at, there = places(lexical[0], rows)
        scores[at[there]] = bm25[there]
        if self.fusion == "rrf":
            final = reciprocal_rank_fusion(near, at[: len(words)], len(rows))
            why = "reciprocal ranks"
        else:
            pool = None
            if depth > NORMALIZATION_POOL:
                pool = np.zeros(len(rows), dtype=bool)
                pool[near[:NORMALIZATION_POOL]] = pool[at[:NORMALIZATION_POOL]] = True
            final = interpolate_scores(cosines, scores, pool, weight.b)
            why = f"words count {weight.b:.2f} to meaning's 1: {weight.why}"
        order = np.argsort(-final, kind="stable")  # ties by the smaller row
        return Candidates(rows[order], final[order], cosines[order], scores[order], why)
