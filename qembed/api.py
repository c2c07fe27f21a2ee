"""Python interface: an index as an object, by the same rules as the command line.

    import qembed

    with qembed.open(".qembed") as index:
        index.add("Alice drinks her coffee black", meta={"user_id": "alice"})
        for hit in index.query("how does she take it", where="user_id = 'alice'"):
            print(hit.score, hit.document, hit.passage.text)
        index.forget("user_id = 'alice'")

Errors are those of `qembed.errors`. An `Index` belongs to one thread; open one in each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.inputs import is_there
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.records import Forgotten, add_records, forget
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.locate import resolve_address
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Hit, Query

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.documents.read import DocumentText

Texts = str | Iterable[str | Mapping[str, Any]]


class Index:
    """An index to query, add to and delete from. Use `qembed.open`."""

    def __init__(self, path: str | os.PathLike[str], model: str | None = None) -> None:
        self.path = resolve_address(Path(path))
        self._model = model
        self._session: Session | None = None

    def close(self) -> None:
        """Close the index's files and drop the model."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(
        self,
        text: str,
        k: int = 10,
        *,
        where: str | Sequence[str] = (),
        task: str | None = None,
        mode: str = "auto",
        rerank: str | None = None,
        min_score: float | None = None,
        by_document: bool = False,
        tuned: bool = True,
    ) -> Sequence[Hit]:
        """The k best passages, or documents by their best passage, best first.

        Arguments left at their defaults take what `qembed tune` chose for the index; `tuned` False: none do.

        Always answers from the newest generation. Raises NoIndex, UsageError (a filter's syntax, an
        unknown mode), InputError (a query without words), ModelUnavailable.
        """
        return self.queries(
            [text],
            k,
            where=where,
            task=task,
            mode=mode,
            rerank=rerank,
            min_score=min_score,
            by_document=by_document,
            tuned=tuned,
        )[0]

    def queries(
        self,
        texts: Sequence[str],
        k: int = 10,
        *,
        where: str | Sequence[str] = (),
        task: str | None = None,
        mode: str = "auto",
        rerank: str | None = None,
        min_score: float | None = None,
        by_document: bool = False,
        tuned: bool = True,
    ) -> list[Sequence[Hit]]:
        """Hits of several queries, encoded together. Raises what `query` raises."""
        asked = {"task": task, "mode": None if mode == "auto" else mode, "rerank": rerank}
        given = tuple(name for name, value in asked.items() if value is not None)
        options = QueryOptions(
            k=k,
            where=(where,) if isinstance(where, str) else tuple(where),
            task=task,
            mode=mode,
            rerank=rerank,
            min_score=min_score,
            by="document" if by_document else "passage",
            given=given if tuned else None,
        )
        queries = [Query(str(i), t) for i, t in enumerate(texts, 1)]
        return [r.hits for r in Retriever(self._newest(), options).answer(queries).results]

    def similar(
        self,
        document: str | None = None,
        k: int = 10,
        *,
        text: str | None = None,
        passage: int | None = None,
        where: str | Sequence[str] = (),
        min_score: float | None = None,
        by_document: bool = True,
    ) -> Sequence[Hit]:
        """The k documents, or passages, most like a document, by its id, a passage of it, or a `text`.

        It and its exact copies are left out. Of a document the stored vectors are compared: nothing is
        encoded. Raises UnknownDocument, UsageError, NoIndex; for a text ModelUnavailable, too.
        """
        from qembed.pipeline.retrieval.documents.request import SimilarRequest
        from qembed.pipeline.retrieval.documents.similar import similar

        request = SimilarRequest(
            document=document,
            text=text,
            passage=passage,
            k=k,
            by="document" if by_document else "passage",
            where=(where,) if isinstance(where, str) else tuple(where),
            min_score=min_score,
        )
        return similar(self._newest(), request).results[0].hits

    def document(
        self,
        name: str,
        *,
        first_line: int | None = None,
        last_line: int | None = None,
        passage: int | None = None,
        context: int = 0,
    ) -> DocumentText:
        """Text of the document with the id `name`, as it is stored: all of it, lines of it, or a passage.

        `context`: passages on both sides of the passage. Raises UnknownDocument, UsageError, NoIndex.
        """
        from qembed.pipeline.retrieval.documents.read import DocumentRequest, read_document

        request = DocumentRequest(name, first_line, last_line, passage, context)
        return read_document(self._newest(), request)

    def add(
        self, texts: Texts, *, meta: Mapping[str, Any] | None = None, wait: float = 10.0
    ) -> IndexSummary:
        """Add a text, or several texts and records (`text`, perhaps `_id`, `title`, other fields).

        Queries find them from the return on. Creates the index if there is none. Raises IndexLocked after
        `wait` seconds, InputError for invalid records (valid ones are kept).
        """
        given = [texts] if isinstance(texts, str) else list(texts)
        records = [{"text": t} if isinstance(t, str) else t for t in given]
        options = IndexOptions(
            recipe=RecipeOptions(None if self._exists() else self._model), wait=wait
        )
        summary = add_records(self.path, records, meta, options)
        if summary.failed:
            from qembed.errors import InputError

            raise InputError("records that could not be taken:", [str(u) for u in summary.failed])
        return summary

    def forget(
        self, where: str | Sequence[str], *, purge: bool = False, wait: float = 10.0
    ) -> Forgotten:
        """Delete the records without a source that match. Raises UsageError, NoIndex, IndexLocked."""
        texts = [where] if isinstance(where, str) else list(where)
        return forget(self.path, texts, purge=purge, wait=wait)

    def _exists(self) -> bool:
        return is_there(self.path / "manifest.json")

    def _newest(self) -> Session:
        """Session on the present generation; the model stays loaded."""
        if self._session is None:
            self._session = Session(self.path, self._model)
        elif not self._session.is_current():
            self._session = self._session.reopen()
        return self._session


def open(path: str | os.PathLike[str] = ".qembed", model: str | None = None) -> Index:
    """The index at `path`, which need not exist yet. `model`: what a new one is made with.

    `milvus+http://HOST:PORT/NAME`: a copy on a server, which must be there.
    """
    return Index(path, model)
