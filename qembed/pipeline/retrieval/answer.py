"""Answers of `query` as data, and their two forms in JSON.

`to_json`, `from_json`: all of an answer, exactly, between a server and its client. `answer_json`,
`hit_json`: for users, as docs/cli.md promises, rounded.

Imports no other room: a client of the server reads an answer with this module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TextIO

from qembed.pipeline.progress import LOAD_RERANKER
from qembed.protocols import Pair
from qembed.types import Hit, Passage, Query, Results, Run, Snippet

SCHEMA = 1
"""Version of the JSON that users get."""
KEY_BYTES = 5
"""Bytes of a hit's key: of 1,000 hits after 1,000 others, one in a million answers leaves out a wrong one."""
SHARED_STAGES = ("open", "model", "load", LOAD_RERANKER, "graph")
"""Stages of a call that belong to none of its queries: opening and loading."""


class RerankSummary(NamedTuple):
    """A reranker and the number of pairs it scored.

    `meaning`: what its scores are, one line. `calibrated`: scores are probabilities. `scored`: pairs that
    have a score. `refused`: reasons of pairs that the reranker refused; the time budget did not reach the
    others. `truncated`: pairs that lost text. `note`: message on how the reranker runs. `instructed`: it
    reads a task.
    """

    spec: str
    kind: str
    meaning: str
    calibrated: bool
    pairs: int
    scored: int
    refused: Sequence[str] = ()
    truncated: Sequence[Pair] = ()
    note: str | None = None
    instructed: bool = False

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return self._asdict()

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RerankSummary:
        """Summary from JSON values."""
        pairs = [(query, passage) for query, passage in body["truncated"]]
        return cls(**{**body, "truncated": pairs})


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits of all queries of a call, in the order of the queries, and how they were found.

    `generation`, `recipe`: of the index, the recipe as its fingerprint. `plan`: how vectors were searched.
    `why`: query id -> how its lexical and dense scores were weighted. `truncated`: encoded texts that were
    longer than the model reads. `note`: message on how the model runs. `seconds`: stage -> seconds.
    `refused`: query id -> why the model does not encode it; it has no results. `tuned`: options that `tune`
    chose for the index and that no option put aside. `log`, `explore`: the index's settings on logging
    queries, None and False without one. `votes`: query id -> what votes on the same query
    changed. `indexes`: where several were searched, name, path, generation and recipe of each.
    """

    results: Sequence[Results]
    generation: int
    recipe: str
    plan: str
    why: Mapping[str, str] = field(default_factory=dict)
    truncated: Sequence[str] = ()
    warnings: Sequence[str] = ()
    reranked: RerankSummary | None = None
    note: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    log: str | None = None
    explore: bool = False
    votes: Mapping[str, str] = field(default_factory=dict)
    indexes: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        return {
            **_fields(self),
            "results": [_results_to_json(r) for r in self.results],
            "reranked": summary_to_json(self.reranked),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Answer:
        """Answer from JSON values."""
        results = [_results_from_json(r) for r in body["results"]]
        return cls(**{**body, "results": results, "reranked": summary_from_json(body["reranked"])})


def _fields(value: Any) -> dict[str, Any]:
    """Fields of a dataclass with slots."""
    return {name: getattr(value, name) for name in value.__slots__}


def summary_to_json(summary: RerankSummary | None) -> dict[str, Any] | None:
    """JSON values of a summary, if there is one."""
    return None if summary is None else summary.to_json()


def summary_from_json(body: Mapping[str, Any] | None) -> RerankSummary | None:
    """Summary from JSON values, if there is one."""
    return None if body is None else RerankSummary.from_json(body)


def _results_to_json(r: Results) -> dict[str, Any]:
    hits = [{**_fields(h), "passage": _fields(h.passage)} for h in r.hits]
    body = {"query": _fields(r.query), "instruction": r.instruction, "hits": hits}
    return body if r.interleaved is None else {**body, "interleaved": dict(r.interleaved)}


def _results_from_json(body: Mapping[str, Any]) -> Results:
    hits = [
        Hit(
            **{
                **h,
                "passage": Passage(**h["passage"]),
                "snippet": _snippet_from_json(h["snippet"]),
            }
        )
        for h in body["hits"]
    ]
    query = Query(**body["query"])
    return Results(query, body["instruction"], hits, interleaved=body.get("interleaved"))


def _snippet_from_json(body: Sequence[Any] | None) -> Snippet | None:
    if body is None:
        return None
    start, end, matches, *definition = body
    return Snippet(start, end, [(a, b) for a, b in matches], *definition)


# ── results ──────────────────────────────────────────────────────────────────────────────────────


def best_documents(results: Results) -> Iterator[tuple[Hit, int]]:
    """(best hit, rank from 1) of each document of one query, best first."""
    seen: set[str] = set()
    for hit in results.hits:
        if hit.document not in seen:
            seen.add(hit.document)
            yield hit, len(seen)


def hit_key(hit: Hit, by: str) -> str:
    """Key of a hit among those of one generation, hexadecimal: of its passage, or by `document` of that."""
    part = "" if by == "document" else f"\0{hit.passage.seq}"
    name = (hit.document + part).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name, digest_size=KEY_BYTES).hexdigest()


def as_run(answer: Answer) -> Run:
    """The hits as a run: each document once, with the score of its best passage.

    Where several indexes were searched, the id of a document begins with its index's name: `NAME:ID`.
    """
    return {
        r.query.id: {
            h.document if h.index is None else f"{h.index}:{h.own_id}": h.score
            for h, _ in best_documents(r)
        }
        for r in answer.results
    }


def write_trec(run: Run, stream: TextIO, warn: Callable[[str], None]) -> None:
    """Write a run in TREC's six columns. `warn`: called with a line on ids that had to be encoded."""
    from qembed.evaluation import write_run

    write_run(run, stream, warn=warn)


