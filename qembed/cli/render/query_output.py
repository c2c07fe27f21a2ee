"""Output of `query` and `rerank`: data on stdout, messages on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.cli.console import Console, counted, dumps
from qembed.cli.render.hits import show
from qembed.cli.tuned import tuned_text

if TYPE_CHECKING:
    from qembed.cli.render.pictures.thumbnails import Thumbnails
    from qembed.pipeline.retrieval.answer import Answer, RerankSummary
    from qembed.pipeline.retrieval.reranking.request import RerankedHits, RerankedRun


SHOWN_PARTS = 6
"""Features of the learned order that `--explain` names for a hit: those that count most."""


class HitOutput(NamedTuple):
    """Options of printed hits. `whole`: text shows all of a hit. `null`: paths end with a zero byte."""

    format: str
    explain: bool = False
    whole: bool = False
    null: bool = False
    thumbnails: Thumbnails | None = None


def print_answer(answer: Answer, output: HitOutput, talk: Console) -> None:
    """Print the hits and what there is to say about them."""
    drawn = output.thumbnails
    show(answer, output.format, talk.warn, whole=output.whole, null=output.null, thumbnails=drawn)
    for query_id, votes in answer.votes.items():
        which = "" if len(answer.results) == 1 else f" {query_id}"
        talk.say(f"by votes on this query{which}: {votes} (--no-memory leaves them out)")
    if answer.note:
        talk.say(answer.note)
    for warning in answer.warnings:
        talk.warn(warning)
    for query_id, reason in answer.refused.items():
        talk.say(f"query {query_id} is not answered: {reason}")
    if answer.truncated:
        count = f"{len(answer.truncated)} of {len(answer.results)}"
        were = "query was" if len(answer.results) == 1 else "queries were"
        talk.say(f"{count} {were} longer than the model reads")
        for text in answer.truncated:
            talk.detail(f"cut short: {text[:80]!r}")
    if output.explain:
        for r in answer.results:
            talk.say(f"query {r.query.id}: encoded {r.instruction or r.query.text!r}")
            if why := answer.why.get(r.query.id):
                talk.say(f"query {r.query.id}: {why}")
            if r.interleaved:
                a, b, teams = (r.interleaved[key] for key in ("a", "b", "teams"))
                talk.say(f"query {r.query.id}: A ({a}) and B ({b}) share this answer: {teams}")
            if r.explored:
                pairs = ", ".join(f"{i} and {i + 1}" for i in r.explored)
                talk.say(f"query {r.query.id}: exchanged at random (--no-explore): ranks {pairs}")
            for rank, hit in enumerate(r.hits, 1):
                if hit.parts:
                    parts = ", ".join(
                        f"{n} {v:+.2f}" for n, v in list(hit.parts.items())[:SHOWN_PARTS]
                    )
                    talk.say(f"{rank:4} {hit.document}: {parts}")
        talk.say(f"search: {answer.plan}")
    if answer.tuned and (output.explain or talk.verbose):
        talk.say(f"tuned (--untuned leaves it out): {tuned_text(answer.tuned)}")
    say_reranked(talk, answer.reranked, output.explain)
    talk.seconds(answer.seconds)


def print_hits(answer: RerankedHits, output: HitOutput, talk: Console) -> None:
    """Print reranked hits; as JSON with all fields that they came with."""
    talk.warn_all(answer.warnings)
    _print_lines(answer.hits, output, talk)
    say_reranked(talk, answer.reranked, output.explain)
    talk.seconds(answer.seconds)


def print_run(answer: RerankedRun, output: HitOutput, talk: Console) -> None:
    """Print a reranked run."""
    from qembed.pipeline.retrieval.answer import write_trec

    for warning in answer.warnings:
        talk.warn(warning)
    if output.format == "trec":
        write_trec(answer.run, sys.stdout, talk.warn)
    else:
        _print_lines(answer.hits, output, talk)
    say_reranked(talk, answer.reranked, output.explain)
    talk.seconds(answer.seconds)


def _print_lines(lines: Sequence[dict[str, Any]], output: HitOutput, talk: Console) -> None:
    """Print hits that stand as lines of `--format jsonl`."""
    from qembed.pipeline.retrieval.answer import SCHEMA, Answer
    from qembed.pipeline.retrieval.reranking.lines import by_query, results_of

    if output.format == "jsonl":
        for line in lines:
            sys.stdout.write(dumps(line) + "\n")
    elif output.format == "json":
        queries = [
            {"query_id": name, "query": hits[0]["query"], "hits": hits}
            for name, hits in by_query(lines).items()
        ]
        sys.stdout.write(dumps({"schema": SCHEMA, "queries": queries}) + "\n")
    else:
        snippets = output.format in ("text", "vimgrep")
        answer = Answer(results_of(lines, snippets), 0, "", "")
        show(answer, output.format, talk.warn, null=output.null)


def say_reranked(talk: Console, reranked: RerankSummary | None, explain: bool) -> None:
    """Say what a reranker did: always if pairs were left out or cut short, else if `explain`."""
    if reranked is None:
        return
    if reranked.note:
        talk.say(reranked.note)
    if reranked.refused:
        keep = "keeps its" if len(reranked.refused) == 1 else "keep their"
        talk.warn(
            f"the reranker refused {len(reranked.refused)} of {counted(reranked.pairs, 'pair')}, "
            f"which {keep} order behind the others: {reranked.refused[0]}"
        )
        for reason in reranked.refused[1:]:
            talk.detail(reason)
    if reranked.scored + len(reranked.refused) < reranked.pairs:
        talk.say(
            f"rerank: {reranked.scored} of {counted(reranked.pairs, 'pair')} scored within "
            "--rerank-budget; the others follow in the order they had"
        )
    if explain:
        talk.say(
            f"rerank: {reranked.spec} ({reranked.kind}), {reranked.scored} of "
            f"{counted(reranked.pairs, 'pair')} scored; scores are {reranked.meaning}"
        )
    if reranked.truncated:
        long = counted(len(reranked.truncated), "pair was", "pairs were")
        talk.say(f"{long} longer than the reranker reads")
        for query, passage in reranked.truncated:
            talk.detail(f"cut short: {query[:60]!r} with {passage[:60]!r}")
