"""Values of the judged queries under any settings: each text is encoded once, each pair scored once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qembed.evaluation import evaluate, parse_measures
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.experiments.tuning.kept import VectorCache
from qembed.pipeline.experiments.tuning.pools import DEPTH
from qembed.pipeline.experiments.tuning.signals import Signals
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.experiments.tuning.judged_queries import JudgedQueries

    Values = npt.NDArray[np.float64]

MEASURE = "nDCG@10"
TEXTS_PER_CALL = 64
"""Texts encoded between two looks at a request to stop."""
TEXTS_PER_SAVE = 1024
"""Texts encoded between two writes of the cache: a run that is killed loses no more."""
KEPT_SIGNALS = 12
"""Texts of all queries whose signals stay in memory; of others they are searched again."""


class Scores:
    """Values of settings over the judged queries, each computed once.

    `builder`: of the same queries. Call it with options; `measured`: all of them so far, in their order.
    """

    def __init__(self, builder: RunBuilder, judged: JudgedQueries, progress: Progress) -> None:
        self._builder, self._judged, self._progress = builder, judged, progress
        self._signals: OrderedDict[tuple[str, ...], Signals] = OrderedDict()
        self.measured: dict[QueryOptions, Values] = {}

    def texts(self, options: QueryOptions) -> list[str]:
        """Text to encode for each query."""
        return Retriever(self._builder.session, options).instructions(self._judged.queries)

    def encode(self, settings: Sequence[QueryOptions]) -> None:
        """Encode the texts of all settings, those that an earlier run encoded left out.

        Raises KeyboardInterrupt if it was stopped; the vectors so far are kept for the next run.
        """
        session, encoder = self._builder.session, self._builder.encoder
        texts = list(dict.fromkeys(t for o in settings for t in self.texts(o)))
        cache = VectorCache(session.recipe.fingerprint)
        encoder.remember(cache.load(texts, session.recipe.dim))
        new = [t for t in texts if t not in encoder.vectors]
        if not new:
            return
        self._progress.phase("encode", "queries", len(new))
        with self._progress.committing():
            try:
                for at in range(0, len(new), TEXTS_PER_CALL):
                    if self._progress.stop():
                        raise KeyboardInterrupt
                    part = new[at : at + TEXTS_PER_CALL]
                    encoder.encode(part)
                    self._progress.advance(len(part))
                    if at and at % TEXTS_PER_SAVE == 0:
                        cache.save(encoder.vectors)
            finally:
                cache.save(encoder.vectors)

    def signals(self, options: QueryOptions) -> Signals:
        """Signals of the queries under the texts of some options."""
        texts = tuple(self.texts(options))
        if texts in self._signals:
            self._signals.move_to_end(texts)
            return self._signals[texts]
        vectors = self._builder.encoder.encode(texts)
        found = Signals(self._builder, self._judged, vectors)
        self._signals[texts] = found
        if len(self._signals) > KEPT_SIGNALS:
            self._signals.popitem(last=False)
        return found

    def __call__(self, options: QueryOptions) -> Values:
        """nDCG@10 of each query, float64 (n,). Raises KeyboardInterrupt if it was stopped."""
        if options not in self.measured:
            if self._progress.stop():
                raise KeyboardInterrupt
            values = (
                self._rerank(options) if options.rerank else self.signals(options).values(options)
            )
            self.measured[options] = values
            self._progress.advance(1)
        return self.measured[options]

    def _rerank(self, options: QueryOptions) -> Values:
        """Values of options with a reranker, by a search for each query."""
        import numpy as np

        built = self._builder.rank(replace(options, k=DEPTH), label="rerank")
        report = evaluate(parse_measures(MEASURE), self._judged.qrels, built.run)
        self._progress.phase("arms", "settings", None)
        return np.array([report.per_query[q.id][MEASURE] for q in self._judged.queries])
