"""Drift reports as text: the verdict, a line with a small bar for each signal, and the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

BAR = 10
STRENGTHS = {"none": 0, "small": 3, "medium": 6, "large": BAR}
"""Width of a signal's bar by its strength."""
MOST = 5
"""Items of evidence that are shown for each signal."""


def drift_lines(body: Mapping[str, Any]) -> Iterator[str]:
    """Lines of a report, as `--format json` has it."""
    yield f"{body['verdict']}: {body['reason']}"
    for name in ("old", "new"):
        side = body[name]
        dates = f", {side['from']} to {side['until']}" if side["from"] else ""
        yield (
            f"  {name}: {side['documents']:,} documents, {side['passages']:,} passages{dates}"
            f" ({side['sampled_documents']:,} sampled)"
        )
    if body["signals"]:
        yield ""
    for signal in body["signals"]:
        bar = "#" * STRENGTHS[signal["strength"]]
        mark = "!" if signal["alarm"] else " "
        yield f"{mark} {signal['name']:9} [{bar:{BAR}}] p {_p(signal['adjusted_p'])}  {signal['said']}"
    for signal in body["signals"]:
        if signal["alarm"] and signal["evidence"]:
            yield ""
            yield f"{signal['name']}:"
            yield from _evidence(signal)
    yield ""
    yield f"next: {body['next']}"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "<.001"


def _evidence(signal: Mapping[str, Any]) -> Iterator[str]:
    if signal["name"] == "subjects":
        for subject in signal["evidence"]:
            since = f", since {subject['since']}" if subject["since"] else ""
            yield (
                f"  {subject['kind']}: about {subject['documents']:,} documents "
                f"({subject['share']:.0%}, {subject['before']:.0%} before){since}"
            )
            yield f"    words: {', '.join(subject['words'])}"
            for passage in subject["passages"]:
                yield f"    {passage['document']}: {passage['text']}"
        return
    for item in signal["evidence"][:MOST]:
        yield f"  {_item(item)}"


def _item(item: Mapping[str, Any]) -> str:
    if "term" in item:
        return (
            f"{item['term']}: {item['share']:.1%} of the new documents, {item['before']:.1%} before"
        )
    if "script" in item:
        return (
            f"{item['script']}: {item['share']:.1%} of the new words, {item['before']:.1%} before; "
            f"{item['unread']:.0%} of them unread"
        )
    if "pieces" in item:
        return f"{item['word']}: {item['pieces']} pieces, in {item['passages']:,} passages"
    if "count" in item:
        return f"{item['word']}: {item['count']:,} times"
    score = item.get("distance", item.get("score"))
    return (
        f"{score:.3f}  {item.get('document', '')}{': ' if 'document' in item else ''}{item['text']}"
    )
