"""An index opened for answering: one generation, its model, its vectors, each loaded when first needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.models import Model, open_model, passage_text
from qembed.pipeline.lexical_index import open_lexical
from qembed.pipeline.progress import StageTimer
from qembed.pipeline.recipe import check_model, check_probes
from qembed.pipeline.retrieval.fusion import is_code
from qembed.search import Exact, Graph, GraphSearcher, Plan, choose, merge
from qembed.search.dense.hnsw import EF
from qembed.search.dense.planner import Search
from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.files import LexicalIndexDamaged
from qembed.search.lexical.query import ParsedQuery
from qembed.store import CatalogEntry, Snapshot
from qembed.store import derived_files as files
from qembed.store.manifest import read as read_manifest
from qembed.types import Encoder, Passage, Recipe

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed, Filters
    from qembed.types import Rows, Scorer, Scores, Vectors


class Session:
    """Answers from one generation of an index. `spec` names the model otherwise than the index does."""

    def __init__(self, root: Path, spec: str | None = None) -> None:
        self.root = root
        self.seconds = StageTimer()
        with self.seconds("open"):
            self.snapshot = Snapshot.open(root)
        self._spec = spec
        self._graph: Graph | None = None
        self._graph_stamp: files.Stamp | None = None
        self._graph_broken = False
        self._places: dict[str, tuple[str, bool]] = {}

    def close(self) -> None:
        """Lets go of the index's files."""
        self.snapshot.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_current(self) -> bool:
        """Whether this is still what a new session would open."""
        present = read_manifest(self.root)
        ours = self.snapshot.manifest
        return (present.uid, present.generation) == (ours.uid, ours.generation)

    def take_model(self, other: Session) -> None:
        """Goes on with another session's model and weights where the recipe is the same."""
        if other.recipe == self.recipe and other._spec == self._spec:
            for name in ("model", "encoder"):
                if name in other.__dict__:
                    self.__dict__[name] = other.__dict__[name]

    @property
    def recipe(self) -> Recipe:
        """How the stored vectors were made."""
        return self.snapshot.manifest.recipe

    @cached_property
    def model(self) -> Model:
        """The index's model, without its weights. Raises RecipeMismatch if it is another one now."""
        manifest = self.snapshot.manifest
        with self.seconds("model"):
            model = open_model(self._spec or manifest.spec)
            if model.dim != manifest.recipe.dim:
                model = open_model(self._spec or manifest.spec, dim=manifest.recipe.dim)
            check_model(manifest.recipe, model)
        return model

    @property
    def model_note(self) -> str | None:
        """What the user should know of how the model was loaded, None if it was not or all is well."""
        model: Model | None = self.__dict__.get("model")
        return None if model is None else model.note

    @cached_property
    def encoder(self) -> Encoder:
        """The model's weights, loaded."""
        with self.seconds("load"):
            encoder = self.model.encoder()
            if self.model.is_remote:
                # no checksum tells what a server runs: the golden probe does
                manifest = self.snapshot.manifest
                was, now = manifest.spec, self.model.spec
                check_probes(encoder, manifest.probes, self.recipe, was, now)
            return encoder

    def reranker(self, spec: str) -> Scorer:
        """The reranker that `spec` names, opened. Tasks come with the pairs."""
        from qembed.models import open_reranker

        with self.seconds("load"):
            return open_reranker(spec, self.model)

    def encoder_text(self, title: str, text: str, label: str = "") -> str:
        """A passage's text as it was encoded."""
        recipe = self.recipe
        return passage_text(recipe.passage_text, recipe.title_rule, title, text, label)

    def reranker_text(self, title: str, text: str, label: str = "") -> str:
        """A passage with its title, without what the encoder wants in front: for cross-encoders."""
        return passage_text("{text}", self.recipe.title_rule, title, text, label)

    # ── vectors ──────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _parts(self) -> list[tuple[int, Vectors]]:
        """All vectors: the memory-mapped matrix, and the tail it does not cover from the shards."""
        import numpy as np

        manifest = self.snapshot.manifest
        opened = files.open_matrix(self.root, manifest)
        parts: list[tuple[int, Vectors]] = []
        upto = manifest.base
        if opened is not None:
            # a plain view: slicing a memmap takes longer
            parts.append((manifest.base, np.asarray(opened[0])))
            upto = opened[1]
        parts.extend(self.snapshot.vector_batches(upto))
        return parts

    @property
    def rows(self) -> int:
        """Row ids in use, dead ones included."""
        return self.snapshot.manifest.next_row - self.snapshot.manifest.base

    @cached_property
    def exact(self) -> Exact:
        """Search over every vector."""
        return Exact(self._parts, self.snapshot.live, self.snapshot.manifest.base)

    def _tail(self, upto: int) -> Exact:
        parts = [
            (max(first, upto), v[max(0, upto - first) :])
            for first, v in self._parts
            if first + len(v) > upto
        ]
        return Exact(parts, self.snapshot.live, self.snapshot.manifest.base)

    def graph_stamp(self) -> files.Stamp | None:
        """What the graph covers: the loaded one's own words, a writer may have published another since."""
        if self._graph_broken:
            return None
        return self._graph_stamp or self._published()

    def _published(self) -> files.Stamp | None:
        return files.current(self.root, self.snapshot.manifest, files.GRAPH)

    def graph(self) -> tuple[Graph, files.Stamp] | None:
        """The graph and its stamp; None if there is none that can be believed."""
        stamp = self.graph_stamp()
        if stamp is None:
            return None
        if self._graph is None:
            with self.seconds("graph"):
                try:
                    # loading a damaged one could crash the process
                    whole = files.is_whole(self.root, stamp)
                    graph = Graph.load(self.root / stamp.file, self.recipe.dim) if whole else None
                except RuntimeError:  # a writer replaced it between the two
                    graph = None
                if graph is None:  # answer exactly, the next writer makes a new one
                    self._graph_broken = True
                    return None
                self._graph, self._graph_stamp = graph, stamp
        return self._graph, stamp

    @property
    def graph_loaded(self) -> bool:
        """Whether the graph costs nothing more to load, as the planner counts."""
        return self._graph is not None

    def plan(self, queries: int, wanted: Search, allowed: int | None = None) -> Plan:
        """How `queries` queries will be searched, and why."""
        stamp = self.graph_stamp()
        covered = 0 if stamp is None else stamp.upto - stamp.base
        return choose(
            wanted=wanted,
            rows=self.rows,
            covered=covered,
            queries=queries,
            loaded=self.graph_loaded,
            allowed=allowed,
            ef=self._breadth(stamp),
        )

    @staticmethod
    def _breadth(stamp: files.Stamp | None) -> int:
        """How broadly to search the graph: what its writer measured to be enough."""
        return int(stamp.extra.get("ef", EF)) if stamp is not None else EF

    def vector_search(
        self,
        vectors: Vectors,
        k: int,
        wanted: Search = "auto",
        ef: int | None = None,
        allowed: Allowed | None = None,
    ) -> tuple[list[tuple[Rows, Scores]], Plan]:
        """For each query vector its k best (allowed) rows and cosines, and how they were found."""
        plan = self.plan(len(vectors), wanted, None if allowed is None else len(allowed.rows))
        found: list[tuple[Rows, Scores]] | None = None
        with self.seconds("search"):
            if plan.kind == "graph":
                found = self._walk(vectors, k, ef, allowed)
                if found is None:
                    plan = Plan("exact", "the graph is damaged (qembed index makes a new one)")
            if found is None:
                found = self.exact.search(vectors, k, allowed.rows if allowed else None)
        return found, plan

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of the given rows, float32 (n, dim), from the matrix where it has them."""
        import numpy as np

        out = np.zeros((len(rows), self.recipe.dim), dtype=np.float32)
        for first, matrix in self._parts:
            inside = np.flatnonzero((rows >= first) & (rows < first + len(matrix)))
            out[inside] = matrix[rows[inside] - first]
        return out

    def cosines(self, vector: Vectors, rows: Rows) -> Scores:
        """The cosine of one query vector (float32 (dim,)) with each of the living `rows`, in their order."""
        return self.vectors(rows) @ vector

    # ── words and filters ────────────────────────────────────────────────────────────────────────

    @cached_property
    def lexical(self) -> LexicalIndex | None:
        """The lexical index; None if there is none that can be believed."""
        with self.seconds("lexical"):
            opened = open_lexical(self.root, self.snapshot.manifest)
        return None if opened is None else opened[0]

    @cached_property
    def filters(self) -> Filters:
        """What `--where` is evaluated by."""
        from qembed.pipeline.filters import Filters

        return Filters(self.snapshot)

    def lexical_search(
        self,
        query: str | ParsedQuery,
        k: int,
        allowed: Allowed | None = None,
        least: int | None = None,
    ) -> tuple[Rows, Scores] | None:
        """The k best (allowed) rows by their words and BM25 scores; None without a lexical index.

        `least`: as for the lexical index.
        """
        index, manifest = self.lexical, self.snapshot.manifest
        if index is None:
            return None
        try:
            with self.seconds("lexical"):
                return index.search(
                    query,
                    k,
                    base=manifest.base,
                    upto=manifest.next_row,
                    least=least,
                    live=self.snapshot.live,
                    allowed=None if allowed is None else allowed.mask,
                )
        except LexicalIndexDamaged:
            self.__dict__["lexical"] = None
            return None

    def _walk(
        self, vectors: Vectors, k: int, ef: int | None, allowed: Allowed | None = None
    ) -> list[tuple[Rows, Scores]] | None:
        opened = self.graph()
        if opened is None:
            return None
        graph, stamp = opened
        upto, manifest = stamp.upto, self.snapshot.manifest
        breadth = self._breadth(stamp) if ef is None else ef
        searcher = GraphSearcher(graph, self.snapshot.live, manifest.base, breadth)
        wanted = None if allowed is None else allowed.rows
        found = searcher.search(vectors, k, None if allowed is None else allowed.mask)
        missed = [i for i, hits in enumerate(found) if hits is None]
        if upto < manifest.next_row:
            tail = self._tail(upto).search(vectors, k, wanted)
            found = [
                None if a is None else merge([a, b], k) for a, b in zip(found, tail, strict=True)
            ]
        if missed:  # searched exactly, and that is the tail too
            for i, hits in zip(missed, self.exact.search(vectors[missed], k, wanted), strict=True):
                found[i] = hits
        return [hits for hits in found if hits is not None]

    # ── rows to words ────────────────────────────────────────────────────────────────────────────

    def documents_of(self, rows: Rows) -> list[str]:
        """The id of each row's document."""
        return [line.id for line in self.lines(rows)]

    def path_of(self, source: str, file: str) -> str | None:
        """Where a document's file is, None for what came from standard input."""
        if source == "-":
            return None
        if source not in self._places:
            place = self.root.parent / source
            self._places[source] = str(place), place.is_file()
        full, whole = self._places[source]
        return full if whole else os.path.join(full, file)  # noqa: PTH118 - for each hit

    def passages(self, rows: Rows) -> Sequence[Passage]:
        """The passages of the given rows."""
        return self.snapshot.passages(rows)

    def code(self, rows: Rows) -> Sequence[bool]:
        """Whether each of the given rows looks like source code."""
        return [is_code(p.text) for p in self.passages(rows)]

    def lines(self, rows: Rows) -> Sequence[CatalogEntry]:
        """The line of each row's document."""
        return self.snapshot.lines_of(rows)
