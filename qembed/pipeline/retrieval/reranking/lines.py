"""Hits that stand as lines of `--format jsonl`: back to hits, and by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from qembed.pipeline.retrieval.reranking.request import HitLine
from qembed.types import Hit, Passage, Query, Results


def by_query(lines: Sequence[HitLine]) -> dict[str, list[HitLine]]:
    """Hits of each query, in order."""
    queries: dict[str, list[HitLine]] = {}
    for line in lines:
        queries.setdefault(str(line["query_id"]), []).append(line)
    return queries


def results_of(lines: Sequence[HitLine], snippets: bool) -> list[Results]:
    """Results of each query. Only "query" and "text" have to be there; `snippets`: find best sentences."""
    return [
        Results(
            Query(name, hits[0]["query"]),
            None,
            [_hit(line, n, snippets) for n, line in enumerate(hits, 1)],
        )
        for name, hits in by_query(lines).items()
    ]


def _hit(line: HitLine, rank: int, snippets: bool) -> Hit:
    """Hit of a line. One without an id gets `hit-RANK`; what has the wrong type counts as missing."""
    place = _value(line, "passage", dict, {})
    text = line["text"]
    document = _value(line, "document", str, "") or f"hit-{rank}"
    passage = Passage(
        document=document,
        seq=_value(place, "seq", int, 0),
        start=_value(place, "start", int, 0),
        end=_value(place, "end", int, len(text)),
        text=text,
        line=_value(place, "line", int, 1),
        end_line=_value(place, "end_line", int, 1),
        heading=_value(place, "heading", str, ""),
        symbol=_value(place, "symbol", str, ""),
    )
    snippet = None
    if snippets:
        from qembed.pipeline.retrieval.snippets.snippet import passage_snippet

        snippet = passage_snippet(line["query"], passage)
    hit = Hit(
        document=document,
        path=_value(line, "path", str, None),
        title=_value(line, "title", str, ""),
        passage=passage,
        score=float(_value(line, "score", (int, float), nan)),
        scores=_value(line, "scores", dict, {}),
        meta=_value(line, "meta", dict, {}),
        snippet=snippet,
        line=_value(line, "line", int, None),
        end_line=_value(line, "end_line", int, None),
        kind=_value(line, "kind", str, "text"),
    )
    if snippet is None:
        return hit
    from qembed.pipeline.retrieval.snippets.sentence_lines import with_sentence_line

    return with_sentence_line(hit)


def _value(line: Mapping[str, Any], key: str, kind: Any, default: Any) -> Any:
    """Value of a key if it has the type, else the default."""
    found = line.get(key)
    return found if isinstance(found, kind) else default
