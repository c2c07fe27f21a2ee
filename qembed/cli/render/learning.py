"""A learned order as text: what it was learned of, what it gains, its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qembed.cli.console import counted


def learned_lines(body: Mapping[str, Any]) -> Iterator[str]:
    """Lines of what was learned; none where nothing could be."""
    if not body["weights"]:
        return
    asked = counted(body["queries"], "query", "queries")
    yield f"learned of {counted(body['pairs'], 'pair')} of documents, {asked}"
    if (judged := body["judged"]) is not None:
        yield f"judged queries: {judged['measure']} {_gain(judged)}"
    kinds = {"new": "later answers, to queries as if new", "known": "with what is known of them"}
    for name, found in body["later"].items():
        yield f"{kinds[name]}: in the preferred order {_gain(found)}"
    weights = sorted(body["weights"].items(), key=lambda item: -item[1])
    yield "weights: " + ", ".join(f"{n} {w:.3g}" for n, w in weights if w >= 5e-4)
    if body["written"]:
        yield f"stored in {body['out']}: --rerank learned"


def _gain(found: Mapping[str, Any]) -> str:
    """Before and after, with interval, p and size of the sample."""
    queries = counted(found["queries"], "query", "queries")
    groups = counted(found["components"], "group")
    return (
        f"{found['before']:.3f} before, {found['after']:.3f} after: {found['mean']:+.3f} "
        f"(95 % {found['low']:+.3f} to {found['high']:+.3f}), p {found['p']:.3f}, {queries} in {groups}"
    )
