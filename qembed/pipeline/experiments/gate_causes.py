"""Diagnosis of a failed gate: differences that may have lowered the measures.

Compares the settings with the baseline's, some stored vectors with freshly encoded ones, and the graph with
exact search. Runs only after a gate failed, since it takes a moment. Reports observations, no conclusions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qembed.evaluation.baseline import changed_settings
from qembed.evaluation.corpus_changes import file_of
from qembed.evaluation.formats.source_file import summarize_names
from qembed.evaluation.report.moved import corpus_changes_of
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

SAMPLED_VECTORS = 16
"""Stored vectors compared with fresh ones."""
SAMPLED_QUERIES = 50
"""Queries searched both ways."""
MIN_COSINE = 0.99
"""Cosine below which a vector is of another text or model; two backends differ by .003."""
MIN_RECALL = 0.95
"""Recall of the graph below which it is named."""


def causes(
    session: Session | None,
    query: QueryOptions,
    queries: Sequence[Query],
    body: Mapping[str, Any],
    baseline: Mapping[str, Any] | None,
) -> list[str]:
    """List possible causes as finished lines. `session` None: a run of another system."""
    found: list[str] = []
    if baseline is not None:
        differs = changed_settings(baseline, body)
        if differs:
            found.append(f"other settings than the baseline's: {'; '.join(differs)}")
        found += [f"compared with the baseline, {line}" for line in body["comparison"]["differs"]]
        found += _renamed(body)
    if session is None:
        return found
    found += _dead_rows(session, query)
    found += _template(session, query)
    found += _vectors(session)
    found += _graph(session, query, queries)
    return found


def _renamed(body: Mapping[str, Any]) -> list[str]:
    """Name judged files that have another name since the baseline."""
    changes = corpus_changes_of(body)
    judged = {file_of(d) for detail in body["details"].values() for d in detail["judged"]}
    names = [
        f"{old} is {new} now"
        for old, new in (changes.renamed.items() if changes is not None else ())
        if old in judged
    ]
    if not names:
        return []
    return [
        f"the judgments have old names of files: {summarize_names(names)} "
        "(the --qrels file wants the new ones)"
    ]


def _dead_rows(session: Session, query: QueryOptions) -> list[str]:
    """Name rows of deleted passages, which the statistics of words still count."""
    manifest = session.snapshot.manifest
    rows = manifest.next_row - manifest.base
    dead = rows - manifest.counts.get("passages", 0)
    if not dead or query.mode == "dense":
        return []
    what = "is of a passage that is gone, and still counts"
    if dead > 1:
        what = "are of passages that are gone, and still count"
    return [
        f"{dead:,} of {rows:,} rows {what} in the weights of words "
        "(qembed index --rebuild encodes everything anew without them)"
    ]


def _template(session: Session, query: QueryOptions) -> list[str]:
    """Name a query template other than the model's."""
    profile = session.loaded.model.profile
    if query.template is not None and query.template != profile.query:
        return [
            f"the query template is {query.template!r}, {profile.name} was trained with "
            f"{profile.query!r} (leave out --template)"
        ]
    if not query.instruction and profile.query != "{query}":
        return [f"--no-instruction, though {profile.name} was trained with {profile.query!r}"]
    return []


def _vectors(session: Session) -> list[str]:
    """Compare stored vectors with those that their passages encode to now."""
    import numpy as np

    snapshot = session.snapshot
    first, rows = snapshot.catalog.pointers()
    has = first[rows > 0]
    if not len(has):
        return ["the index holds no passage"]
    chosen = np.sort(
        has[np.linspace(0, len(has) - 1, min(SAMPLED_VECTORS, len(has))).astype(np.int64)]
    )
    lines = snapshot.entries_of(chosen)
    passages = session.documents.passages(chosen)
    pairs = zip(lines, passages, strict=True)
    texts = [session.loaded.encoder_text(line.title, p.text, p.label) for line, p in pairs]
    fresh = session.loaded.passage_encoder.encode(texts)
    used = _used(session, chosen)
    far = int(((fresh * used).sum(axis=1) < MIN_COSINE).sum())
    if not far:
        return []
    return [
        f"stored vectors are not those of their passages: {far} of {len(chosen)} looked at "
        f"{'has' if far == 1 else 'have'} another one (qembed verify tells more, "
        "qembed index --rebuild encodes anew)"
    ]


def _used(session: Session, rows: Any) -> Any:
    """Read the vectors that are searched: from the matrix, where it covers the rows."""
    import numpy as np

    found = session.snapshot.vectors(rows)
    for first, part in session.search.parts:
        inside = np.flatnonzero((rows >= first) & (rows < first + len(part)))
        found[inside] = part[rows[inside] - first]
    return found


def _graph(session: Session, query: QueryOptions, queries: Sequence[Query]) -> list[str]:
    """Measure the graph's recall on the queries, if the graph was used."""
    import numpy as np

    if query.mode == "lexical" or not queries:
        return []
    if session.search.plan(len(queries), query.search).kind != "graph":
        return []
    sample = list(queries[:SAMPLED_QUERIES])
    retriever = Retriever(session, query)
    vectors = retriever.encode(retriever.instructions(sample))
    k = min(query.k, 10)
    walked, plan = session.search.vector_search(vectors, k, "graph", query.ef)
    if plan.kind != "graph":
        return []
    exact, _ = session.search.vector_search(vectors, k, "exact")
    shares = [
        len(np.intersect1d(a, b)) / max(1, len(b))
        for (a, _), (b, _) in zip(walked, exact, strict=True)
    ]
    share = float(np.mean(shares))
    if share >= MIN_RECALL:
        return []
    broader = f" at ef {query.ef}" if query.ef is not None else ""
    return [
        f"the graph finds {share:.0%} of the {k} nearest passages{broader} (a larger --ef finds more, "
        "--search exact all)"
    ]
