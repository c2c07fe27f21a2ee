"""Retrieval: the user's words to hits.

    words -> instruction template -> vector -> candidates -> (rerank) -> cut to k -> hits -> (snippets)

The words are never changed: the encoded text is kept beside them as the instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import EncodingError, UsageError
from qembed.models import query_text, task_template
from qembed.paths import FEEDBACK
from qembed.pipeline.retrieval.answer import Answer, RerankSummary
from qembed.pipeline.retrieval.by_document import best_of_documents, deepen
from qembed.pipeline.retrieval.candidates import CandidateRetriever
from qembed.pipeline.retrieval.embedding.lengths import truncated_texts
from qembed.pipeline.retrieval.fusion import least_scores
from qembed.pipeline.retrieval.hits import make_hits
from qembed.pipeline.retrieval.options import (
    LEARNED,
    QueryOptions,
    check_options,
    check_queries,
    check_threshold,
    with_tuned,
)
from qembed.pipeline.retrieval.pictures.kind_search import allow_kind
from qembed.pipeline.retrieval.pictures.query_picture import encode_query_picture, picture_options
from qembed.pipeline.retrieval.pictures.reranked import keep_pictures
from qembed.pipeline.retrieval.postprocess import left_out_note, maximal_marginal_relevance
from qembed.pipeline.retrieval.ranking import Candidates, RankedQuery, Ranking
from qembed.pipeline.retrieval.request import QueryRequest, by_filter
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.unused_task import unused_in_query
from qembed.pipeline.sequences.queries import alphabet_of, check_sequences
from qembed.types import Query, Results

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.pipeline.progress import Progress
    from qembed.pipeline.retrieval.learned.memory import QueryVotes
    from qembed.pipeline.retrieval.reranking.job import RerankJob
    from qembed.protocols import Scorer
    from qembed.types import Vectors


class Retriever:
    """Answers queries from one session. `reranker`: used instead of opening the one the options name.

    `encoded`: vectors of texts that are known, to which those that this one encodes are added.
    `options`: the given ones, completed by what `tune` chose for the index; `tuned`: that part of them.
    Raises UsageError for options that no index can answer.
    """

    def __init__(
        self,
        session: Session,
        options: QueryOptions,
        reranker: Scorer | None = None,
        encoded: dict[str, Vectors] | None = None,
    ) -> None:
        self.options, self.tuned = with_tuned(options, session.snapshot.manifest.tuned)
        if options.image is not None:
            self.options, self.tuned = picture_options(options), {}
        o = self.options
        check_options(o)
        self.session = session
        self._candidates = CandidateRetriever(
            session, o.mode, o.search, o.ef, o.fusion, o.fusion_parameters
        )
        self._reranker = reranker
        self._encoded = encoded
        self._votes: QueryVotes | None = None

    # ── queries to vectors ───────────────────────────────────────────────────────────────────────

    def instructions(self, queries: Sequence[Query]) -> list[str]:
        """Text to encode for each query: its words in the instruction template."""
        profile, options = self.session.loaded.model.profile, self.options
        alphabet = alphabet_of(self.session.recipe)
        texts = []
        for q in queries:
            task = self._task(q) or None
            template, resolved = task_template(profile, task, options.template)
            words = q.text if alphabet is None else alphabet.written(q.text)
            texts.append(
                query_text(template if options.instruction else "{query}", words, resolved)
            )
        return texts

    def _task(self, query: Query) -> str | None:
        """The query's own task, else the options', else the index's; by name or in full."""
        remembered = self.session.snapshot.manifest.settings.get("task")
        return query.task or self.options.task or remembered

    def texts_to_encode(self, queries: Sequence[Query]) -> list[str]:
        """Texts that `rank` encodes; empty in lexical mode, and where the query is a picture."""
        is_text = self._candidates.wants_vectors and self.options.image is None
        return self.instructions(queries) if is_text else []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of finished query texts, float32 (n, dim); equal texts are encoded once."""
        import numpy as np

        known = {} if self._encoded is None else self._encoded
        unique = [t for t in dict.fromkeys(texts) if t not in known]
        if unique:
            encoder = self.session.loaded.encoder
            with self.session.timer("encode"):
                known.update(zip(unique, encoder.encode(unique), strict=True))
        return np.stack([known[t] for t in texts])

    # ── vectors to rows ──────────────────────────────────────────────────────────────────────────

    def rank(self, queries: Sequence[Query], progress: Progress | None = None) -> Ranking:
        """Rank rows for each query: search, rerank, group by document and cut, as the options ask.

        `progress`: loading a reranker and scoring are phases. Raises InputError for queries without words.
        """
        ranking = self.retrieve(queries)
        warnings, reranked = list(ranking.warnings), None
        if self.options.rerank:
            try:
                reranked = self._rerank(ranking.queries, progress)
            except UsageError as e:
                if self.tuned.get("rerank") != LEARNED:
                    raise
                # nobody asked for it: the index's setting outlived the learned order
                warnings.append(str(e))
        encodes, loaded = self._candidates.wants_vectors, self.session.loaded
        warnings += unused_in_query(self.options, queries, reranked, encodes, lambda: loaded.model)
        for r in ranking.queries:
            if self._votes is not None:
                self._votes.promote(r, self._allowed)
        if left_out := sum(map(self._cut, ranking.queries)):
            warnings.append(left_out_note(left_out))
        return ranking._replace(warnings=warnings, reranked=reranked)

    def retrieve(self, queries: Sequence[Query]) -> Ranking:
        """Rows for each query before reranking, as many as reranking, diversity and k need."""
        check_queries(queries)
        options, encodes = self.options, self._candidates.wants_vectors
        if options.image is None:  # its name is no query
            check_sequences(self.session.recipe, queries, options.sequence, encodes)
        texts = self.texts_to_encode(queries)
        vectors = self.encode(texts) if texts else None
        if options.image is not None:
            vectors = encode_query_picture(self.session, options.image, len(queries))
        # after `encode`: a loaded export counts with the tokenizer it has
        truncated = truncated_texts(self.session.loaded.model.queries, texts) if texts else []
        depth = max(options.k, options.candidates if options.rerank or options.diversity else 0)
        if options.memory and (self.session.root / FEEDBACK).is_dir():
            from qembed.pipeline.retrieval.learned.memory import QueryVotes

            self._votes = QueryVotes(self.session, queries, vectors, self.instructions)
            depth += self._votes.further(options.by == "document")
        depth = min(depth, max(1, self.session.search.rows))
        found: dict[int, Candidates] = {}
        warnings, plan = dict[str, None](), ""
        for where, positions in by_filter(queries).items():
            part = None if vectors is None else vectors[positions]
            allowed = self._allowed(where, queries[positions[0]].id)
            if allowed is not None:
                warnings.update(dict.fromkeys(allowed.warnings))
            words = [queries[i].text for i in positions]
            candidates, plan = self._search(words, part, depth, allowed)
            found.update(zip(positions, candidates, strict=True))
        warnings.update(dict.fromkeys(self._candidates.warnings))
        warnings.update(dict.fromkeys(self._votes.warnings if self._votes is not None else ()))
        ranked = []
        for i, q in enumerate(queries):
            c = found[i]
            instruction = texts[i] if texts and texts[i] != q.text else None
            vector = None if vectors is None else vectors[i]
            ranked.append(
                RankedQuery(
                    q, instruction, c.rows, c.scores, c.dense, c.lexical, None, c.why, vector
                )
            )
        if self._votes is not None:
            for r in ranked:
                self._votes.drop(r)
        return Ranking(ranked, plan, truncated, list(warnings))

    def _allowed(self, where: str | None, query: str) -> Allowed | None:
        """Rows that pass the options' filters and a query's own; None without any filter. `query`: its id."""
        filters, shared = self.session.documents.filters, self.options.where
        found, kind = None, self.options.kind
        if where is None and not shared and kind is None:
            return None
        with self.session.timer("filter"):
            if where is not None:
                found = filters.allowed_for(query, where, shared)
            elif shared:
                found = filters.allowed(shared)
            return found if kind is None else allow_kind(self.session.snapshot, found, kind)

    def _search(
        self, words: Sequence[str], vectors: Vectors | None, depth: int, allowed: Allowed | None
    ) -> tuple[list[Candidates], str]:
        """(`depth` passages per query or, by document, the best passages of `depth` documents; the plan)."""
        session = self.session
        if self.options.by == "passage":
            found, plan = self._candidates.find(words, vectors, depth, allowed)
            return [f.first(depth) for f in found], plan
        total = session.snapshot.passages_total if allowed is None else allowed.size
        documents = int(session.snapshot.manifest.counts.get("documents", 1))
        documents = documents if allowed is None else allowed.documents
        plans = [""]

        def find(ask: int) -> list[tuple[int, Candidates]]:
            found, plans[0] = self._candidates.find(words, vectors, ask, allowed)
            method = self.options.document_score
            return [(len(f.rows), best_of_documents(session.snapshot, f, method)) for f in found]

        best = deepen(find, lambda f: f[0], lambda f: len(f[1].rows), depth, total, documents)
        return [f.first(depth) for _, f in best], plans[0]

    # ── reranking and cutting ────────────────────────────────────────────────────────────────────

    def rerank_job(self, ranked: Sequence[RankedQuery]) -> RerankJob:
        """The reranker's work on `retrieve`'s rows, cut to the candidates it gets."""
        from qembed.pipeline.retrieval.reranking.query_job import query_job

        asked = (
            self.instructions([r.query for r in ranked]) if self.options.rerank == "late" else None
        )
        tasks = [self._task(r.query) for r in ranked]
        return query_job(self.session, ranked, self.options, asked, tasks)

    def _rerank(
        self, ranked: Sequence[RankedQuery], progress: Progress | None
    ) -> RerankSummary | None:
        """Put each query's candidates in the reranker's order. None if there are no candidates."""
        spec = self.options.rerank or ""
        if spec == LEARNED:
            from qembed.pipeline.retrieval.learned.order import rerank_learned

            return rerank_learned(self.session, ranked, self.options)
        job = self.rerank_job(ranked)
        if not job.pairs:
            return None
        reranker = self._reranker or self.session.loaded.reranker(spec, progress)
        if self.options.min_score is not None and reranker.calibrated:
            check_threshold(self.options.min_score, 0.0, "a probability")
        with self.session.timer("rerank"):
            reordered, summary = job.run(spec, reranker, self.options.rerank_budget, progress)
        for r, new in zip(ranked, reordered, strict=True):
            order, r.scores = keep_pictures(self.session.snapshot, r.rows, new)
            r.rerank = new.scores
            r.keep(order)
        return summary

    def _cut(self, r: RankedQuery) -> int:
        """Apply the least score, diversity and k. Returns how many near-duplicates made it fewer than k."""
        if self.options.min_score is not None:
            scores = r.scores if r.rerank is None else least_scores(r.scores, r.rerank)
            r.keep((scores >= self.options.min_score).nonzero()[0])
        keep, k = len(r.rows), self.options.k
        r.keep_first(keep if self.options.diversity else min(keep, k))
        if not self.options.diversity:
            return 0
        vectors = self.session.search.vectors(r.rows)
        r.keep(maximal_marginal_relevance(r.scores, vectors, k, self.options.diversity))
        return keep - len(r.rows) if len(r.rows) < k else 0

    # ── rows to hits ─────────────────────────────────────────────────────────────────────────────

    def answer(self, queries: Sequence[Query], progress: Progress | None = None) -> Answer:
        """Answer all queries but those that the model refuses. Arguments and errors as for `rank`."""
        refused: dict[str, str] = {}
        try:
            ranking = self.rank(queries, progress)
        except EncodingError:
            refused = self._refused(queries)
            if len(refused) in (0, len(queries)):
                raise
            ranking = self.rank([q for q in queries if q.id not in refused], progress)
        hits = make_hits(self.session, ranking.queries, self.options)
        manifest = self.session.snapshot.manifest
        return Answer(
            results=[
                Results(r.query, r.instruction, found)
                for r, found in zip(ranking.queries, hits, strict=True)
            ],
            generation=manifest.generation,
            recipe=manifest.recipe.fingerprint,
            plan=ranking.plan,
            why={r.query.id: r.why for r in ranking.queries if r.why},
            votes={r.query.id: r.votes for r in ranking.queries if r.votes},
            truncated=ranking.truncated,
            warnings=ranking.warnings,
            reranked=ranking.reranked,
            note=self.session.loaded.note,
            tuned=self.tuned,
            log=manifest.settings.get("log"),
            explore=bool(manifest.settings.get("explore")),
            seconds=dict(self.session.timer),
            refused=refused,
        )

    def _refused(self, queries: Sequence[Query]) -> dict[str, str]:
        """Ids of the queries that the model does not encode, and the reasons."""
        from qembed.models.encode_each import encode_each

        texts, loaded = self.texts_to_encode(queries), self.session.loaded
        _, reasons = encode_each(loaded.encoder, texts, loaded.model.dim)
        return {queries[i].id: reason for i, reason in reasons.items()}


def answer_queries(index: Path, request: QueryRequest, progress: Progress | None = None) -> Answer:
    """Answer a request from the index at `index`, opened for it. Raises NoIndex, IndexDamaged, and others."""
    check_options(request.options)
    with Session(index, request.model) as session:
        session.loaded.load_ahead(request.options.rerank)
        return Retriever(session, request.options).answer(request.queries, progress)
