"""Preferences of a log as text: what was left out and limited, what clicks follow, the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from qembed.cli.console import counted

METHODS = {
    "swaps": "exchanged neighbours",
    "em": "documents that stood on several ranks",
    "click rate": "the click rate alone",
    "assumed": "1 / rank where clicks are few",
}


def kind_words(kinds: Mapping[str, int]) -> str:
    """Preferences by kind, in words."""
    return ", ".join(f"{n:,} by {kind}s" for kind, n in kinds.items()) or "none"


def left_out_line(body: Mapping[str, Any]) -> str:
    """Line on what was left out, with numbers; "" for nothing."""
    left_out, summary = body["left_out"], body["summary"]
    parts = [
        (left_out.get("light", 0), "pair", "lighter than --min-weight"),
        (left_out.get("hashed", 0), "pair", "of queries whose texts are hashed"),
        (left_out.get("left_corpus", 0), "pair", "with a document that left the index"),
        (
            left_out.get("not_found", 0),
            "pair",
            "with a document that no search finds for the query",
        ),
        (left_out.get("same_text", 0), "pair", "of documents with the same text"),
        (summary["unknown"], "event", "of unknown queries"),
        (summary["duplicates"], "event", "given twice"),
        (sum(summary["other_kinds"].values()), "answer", "of other kinds of clients"),
        (body["skipped_lines"], "line", "of the log (qembed verify)"),
    ]
    told = ", ".join(f"{counted(n, noun)} {words}" for n, noun, words in parts if n)
    return f"left out: {told}" if told else ""


def limits_line(summary: Mapping[str, Any]) -> str:
    """Robots, caps and contradictions, with numbers; "" for none."""
    parts = []
    if summary["robots"]:
        answers = counted(summary["robot_answers"], "answer")
        parts.append(f"{counted(summary['robots'], 'robot')} cut ({answers})")
    if summary["capped"]:
        parts.append(f"{counted(summary['capped'], 'answer')} beyond --per-query")
    if summary["limited"]:
        parts.append(f"{counted(summary['limited'], 'client')} cut to --share")
    if summary["contradictions"]:
        pairs = counted(summary["contradictions"], "pair")
        parts.append(f"{pairs} with votes both ways ({summary['undecided']:,} undecided)")
    if summary["opposed"]:
        parts.append(f"{counted(summary['opposed'], 'pair')} on which kinds of clients disagree")
    return ", ".join(parts)


def clicks_line(body: Mapping[str, Any]) -> str:
    """Line on what clicks follow, and how they were corrected; "" without clicks."""
    clicks, propensities = body["clicks"], body["propensities"]
    if propensities is not None and not propensities["clicks"]:
        return ""
    answers = counted(clicks["answers"], "answer")
    if clicks["verdict"] == "position":
        said = (
            f"clicks follow position alone (p {clicks['p']:.2f}, {answers}): "
            f"{counted(body['summary']['position_only'], 'vote')} by clicks left out"
        )
    elif clicks["verdict"] == "documents":
        said = f"clicks follow the documents (p {clicks['p']:.3f}, {answers})"
    else:
        said = f"whether clicks follow documents or position alone cannot be told: {answers} to compare"
    if propensities is None:
        return f"{said}; not corrected for position"
    methods = dict.fromkeys(r["method"] for r in propensities["ranks"][1:])
    told = ", ".join(METHODS[m] for m in methods if m in METHODS)
    return f"{said}; position by {told}" if told else said


def report_lines(body: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the report."""
    day = datetime.fromtimestamp(body["since"], UTC).date()
    rows = f"{counted(body['queries'], 'query', 'queries')}, {counted(body['events'], 'event')}"
    yield f"{rows} since {day}"
    for kind, counts in body["kinds"].items():
        yield (
            f"{kind:10} {counted(counts['answers'], 'answer')}, {counts['with_signal']:,} acted on, "
            f"{counted(counts['events'], 'event')}"
        )
    if any(r["opened"] for r in body["ranks"]):
        yield ""
        yield "rank    shown   opened    rate  looked at"
        looked = {r["rank"]: r for r in body["propensities"]["ranks"]}
        for r in body["ranks"]:
            p = looked.get(r["rank"])
            told = f"{p['propensity']:9.3f}  {p['method']}" if p else ""
            rate = "      -" if r["rate"] is None else f"{r['rate']:7.3f}"
            yield f"{r['rank']:4} {r['shown']:8,} {r['opened']:8,} {rate}  {told}".rstrip()
        if line := clicks_line(body):
            yield line
    if body["tasks"]:
        yield ""
        for name, told in body["tasks"].items():
            effort = ", ".join(
                f"{key} {told[key]:g}" for key in ("steps", "searches", "tokens") if told[key]
            )
            said = f"{counted(told['tasks'], 'task')} of agents: {name}"
            yield f"{said} ({effort})" if effort else said
    yield ""
    summary = body["summary"]
    queries = counted(summary["groups"], "query", "queries")
    yield f"{counted(summary['preferences'], 'preference')} of {queries}"
    yield from (f"  {n:6,} {reason}" for reason, n in summary["reasons"].items())
    if line := limits_line(summary):
        yield line
    for experiment in body["experiments"]:
        yield ""
        yield from experiment_lines(experiment)
    if body["counterfactual"] is not None:
        yield ""
        yield from counterfactual_lines(body["counterfactual"])


