"""Answers of several indexes to one answer.

Scores of indexes with one model are compared as they are. Those of several models are put on one scale by
each index's background: the height above the cosine of unrelated texts, in units of what the nearest of so
many unrelated passages reaches. Where that is not known, and where scores have no scale (words alone, rrf),
ranks are fused. With a reranker its scores decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from qembed.pipeline.retrieval.answer import Answer
from qembed.types import Hit, Results

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.options import QueryOptions

Chance: TypeAlias = Mapping[str, tuple[float, float]]
"""Query id -> (cosine of unrelated texts, distance from it to the nearest of so many by chance)."""
Part: TypeAlias = tuple[str, str, Answer, Chance]
"""Name and path of an index, its answer, and the chance levels of its cosines."""
Score: TypeAlias = Callable[[int, Hit], float]
"""Score of a hit, given its rank from 1, on a scale that the parts share."""
RRF_K = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""
UNSCORED = -1e9
"""Below all scores of rerankers: of pairs that the budget did not reach."""
BY_SCORE, BY_CHANCE, BY_RANK, BY_RERANKER = "score", "calibrated score", "rank", "reranker's score"


def merge_answers(parts: Sequence[Part], options: QueryOptions, one_scale: bool) -> Answer:
    """Merge answers to the same queries. `one_scale`: the indexes' cosines compare as they are.

    An id that hits of two indexes have gets the index's name in front: `NAME:ID`.
    """
    first = parts[0][2]
    method = _method(parts, options, one_scale)
    by_query: dict[str, list[Results]] = {}
    for name, _, answer, _ in parts:
        for results in answer.results:
            hits = [replace(hit, index=name) for hit in results.hits]
            by_query.setdefault(results.query.id, []).append(replace(results, hits=hits))
    merged = [
        _merge(found, [part[3] for part in parts], options.k, method)
        for found in by_query.values()
        if len(found) == len(parts)
    ]
    recipes = {answer.recipe for _, _, answer, _ in parts}
    seconds: Counter[str] = Counter()
    for _, _, answer, _ in parts:
        seconds.update(answer.seconds)
    return Answer(
        results=_with_names(merged),
        generation=0 if len(parts) > 1 else first.generation,
        recipe=first.recipe if len(recipes) == 1 else "",
        plan="; ".join(f"{name}: {a.plan}" for name, _, a, _ in parts) + f"; merged by {method}",
        why={
            q: "; ".join(f"{name}: {a.why[q]}" for name, _, a, _ in parts if q in a.why)
            for q in dict.fromkeys(q for _, _, a, _ in parts for q in a.why)
        },
        truncated=first.truncated,
        warnings=[f"{name}: {w}" for name, _, answer, _ in parts for w in answer.warnings],
        reranked=next((a.reranked for _, _, a, _ in parts if a.reranked is not None), None),
        note=first.note,
        seconds=dict(seconds),
        refused={q: why for _, _, answer, _ in parts for q, why in answer.refused.items()},
        votes={
            q: "; ".join(f"{name}: {a.votes[q]}" for name, _, a, _ in parts if q in a.votes)
            for q in dict.fromkeys(q for _, _, a, _ in parts for q in a.votes)
        },
        indexes=[
            {"name": name, "path": path, "generation": a.generation, "recipe": a.recipe}
            for name, path, a, _ in parts
        ],
    )


def has_scale(options: QueryOptions) -> bool:
    """True if hits of several indexes are compared by scores from a search by meaning."""
    if options.rerank is not None or options.mode == "lexical":
        return False
    return options.mode == "dense" or options.fusion != "rrf"


def _method(parts: Sequence[Part], options: QueryOptions, one_scale: bool) -> str:
    """Scale on which the hits of the parts are compared."""
    if options.rerank is not None:
        return BY_RERANKER
    if not has_scale(options):
        return BY_RANK
    if one_scale:
        return BY_SCORE
    known = all(r.query.id in chance for _, _, answer, chance in parts for r in answer.results)
    return BY_CHANCE if known else BY_RANK


def _merge(found: Sequence[Results], chances: Sequence[Chance], k: int, method: str) -> Results:
    """Merge the hits of one query, best first; equal ones in the order of the indexes."""
    scored: list[tuple[float, int, int, Hit]] = []
    for part, (results, chance) in enumerate(zip(found, chances, strict=True)):
        score = _score_on(method, chance.get(results.query.id))
        for rank, hit in enumerate(results.hits, 1):
            scored.append((-score(rank, hit), rank, part, hit))
    scored.sort(key=lambda s: s[:3])
    kept = [
        hit if method == BY_SCORE or value > -UNSCORED else replace(hit, score=-value)
        for value, _, _, hit in scored[:k]
    ]
    return replace(found[0], hits=kept)


def _score_on(method: str, chance: tuple[float, float] | None) -> Score:
    """Score of a hit on the scale of a method."""
    if method == BY_RANK:
        return lambda rank, _: 1.0 / (RRF_K + rank)
    if method == BY_RERANKER:
        # a pair that the budget did not reach comes after all that were scored
        return lambda rank, hit: (
            hit.scores["rerank"] if hit.scores.get("rerank") is not None else UNSCORED - rank  # type: ignore[return-value]
        )
    if method == BY_CHANCE and chance is not None:
        mean, scale = chance
        return lambda _, hit: (hit.score - mean) / scale
    return lambda _, hit: hit.score


def _with_names(results: Sequence[Results]) -> list[Results]:
    """Results in which an id that hits of two indexes have carries the index's name."""
    owners: dict[str, set[str | None]] = {}
    for r in results:
        for hit in r.hits:
            owners.setdefault(hit.document, set()).add(hit.index)

    def named(hit: Hit) -> Hit:
        if len(owners[hit.document]) == 1:
            return hit
        return replace(hit, document=f"{hit.index}:{hit.document}")

    return [replace(r, hits=[named(h) for h in r.hits]) for r in results]
