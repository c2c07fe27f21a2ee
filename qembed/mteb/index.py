"""An index as mteb's `SearchProtocol`: passages, fusion and reranking are measured as users get them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.models.spec import parse_spec
from qembed.mteb.encoder import Encoder, changed_settings
from qembed.mteb.texts import TextOptions, metadata_prompt
from qembed.pipeline.experiments.inputs import index_beir
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions, check_options
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.ties.order import order_by_id
from qembed.types import Query
from qembed.version import __version__

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata

    from qembed.pipeline.retrieval.ranking import RankedQuery

QUERIES_PER_BATCH = 500
"""Queries ranked at a time: limits the pairs in memory."""
QUERY_FIELDS = frozenset(f.name for f in fields(QueryOptions)) - {
    "k",
    "by",
    "context",
    "snippets",
    "given",
}
RECIPE_FIELDS = frozenset(RecipeOptions._fields) - {"model", "dim"}
ENCODER_FIELDS = frozenset({"device", "dim", "task_prompts", "progress"})


class Index(Encoder):
    """Index that `mteb.evaluate` takes: retrieval and reranking by search, other tasks by the model.

    `model_name`, `revision`: as for `Encoder`. `options`: those of `Encoder`, of `qembed query` (mode,
    fusion, rerank, candidates, search, ef, where, task, template, instruction, …) and of `qembed index`
    (chunker, max_tokens, overlap, headings). The index of a corpus is kept in the cache folder by content,
    so that a second run encodes nothing; `indexed`: the summary of its last making. Close it, or use it in
    a `with` block.
    """

    def __init__(
        self,
        model_name: str | None = None,
        revision: str | None = None,
        **options: Any,
    ) -> None:
        """Open the model, without its weights. Raises TypeError for an unknown option, else as `Encoder`."""
        unknown = options.keys() - QUERY_FIELDS - RECIPE_FIELDS - ENCODER_FIELDS
        if unknown:
            raise TypeError(f"Index has no option {', '.join(sorted(unknown))}")
        if isinstance(options.get("where"), str):
            options["where"] = (options["where"],)
        asked = {n: v for n, v in options.items() if n in QUERY_FIELDS}
        texts = {f.name for f in fields(TextOptions)} | ENCODER_FIELDS
        super().__init__(model_name, revision, **{n: v for n, v in options.items() if n in texts})
        self.query = QueryOptions(**asked)
        check_options(self.query)
        spec = self.spec
        if revision and parse_spec(spec).kind == "hub" and "@" not in spec:
            spec = f"{spec}@{revision}"
        recipe = {n: v for n, v in options.items() if n in RECIPE_FIELDS}
        self.recipe = RecipeOptions(spec, options.get("dim"), **recipe)
        self.indexed: IndexSummary | None = None
        self._session: Session | None = None
        self._ids: Sequence[str] = ()

    def settings(self) -> dict[str, Any]:
        """Settings beside the model that change scores; the version too, as ranking may change with it."""
        recipe = self.recipe._asdict()
        made = {n: v for n, v in recipe.items() if n in RECIPE_FIELDS and v is not None}
        found = {**super().settings(), **changed_settings(self.query), **made}
        return {**found, "qembed": __version__}

    def close(self) -> None:
        """Close the index's files and drop its model."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def index(
        self,
        corpus: Iterable[Mapping[str, Any]],
        *,
        task_metadata: TaskMetadata,
        hf_split: str = "",
        hf_subset: str = "",
        encode_kwargs: Mapping[str, Any] | None = None,
        num_proc: int | None = None,
        **_: Any,
    ) -> None:
        """Index documents (`id`, `text`, perhaps `title`) in place of those before.

        Raises InputError for documents that cannot be read, StorageError, ModelUnavailable.
        """
        self.close()
        with tempfile.TemporaryDirectory(prefix="qembed-") as folder:
            path = Path(folder) / "corpus.jsonl"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(_record(document) for document in corpus)
            options = IndexOptions(recipe=self.recipe)
            root, self.indexed = index_beir(path, options, self.progress)
        self._session = Session(root)
        self._session.ties = order_by_id(self._session.snapshot)
        self._ids = self._session.snapshot.catalog.ids()

    def search(
        self,
        queries: Iterable[Mapping[str, Any]],
        *,
        task_metadata: TaskMetadata,
        hf_split: str = "",
        hf_subset: str = "",
        top_k: int,
        encode_kwargs: Mapping[str, Any] | None = None,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        num_proc: int | None = None,
        **_: Any,
    ) -> dict[str, dict[str, float]]:
        """Scores of each query's best documents, higher is better.

        One more than `top_k`, as mteb's own search: a task may leave the query itself out. With
        `top_ranked` (reranking) a query's documents are those named for it. A query without words finds
        nothing. Raises UsageError before `index`, and what a query raises.
        """
        if self._session is None:
            raise UsageError("index(corpus) comes before search(queries)")
        task = metadata_prompt(task_metadata, "query") if self.options.task_prompts else None
        found: dict[str, dict[str, float]] = {}
        asked: list[Query] = []
        depth = top_k + 1
        for row in queries:
            found[row["id"]] = {}
            text, where = query_words(row), None
            if top_ranked is not None:
                named = list(dict.fromkeys(top_ranked.get(row["id"], ())))
                where = f"id in ({', '.join(map(_quoted, named))})"
                depth = max(depth, len(named))
                if not named:
                    continue
            if text.strip():
                asked.append(Query(row["id"], text, task=task, where=where))
        options = replace(self.query, k=depth, by="document")
        self.progress.phase("search", "queries", len(asked))
        for at in range(0, len(asked), QUERIES_PER_BATCH):
            part = asked[at : at + QUERIES_PER_BATCH]
            for ranked in Retriever(self._session, options).rank(part).queries:
                found[ranked.query.id] = self._scores(self._session, ranked)
            self.progress.advance(len(part))
            if self.progress.stop():
                raise KeyboardInterrupt
            if top_ranked is not None:
                self._session.documents.filters.forget_results()
        return found

    def _scores(self, session: Session, ranked: RankedQuery) -> dict[str, float]:
        """Scores by document id, best first."""
        at = session.snapshot.positions_of(ranked.rows).tolist()
        return dict(zip((self._ids[i] for i in at), ranked.scores.tolist(), strict=True))


def _record(document: Mapping[str, Any]) -> str:
    """Line of BEIR's corpus.jsonl for a document of mteb's."""
    record = {
        "_id": document["id"],
        "title": document.get("title") or "",
        "text": document["text"],
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def _quoted(text: str) -> str:
    """Text as a value of a filter."""
    return "'" + text.replace("'", "''") + "'"


def query_words(row: Mapping[str, Any]) -> str:
    """Words of a query as mteb makes them: with its instruction, a conversation in one line.

    An instruction stands behind a text and before a conversation.
    """
    text, instruction = row["text"], row.get("instruction")
    if isinstance(text, str):
        return f"{text} {instruction}" if instruction else text
    turns = [t if isinstance(t, str) else f"{t['role']}: {t['content']}" for t in text]
    joined = "; ".join(turns)
    return f"{instruction} {joined}" if instruction else joined