_VERDICTS = {
    "better": "it would be clicked more",
    "worse": "it would be clicked less",
    "undecided": "no difference is shown",
    "unknown": "this log does not tell how much less lower ranks are looked at, so it proves nothing "
    "(qembed feedback log on --explore lets chance tell it)",
}


def counterfactual_lines(other: Mapping[str, Any]) -> Iterator[str]:
    """Lines of what another order would have got."""
    found = other["estimate"]
    if found is None:
        yield f"by {other['setting']}: no click to estimate by"
        return
    answers = (
        f"{counted(found['answers'], 'answer')} to {counted(found['groups'], 'query', 'queries')}"
    )
    yield f"by {other['setting']}, estimated from {answers} to persons, {counted(found['clicks'], 'click')}"
    for name, key, unit in (
        ("doubly robust", "doubly_robust", "clicks an answer"),
        ("inverse propensity", "ips", "clicks an answer"),
        ("self-normalised", "self_normalised", "of the wanted looked at"),
    ):
        e = found[key]
        within = "" if e["low"] is None else f", {e['low']:+.3f} to {e['high']:+.3f}"
        yield (
            f"  {name:18} {e['before']:.3f} -> {e['after']:.3f} {unit} ({e['difference']:+.3f}{within})"
        )
    shown = f"{found['shown']:.0%} of what it would have people look at was shown"
    yield f"  {shown}, the rest counts as not wanted"
    yield f"  {_VERDICTS[found['verdict']]}"


def experiment_lines(experiment: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the comparison of two rankings."""
    names = experiment["names"]
    answers = f"{counted(experiment['answers'], 'answer')} to {experiment['kind']}s"
    yield f"A {names['a']} against B {names['b']}, {answers}"
    yield (
        f"  A {experiment['a']:,}, B {experiment['b']:,}, ties {experiment['ties']:,}: "
        f"p {experiment['p']:.4f} for one look, {experiment['anytime_p']:.4f} for many"
    )
    if experiment["share"] is None:
        yield "  nobody acted on a hit that one of them alone picked"
    elif experiment["needed"] is None:
        yield "  no difference so far: no number of sessions would show it"
    elif experiment["still_needed"]:
        yield (
            f"  a difference of this size shows in {counted(experiment['needed'], 'session')}, 4 times in 5: "
            f"{experiment['still_needed']:,} more"
        )
    better = names["a"] if (experiment["share"] or 0) > 0.5 else names["b"]
    if experiment["anytime_p"] <= 0.05:
        yield f"  {better} is better"
    else:
        yield "  no difference is shown yet"
