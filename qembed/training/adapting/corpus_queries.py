"""Queries made of the corpus itself, without a language model.

title     the title of a document, for its first passage
heading   the last heading that a passage stands under
sentence  the first sentence of a passage, for the rest of it (Lee et al. 2019, "inverse cloze task")
span      some of its words in a row, for the rest of it (Izacard et al. 2022, "independent cropping")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qembed.evaluation.tuning import word_set
from qembed.models.templates import BETWEEN
from qembed.pipeline.retrieval.fusion import is_code
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.snippets.snippet import sentences
from qembed.training.adapting.made_queries import MadeQuery, without_words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Passage

KINDS = ("title", "heading", "sentence", "span")
PER_DOCUMENT = 4
"""Passages of a document that queries are made for."""
FEWEST_WORDS, MOST_WORDS = 2, 40
"""Words of a query."""
SPAN = (4, 12)
"""Words of a span."""
FEWEST_LEFT = 3
"""Words that a passage has left without its query."""


def corpus_queries(
    session: Session, most: int, seed: int = 0, among: npt.NDArray[np.bool_] | None = None
) -> list[MadeQuery]:
    """At most `most` queries of documents in random order, of all kinds in turn; fewer of short texts.

    `among`: the documents that queries are made of, bool (documents,); None for all.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    catalog = session.snapshot.catalog
    lengths = catalog.pointers()[1].tolist()
    by_kind: dict[str, list[MadeQuery]] = {kind: [] for kind in KINDS}
    seen: set[str] = set()
    for document in rng.permutation(len(lengths)).tolist():
        if among is not None and not among[document]:
            continue
        if sum(map(len, by_kind.values())) >= 2 * most:
            break
        for query in _of_document(session, document, lengths[document], rng):
            if query.text.casefold() not in seen:
                seen.add(query.text.casefold())
                by_kind[query.kind].append(query)
    listed = [by_kind[kind][i : i + 1] for i in range(most) for kind in KINDS]
    return [query for one in listed for query in one][:most]


def _of_document(
    session: Session, document: int, count: int, rng: np.random.Generator
) -> Iterator[MadeQuery]:
    import numpy as np

    if not count:
        return
    rows = session.snapshot.rows_of(np.array([document]))
    chosen = np.sort(rng.permutation(rows)[:PER_DOCUMENT])
    passages = session.documents.passages(chosen)
    entry = session.documents.entries(chosen[:1])[0]
    first = int(rows[0])
    used: set[str] = set()
    for row, passage in zip(chosen.tolist(), passages, strict=True):
        code = bool(passage.symbol) or is_code(passage.text)
        for kind, text in _texts(entry.title if row == first else "", passage, code, rng):
            text = " ".join(text.split())
            if text in used or not FEWEST_WORDS <= len(word_set(text)) <= 2 * MOST_WORDS:
                continue
            title = "" if kind == "title" else entry.title
            label = BETWEEN.join(p for p in passage.label.split(BETWEEN) if p != text)
            body = without_words(passage.text, text)
            if len(word_set(body)) < FEWEST_LEFT:
                continue
            used.add(text)
            positive = session.loaded.reranker_text(title, body, label)
            yield MadeQuery(f"{kind}-{row}", text, entry.id, positive, kind, row)


def _texts(
    title: str, passage: Passage, code: bool, rng: np.random.Generator
) -> Iterator[tuple[str, str]]:
    """(kind, text) of the queries that a passage gives, without a look at their length."""
    if title:
        yield "title", title
    if passage.label:
        yield "heading", passage.label.rpartition(BETWEEN)[2]
    if code:
        return
    spans = sentences(passage.text)
    if len(spans) >= 2:
        start, end = spans[0]
        if len(passage.text[start:end].split()) <= MOST_WORDS:
            yield "sentence", passage.text[start:end]
    words = passage.text.split()
    if len(words) >= 3 * SPAN[1]:
        size = int(rng.integers(SPAN[0], SPAN[1] + 1))
        begin = int(rng.integers(0, len(words) - size + 1))
        yield "span", " ".join(words[begin : begin + size])
