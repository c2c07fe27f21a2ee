"""A gate said no: what may have caused it. Looked for only then, because it costs a little.

Compares what was done with the baseline, a few stored vectors with freshly encoded ones, and the graph
with exact search. Says what was seen, never more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qembed.evaluation.baseline import settings_that_differ
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

PASSAGES_SHOWN = 16
"""Stored vectors looked at."""
FAR = 0.99
"""A cosine below this is another text's vector or another model's; two backends differ by .003."""
LOST = 0.95
"""A graph that finds less than this of what exact search finds."""


def causes(
    session: Session | None,
    asked: QueryOptions,
    queries: Sequence[Query],
    body: Mapping[str, Any],
    baseline: Mapping[str, Any] | None,
) -> list[str]:
    """What was found, as finished lines; [] for nothing. `session` None: a run made elsewhere."""
    found: list[str] = []
    if baseline is not None:
        differs = settings_that_differ(baseline, body)
        if differs:
            found.append(f"other settings than the baseline's: {'; '.join(differs)}")
        found += [f"not the baseline's: {line}" for line in body["comparison"]["differs"]]
    if session is None:
        return found
    found += _template(session, asked)
    found += _vectors(session)
    found += _graph(session, asked, queries)
    return found


def _template(session: Session, asked: QueryOptions) -> list[str]:
    profile = session.loaded.model.profile
    if asked.template is not None and asked.template != profile.query:
        return [
            f"the query template is {asked.template!r}, {profile.name} was trained with "
            f"{profile.query!r} (leave out --template)"
        ]
    if not asked.instruction and profile.query != "{query}":
        return [f"--no-instruction, though {profile.name} was trained with {profile.query!r}"]
    return []


def _vectors(session: Session) -> list[str]:
    """Whether stored vectors are those of their passages."""
    import numpy as np

    snapshot = session.snapshot
    first, rows = snapshot.catalog.pointers()
    has = first[rows > 0]
    if not len(has):
        return ["the index holds no passage"]
    chosen = np.sort(
        has[np.linspace(0, len(has) - 1, min(PASSAGES_SHOWN, len(has))).astype(np.int64)]
    )
    lines = snapshot.lines_of(chosen)
    passages = session.documents.passages(chosen)
    pairs = zip(lines, passages, strict=True)
    texts = [session.loaded.encoder_text(line.title, p.text, p.label) for line, p in pairs]
    fresh = session.loaded.encoder.encode(texts)
    used = _used(session, chosen)
    far = int(((fresh * used).sum(axis=1) < FAR).sum())
    if not far:
        return []
    return [
        f"stored vectors are not those of their passages: {far} of {len(chosen)} looked at have "
        f"another one (qembed verify tells more, qembed index --rebuild encodes anew)"
    ]


def _used(session: Session, rows: Any) -> Any:
    """The vectors that are searched: from the matrix where there is one."""
    import numpy as np

    found = session.snapshot.vectors(rows)
    for first, part in session.search.parts:
        inside = np.flatnonzero((rows >= first) & (rows < first + len(part)))
        found[inside] = part[rows[inside] - first]
    return found


def _graph(session: Session, asked: QueryOptions, queries: Sequence[Query]) -> list[str]:
    """How much of the exact answer the graph finds, where it was used."""
    import numpy as np

    if asked.mode == "lexical" or not queries:
        return []
    if session.search.plan(len(queries), asked.search).kind != "graph":
        return []
    sample = list(queries[:50])
    retriever = Retriever(session, asked)
    vectors = retriever.encode(retriever.instructions(sample))
    k = min(asked.k, 10)
    walked, plan = session.search.vector_search(vectors, k, "graph", asked.ef)
    if plan.kind != "graph":
        return []
    exact, _ = session.search.vector_search(vectors, k, "exact")
    shares = [
        len(np.intersect1d(a, b)) / max(1, len(b))
        for (a, _), (b, _) in zip(walked, exact, strict=True)
    ]
    share = float(np.mean(shares))
    if share >= LOST:
        return []
    broader = f" at ef {asked.ef}" if asked.ef is not None else ""
    return [
        f"the graph finds {share:.0%} of the {k} nearest passages{broader} (a larger --ef finds more, "
        "--search exact all)"
    ]