# ── JSON for users: docs/cli.md promises its keys ────────────────────────────────────────────────


def hit_json(results: Results, rank: int, hit: Hit) -> dict[str, Any]:
    """A hit with its query, as in `--format jsonl`. Scores are rounded to six digits."""
    p = hit.passage
    return {
        "schema": SCHEMA,
        "query_id": results.query.id,
        "query": results.query.text,
        **({} if results.logged_as is None else {"logged_as": results.logged_as}),
        **({} if results.query.task is None else {"task": results.query.task}),
        "rank": rank,
        "score": round(hit.score, 6),
        "scores": {k: None if v is None else round(v, 6) for k, v in hit.scores.items()},
        **({"parts": dict(hit.parts)} if hit.parts else {}),
        **({} if hit.index is None else {"index": hit.index}),
        "kind": hit.kind,
        **({} if hit.picture is None else {"picture": hit.picture}),
        "document": hit.document,
        "path": hit.path,
        "fragment": hit.fragment or None,
        "line": hit.line,
        "end_line": hit.end_line,
        "passage": {
            "seq": p.seq,
            "start": p.start,
            "end": p.end,
            "line": p.line,
            "end_line": p.end_line,
            "heading": p.heading,
            "symbol": p.symbol,
        },
        "text": p.text,
        "title": hit.title,
        "meta": dict(hit.meta),
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer, as in `--format json`."""
    seconds = {stage: round(s, 4) for stage, s in _seconds_per_query(answer).items()}
    return {
        "schema": SCHEMA,
        "generation": answer.generation,
        "recipe": answer.recipe,
        **({"indexes": [dict(i) for i in answer.indexes]} if answer.indexes else {}),
        "search": answer.plan,
        "tuned": dict(answer.tuned),
        "warnings": list(answer.warnings),
        "queries": [
            {
                "query_id": r.query.id,
                **({} if r.logged_as is None else {"logged_as": r.logged_as}),
                **({"explored": list(r.explored)} if r.explored else {}),
                **({"interleaved": dict(r.interleaved)} if r.interleaved else {}),
                "query": r.query.text,
                "instruction": r.instruction,
                **({"votes": answer.votes[r.query.id]} if r.query.id in answer.votes else {}),
                "hits": [hit_json(r, n, h) for n, h in enumerate(r.hits, 1)],
                "seconds": seconds,
            }
            for r in answer.results
        ],
        "seconds": {stage: round(s, 4) for stage, s in answer.seconds.items()},
    }


def _seconds_per_query(answer: Answer) -> dict[str, float]:
    """Seconds of each stage divided by the number of queries, which go through the stages together."""
    n = max(1, len(answer.results))
    return {stage: s / n for stage, s in answer.seconds.items() if stage not in SHARED_STAGES}
