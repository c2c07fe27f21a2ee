"""An index opened for answering: one generation, its model, its vectors, each loaded when first needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.models import Model, open_model, passage_text
from qembed.pipeline.clock import Clock
from qembed.pipeline.recipe import check_model
from qembed.search import Exact, Graph, GraphSearcher, Plan, choose, merge
from qembed.search.planner import Search
from qembed.store import Snapshot
from qembed.store import derived as files
from qembed.types import Encoder, Passage, Recipe

if TYPE_CHECKING:
    from qembed.types import Rows, Scores, Vectors


class Session:
    """Answers from one generation of an index. `spec` names the model otherwise than the index does."""

    def __init__(self, root: Path, spec: str | None = None) -> None:
        self.root = root
        self.snapshot = Snapshot.open(root)
        self.seconds = Clock()
        self._spec = spec
        self._graph: Graph | None = None
        self._graph_broken = False

    @property
    def recipe(self) -> Recipe:
        """How the stored vectors were made."""
        return self.snapshot.manifest.recipe

    @cached_property
    def model(self) -> Model:
        """The index's model, without its weights. Raises RecipeMismatch if it is another one now."""
        manifest = self.snapshot.manifest
        model = open_model(self._spec or manifest.spec)
        if model.dim != manifest.recipe.dim:
            model = open_model(self._spec or manifest.spec, dim=manifest.recipe.dim)
        check_model(manifest.recipe, model)
        return model

    @cached_property
    def encoder(self) -> Encoder:
        """The model's weights, loaded."""
        with self.seconds("load"):
            return self.model.encoder()

    def finished(self, title: str, text: str) -> str:
        """A passage's text as it was encoded."""
        recipe = self.recipe
        return passage_text(recipe.passage_text, recipe.title_rule, title, text)

    # ── vectors ──────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _parts(self) -> list[tuple[int, Vectors]]:
        """All vectors: the memory-mapped matrix, and the tail it does not cover from the shards."""
        manifest = self.snapshot.manifest
        opened = files.open_matrix(self.root, manifest)
        parts: list[tuple[int, Vectors]] = []
        upto = manifest.base
        if opened is not None:
            parts.append((manifest.base, opened[0]))
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

    def graph(self) -> tuple[Graph, int] | None:
        """The graph and the row up to which it goes; None if there is none that can be believed."""
        stamp = files.current(self.root, self.snapshot.manifest, files.GRAPH)
        if stamp is None or self._graph_broken:
            return None
        if self._graph is None:
            with self.seconds("graph"):
                if not files.is_whole(self.root, stamp):
                    # loading it could crash the process: answer exactly, the next writer makes a new one
                    self._graph_broken = True
                    return None
                self._graph = Graph.load(self.root / stamp.file, self.recipe.dim)
        return self._graph, stamp.upto

    def plan(self, queries: int, wanted: Search, allowed: int | None = None) -> Plan:
        """How `queries` queries will be searched, and why."""
        stamp = files.current(self.root, self.snapshot.manifest, files.GRAPH)
        covered = 0 if stamp is None or self._graph_broken else stamp.upto - stamp.base
        return choose(
            wanted=wanted,
            rows=self.rows,
            covered=covered,
            queries=queries,
            loaded=self._graph is not None,
            allowed=allowed,
        )

    def nearest(
        self, vectors: Vectors, k: int, wanted: Search = "auto", ef: int | None = None
    ) -> tuple[list[tuple[Rows, Scores]], Plan]:
        """For each query vector its k best rows and cosines, and how they were found."""
        plan = self.plan(len(vectors), wanted)
        found: list[tuple[Rows, Scores]] | None = None
        with self.seconds("search"):
            if plan.kind == "graph":
                found = self._walk(vectors, k, ef)
                if found is None:
                    plan = Plan("exact", "the graph is damaged (qembed index makes a new one)")
            if found is None:
                found = self.exact.search(vectors, k)
        return found, plan

    def _walk(self, vectors: Vectors, k: int, ef: int | None) -> list[tuple[Rows, Scores]] | None:
        opened = self.graph()
        if opened is None:
            return None
        graph, upto = opened
        manifest = self.snapshot.manifest
        searcher = GraphSearcher(graph, self.snapshot.live, manifest.base)
        if ef is not None:
            searcher.ef = ef
        found = searcher.search(vectors, k)
        missed = [i for i, hits in enumerate(found) if hits is None]
        if missed:
            for i, hits in zip(missed, self.exact.search(vectors[missed], k), strict=True):
                found[i] = hits
        walked = [hits for hits in found if hits is not None]
        if upto < manifest.next_row:
            tail = self._tail(upto).search(vectors, k)
            walked = [merge([a, b], k) for a, b in zip(walked, tail, strict=True)]
        return walked

    # ── rows to words ────────────────────────────────────────────────────────────────────────────

    def documents_of(self, rows: Rows) -> list[str]:
        """The id of each row's document."""
        return [line.id for line in self.snapshot.lines_of(rows)]

    def path_of(self, source: str, file: str) -> str | None:
        """Where a document's file is, None for what came from standard input."""
        if source == "-":
            return None
        full = self.root.parent / source
        return str(full if full.is_file() else full / file)

    def passages(self, rows: Rows) -> Sequence[Passage]:
        """The passages of the given rows."""
        return self.snapshot.passages(rows)
