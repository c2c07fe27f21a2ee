"""A session that outlives a request: what it has loaded stays, what a fresh process would not know goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qembed.models import Model, open_model
from qembed.pipeline.filters import Allowed, Filters
from qembed.pipeline.retrieval.session import Session
from qembed.search import Graph, Plan
from qembed.search.dense import planner
from qembed.serve.batching_encoder import BatchingEncoder
from qembed.store import CatalogEntry, derived_files
from qembed.types import Encoder, Passage

if TYPE_CHECKING:
    from qembed.types import Rows, Scorer, Scores, Vectors

CACHED_PASSAGES = 20_000
"""Passages, lines of documents, and whether a passage is code, that are kept as objects."""
T = TypeVar("T")


class CachingSession(Session):
    """A session that outlives a request. Used by one thread at a time."""

    def __init__(
        self,
        root: Path,
        before: CachingSession | None = None,
        elsewhere: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(root)
        self._elsewhere = elsewhere
        self._graph_used = False
        self._rerankers: dict[str, Scorer] = {}
        self._passages: dict[int, Passage] = {}
        self._lines: dict[int, CatalogEntry] = {}
        self._codes: dict[int, bool] = {}
        self._loaded = None if before is None else before.loaded()
        if before is not None and before.snapshot.manifest.uid == self.snapshot.manifest.uid:
            # a row is never used twice
            self._passages, self._codes = before._passages, before._codes

    def loaded(self) -> tuple[Model, BatchingEncoder | None, dict[str, Scorer]] | None:
        """What the next generation's session can go on with."""
        model = self.__dict__.get("model")
        if model is None:
            return self._loaded
        return model, self.ready(), self._rerankers

    @cached_property
    def model(self) -> Model:
        """The index's model, with the weights of the session before if they are the same."""
        fresh: Model = Session.model.func(self)  # type: ignore[attr-defined]
        loaded, self._loaded = self._loaded, None
        if loaded is None or _identity(loaded[0]) != _identity(fresh):
            return fresh
        model, encoder, self._rerankers = loaded
        if encoder is not None and not model.is_remote:
            self.__dict__["encoder"] = encoder
        return model

    @cached_property
    def encoder(self) -> Encoder:
        """The model's weights, with a memory."""
        encoder: Encoder = Session.encoder.func(self)  # type: ignore[attr-defined]
        return BatchingEncoder(encoder, self._elsewhere)

    def ready(self) -> BatchingEncoder | None:
        """The encoder if it was loaded already; by any thread at any time."""
        return self.__dict__.get("encoder")

    @cached_property
    def plain_model(self) -> Model:
        """The model as `qembed rerank` opens it: not cut to the index's dimensions."""
        manifest = self.snapshot.manifest
        model = open_model(manifest.spec)
        return self.model if model.dim == self.model.dim else model

    def begin(self) -> None:
        """What a fresh process would not know is forgotten: timings, filters that name times, the plan."""
        self.seconds.clear()
        self._places.clear()
        self._graph_used = False
        old = self.__dict__.get("filters")
        if old is not None:
            self.__dict__["filters"] = Filters(self.snapshot, old.documents())

    @property
    def graph_loaded(self) -> bool:
        """Counted as a fresh process would: the same plan, the same hits."""
        return self._graph_used

    def graph(self) -> tuple[Graph, derived_files.Stamp] | None:
        """The graph, kept once it was wanted."""
        self._graph_used = True
        return super().graph()

    @cached_property
    def _stamp(self) -> derived_files.Stamp | None:
        return super()._published()

    def _published(self) -> derived_files.Stamp | None:
        """Read once: when another is published, this session ends."""
        return self._stamp

    @cached_property
    def _blas(self) -> Any:
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()

    def vector_search(
        self,
        vectors: Vectors,
        k: int,
        wanted: planner.Search = "auto",
        ef: int | None = None,
        allowed: Allowed | None = None,
    ) -> tuple[list[tuple[Rows, Scores]], Plan]:
        """As ever; a single query by one thread of the BLAS.

        Its threads wait for one another by spinning, 8 ms where the cores are busy and the product takes .2.
        A product with one vector has the same bits by any number of threads, one with many has not.
        """
        if len(vectors) > 1 or self.exact.knows(vectors):
            return super().vector_search(vectors, k, wanted, ef, allowed)
        with self._blas.limit(limits=1, user_api="blas"):
            return super().vector_search(vectors, k, wanted, ef, allowed)

    def foresee(self, vectors: Vectors) -> None:
        """Looks for what several single queries will ask `nearest` for, float32 (n, dim), all at once."""
        if len(vectors) > 1 and self.plan(1, "auto").kind == "exact":
            with self._blas.limit(limits=1, user_api="blas"):
                if self._steady:
                    self.exact.ahead(vectors)

    @cached_property
    def _steady(self) -> bool:
        return self.exact.steady()

    def reranker(self, spec: str) -> Scorer:
        """Loaded once; what it told of the request before is forgotten."""
        return self.kept(spec, lambda: super(CachingSession, self).reranker(spec))

    def kept(self, spec: str, make: Callable[[], Scorer]) -> Scorer:
        """The reranker of that name, made at first."""
        if spec == "late":  # a thin coat over the encoder
            return make()
        if spec not in self._rerankers:
            self._rerankers[spec] = make()
        found = self._rerankers[spec]
        found.truncated.clear()
        return found

    def passages(self, rows: Rows) -> Sequence[Passage]:
        """The passages of the given rows; those asked for before are objects already."""
        return _kept(self._passages, rows, self.snapshot.passages)

    def code(self, rows: Rows) -> Sequence[bool]:
        """Kept likewise."""
        return _kept(self._codes, rows, super().code)

    def lines(self, rows: Rows) -> Sequence[CatalogEntry]:
        """The line of each row's document, kept likewise, though not beyond this generation."""
        return _kept(self._lines, rows, self.snapshot.lines_of)

    def load(self) -> None:
        """Everything that a usual query needs."""
        import numpy as np

        _ = self.exact, self.lexical
        self.encoder.encode(["ready"])
        manifest = self.snapshot.manifest
        if self.rows <= CACHED_PASSAGES:
            every = np.arange(manifest.base, manifest.next_row)
            self.passages(every)
            if (live := self.snapshot.live) is not None:
                every = every[live]
            self.lines(every)


def _kept(kept: dict[int, T], rows: Rows, fetch: Callable[[Rows], Sequence[T]]) -> list[T]:
    """What belongs to the rows; fetched are those that are not kept yet."""
    import numpy as np

    wanted = rows.tolist()
    new = [r for r in dict.fromkeys(wanted) if r not in kept]
    if len(kept) + len(new) > CACHED_PASSAGES:
        kept.clear()
        new = list(dict.fromkeys(wanted))
    if new:
        kept.update(zip(new, fetch(np.array(new, dtype=np.int64)), strict=True))
    return [kept[r] for r in wanted]


def _identity(model: Model) -> tuple[Any, ...]:
    return model.spec, model.revision, model.dim, model.max_tokens
