"""Candidates of a query: dense search, lexical search, or the fusion of both.

    dense    vectors -> rows and cosines              lexical   words -> rows and BM25 scores
    hybrid   both with equal weights                  auto      both, weighted by signals of the query

Both searches stay within a filter's rows. A candidate that only one search found gets its score from the
other too, so that fusion compares like with like.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.pipeline.lexical_index import is_lexical_published
from qembed.pipeline.retrieval.fusion import (
    DEFAULT_FUSION,
    FusionParameters,
    FusionSignals,
    LexicalWeight,
    interpolate_scores,
    lexical_weight,
    reciprocal_rank_fusion,
)
from qembed.pipeline.retrieval.options import MODES, Fusion
from qembed.pipeline.retrieval.ranking import CandidatePool, Candidates, Searched
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.ties.order import best_first
from qembed.pipeline.retrieval.ties.searches import LEXICAL_DEPTH, TiedVectorSearch, lexical_search
from qembed.search.dense.planner import Search
from qembed.search.lexical.bm25 import idf
from qembed.search.lexical.query import ParsedQuery, scripts_of
from qembed.search.topk import distinct, places

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.pipeline.retrieval.index_search import IndexSearch
    from qembed.pipeline.retrieval.pictures.kind_search import KindSearch
    from qembed.types import Rows, Scores, Vectors

NORMALIZATION_POOL = 100
"""Candidates of each search that set the scale of fusion, however many are asked for."""
CODE_PROBE = 10
"""Nearest passages that are tested for being source code."""
K1 = 1.2
"""BM25's k1 in tantivy: a term's score approaches idf * (k1 + 1)."""


class CandidateRetriever:
    """Retrieves candidates from one session. Raises UsageError for an unknown mode.

    `parameters`: constants of the fusion, None for the index's. `warnings`: searches that were not done as
    they were asked for, and the reasons.
    """

    def __init__(
        self,
        session: Session,
        mode: str,
        search: Search,
        ef: int | None,
        fusion: Fusion = "sum",
        parameters: FusionParameters | None = None,
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"--mode {mode}: one of {', '.join(MODES)} is wanted")
        self.session = session
        self.mode = mode
        self.search = search
        self.ef = ef
        self.fusion = fusion
        self.parameters = DEFAULT_FUSION if parameters is None else parameters
        self.warnings: list[str] = []

    @cached_property
    def _dense(self) -> IndexSearch | KindSearch | TiedVectorSearch:
        """Search by vectors: where there are texts and pictures, with scores on one scale."""
        from qembed.pipeline.retrieval.pictures.kind_search import dense_search

        return dense_search(self.session)

    @property
    def wants_vectors(self) -> bool:
        """True if queries must be encoded."""
        return self.mode != "lexical"

    def _missing(self) -> list[str]:
        """Messages on what a half-made index does not find."""
        manifest, found = self.session.snapshot.manifest, []
        if manifest.unfinished:
            from qembed.pipeline.unfinished import unfinished_warnings

            found += unfinished_warnings(self.session.root, manifest)
        elif not manifest.counts.get("documents", 0):
            found.append("the index is empty (qembed index PATH fills it)")
        for name in self.session.snapshot.resized_shards():
            found.append(
                f"{name} is damaged: it has not its size (qembed verify tells what is lost)"
            )
        search = self.session.search
        found += search.notes(weighs=self.mode == "auto" and search.lexical is not None)
        if self.mode != "dense" and search.rows and (without := search.rows_without_words):
            living = self.session.snapshot.passages_total
            all_of_them = without == living
            what = "there is no word index" if all_of_them else "the word index is behind"
            if self._words_are_damaged():
                what = "the word index is damaged"
            which = "passages" if all_of_them else f"{without:,} of {living:,} passages"
            are = "is" if without == 1 and not all_of_them else "are"
            found.append(f"{what}: {which} {are} found by meaning only (qembed index makes it)")
        return found

    def _words_are_damaged(self) -> bool:
        """True if there is a word index that cannot be used: the next writer makes it anew."""
        snapshot = self.session.snapshot
        if self.session.search.lexical is not None:
            return False
        return is_lexical_published(snapshot.root, snapshot.manifest)

    def find(
        self, texts: Sequence[str], vectors: Vectors | None, k: int, allowed: Allowed | None
    ) -> tuple[list[Candidates], str]:
        """(at least k candidates for each query, as far as there are so many; the plan of the search).

        `texts`: the users' words. `vectors`: float32 (n, dim), None in lexical mode. Raises UsageError
        without a lexical index in lexical mode.
        """
        self.warnings += self._missing()
        if vectors is None:
            return [self._find_by_words(text, k, allowed) for text in texts], "words only"
        depth = k if self.mode == "dense" else max(k, NORMALIZATION_POOL)
        dense, plan = self._dense.vector_search(vectors, depth, self.search, self.ef, allowed)
        if (warning := plan.warning(self.search)) is not None:
            self.warnings.append(warning)
        elif self.ef is not None and plan.kind == "exact":
            self.warnings.append("--ef: no effect: the search was exact (--search graph)")
        described = f"{plan.kind} ({plan.why})"
        if self.mode == "dense" or self.session.search.lexical is None:
            return [Candidates(rows, scores, scores) for rows, scores in dense], described
        searched = self._search_words(texts, vectors, dense, depth, allowed)
        with self.session.timer("fuse"):
            fused = [
                self._fuse(vector, one, depth)
                for vector, one in zip(vectors, searched, strict=True)
            ]
        return fused, described

    def search_both(
        self, texts: Sequence[str], vectors: Vectors, k: int, allowed: Allowed | None
    ) -> list[Searched]:
        """Hits of both searches for each query, at least k of each as far as there are so many.

        Arguments as of `find`, which fuses them.
        """
        depth = max(k, NORMALIZATION_POOL)
        dense, _ = self._dense.vector_search(vectors, depth, self.search, self.ef, allowed)
        return self._search_words(texts, vectors, dense, depth, allowed)

    def _search_words(
        self,
        texts: Sequence[str],
        vectors: Vectors,
        dense: list[tuple[Rows, Scores]],
        depth: int,
        allowed: Allowed | None,
    ) -> list[Searched]:
        """Lexical hits beside the dense ones, which are searched anew within a query's operators."""
        lexical: list[tuple[Rows, Scores]] = []
        sizes: list[int] = []
        queries = [self.session.search.parse(text) for text in texts]
        for i, query in enumerate(queries):
            limits, words = self._apply_operators(query, allowed), query
            if limits is not None and not len(limits.rows):
                # no passage satisfies the operators: search by the plain words instead
                limits, words = allowed, ParsedQuery(query.terms)
            elif query.strict and limits is not None:
                within, _ = self._dense.vector_search(
                    vectors[i : i + 1], depth, "exact", self.ef, limits
                )
                dense[i] = within[0]
            hits = lexical_search(
                self.session, words, max(depth, LEXICAL_DEPTH), limits, least=depth
            )
            lexical.append(hits if hits is not None else (dense[i][0][:0], dense[i][1][:0]))
            sizes.append(self.session.snapshot.passages_total if limits is None else limits.size)
        if self.mode != "auto":
            return [Searched(d, w, None) for d, w in zip(dense, lexical, strict=True)]
        code = self._code_shares([rows[:CODE_PROBE] for rows, _ in dense])
        found = []
        for i, text in enumerate(texts):
            signals = self._signals(text, queries[i], lexical[i][1])._replace(
                code=code[i], confidence=self._confidence(vectors[i], dense[i][1], sizes[i])
            )
            found.append(Searched(dense[i], lexical[i], signals))
        return found

    def _find_by_words(self, text: str, k: int, allowed: Allowed | None) -> Candidates:
        hits = lexical_search(self.session, text, k, allowed)
        if hits is None:
            damaged = self._words_are_damaged()
            state = "the word index is damaged" if damaged else "there is no word index"
            raise UsageError(f"--mode lexical: {state} (qembed index makes one)")
        return Candidates(hits[0], hits[1], None, hits[1])

    def _apply_operators(self, query: ParsedQuery, allowed: Allowed | None) -> Allowed | None:
        """`allowed`, restricted to passages with all quoted phrases and without -words."""
        import numpy as np

        index = self.session.search.lexical
        if not query.strict or index is None:
            return allowed
        from qembed.pipeline.filters import Allowed

        manifest, live = self.session.snapshot.manifest, self.session.snapshot.live
        n = manifest.next_row - manifest.base
        mask = np.ones(n, dtype=bool) if live is None else live.copy()
        if allowed is not None:
            mask &= allowed.mask
        for phrases, keep in ((query.phrases, True), (query.without, False)):
            for phrase in phrases:
                offsets = index.rows_with(phrase) - manifest.base
                has = np.zeros(n, dtype=bool)
                has[offsets[(offsets >= 0) & (offsets < n)]] = True
                mask &= has if keep else ~has
        return Allowed(mask, np.flatnonzero(mask).astype(np.int64) + manifest.base, 0)

    # ── weights ──────────────────────────────────────────────────────────────────────────────────

    def _signals(self, text: str, query: ParsedQuery, scores: Scores) -> FusionSignals:
        """Signals of a query's words. `scores`: BM25, best first."""
        index = self.session.search.lexical
        if index is None or not len(scores):
            return FusionSignals(0.0, 0.0, 0.0)
        seen = index.coverage(text, query)
        most = sum(idf(f, seen.passages) * (K1 + 1) for f in seen.frequency.values())
        return FusionSignals(
            best=float(scores[0]),
            tenth=float(scores[9]) if len(scores) > 9 else 0.0,
            most=most,
            readable=self._readable(text),
        )

    def _readable(self, text: str) -> float:
        """Share of a text's letters in scripts that the model was trained to read; 1 without letters."""
        profile, counts = self.session.loaded.model.profile, scripts_of(text)
        if not counts:
            return 1.0
        read = sum(n for script, n in counts.items() if profile.reads(script))
        return read / sum(counts.values())

    def _confidence(self, vector: Vectors, cosines: Scores, passages: int) -> float | None:
        """Height of the best of a query's cosines above the background; None without one.

        `vector`: float32 (dim,). `cosines`: best first. `passages`: number of those searched.
        """
        background = self.session.search.background
        if background is None or not len(cosines):
            return None
        return background.confidence(vector, float(cosines[0]), passages)

    def _code_shares(self, tops: Sequence[Rows]) -> list[float]:
        """Share of source code among the nearest passages of each query."""
        rows = distinct(tops)
        with self.session.timer("fetch"):
            code = dict(zip(rows.tolist(), self.session.documents.code_flags(rows), strict=True))
        return [sum(code[r] for r in t.tolist()) / len(t) if len(t) else 0.0 for t in tops]

    # ── fusion ───────────────────────────────────────────────────────────────────────────────────

    def _fuse(self, vector: Vectors, searched: Searched, depth: int) -> Candidates:
        """Fuse one query's hits. `vector`: float32 (dim,)."""
        import numpy as np

        dense = searched.dense
        weight = hits_weight(searched, self.parameters)
        if not len(searched.lexical[0]) or weight.b == 0:
            return Candidates(*dense, dense[1], np.zeros(len(dense[0]), np.float32), weight.why)
        pool = self.pool(vector, searched, depth)
        if self.fusion == "rrf":
            final = reciprocal_rank_fusion(pool.near, pool.words, len(pool.rows))
            why = "reciprocal ranks"
        else:
            final = interpolate_scores(pool.cosines, pool.bm25, pool.scale, weight.b)
            why = f"words count {weight.b:.2f} to meaning's 1: {weight.why}"
        order = best_first(pool.rows, final, self.session.ties)
        return Candidates(
            pool.rows[order], final[order], pool.cosines[order], pool.bm25[order], why
        )

    def pool(self, vector: Vectors, searched: Searched, depth: int) -> CandidatePool:
        """Unite one query's hits. `vector`: float32 (dim,). `depth`: of the lexical hits that are taken."""
        import numpy as np

        dense, words, bm25 = searched.dense, searched.lexical[0][:depth], searched.lexical[1]
        rows = distinct([dense[0], words])
        cosines = np.empty(len(rows), dtype=np.float32)
        near = np.searchsorted(rows, dense[0])
        cosines[near] = dense[1]
        rest = np.ones(len(rows), dtype=bool)
        rest[near] = False
        cosines[rest] = self._dense.cosines(vector, rows[rest])
        scores = np.zeros(len(rows), dtype=np.float32)
        at, there = places(searched.lexical[0], rows)
        scores[at[there]] = bm25[there]
        scale = None
        if depth > NORMALIZATION_POOL:
            scale = np.zeros(len(rows), dtype=bool)
            scale[near[:NORMALIZATION_POOL]] = scale[at[:NORMALIZATION_POOL]] = True
        return CandidatePool(rows, cosines, scores, near, at[: len(words)], scale)


def hits_weight(searched: Searched, parameters: FusionParameters) -> LexicalWeight:
    """Weight of one query's lexical scores: by its signals, or without them that of mode hybrid."""
    if searched.signals is not None:
        return lexical_weight(searched.signals, parameters)
    return LexicalWeight(parameters.even if len(searched.lexical[0]) else 0.0, "asked for")
