"""Drift reports as text: the verdict, a line with a small bar for each signal, and the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from qembed.cli.console import counted

BAR = 10
STRENGTHS = {"none": 0, "small": 3, "medium": 6, "large": BAR}
"""Width of a signal's bar by its strength."""
LEVELS = ("nothing", "watch", "confirm", "update")
SHOWN_CHECKS = 12
MOST = 5
"""Items of evidence that are shown for each signal."""


def drift_lines(body: Mapping[str, Any]) -> Iterator[str]:
    """Lines of a report, as `--format json` has it."""
    yield f"{body['verdict']}: {body['reason']}"
    what = f", {body['what']}"
    for name in ("old", "new"):
        side = body[name]
        dates = f", {side['from']} to {side['until']}" if side["from"] else ""
        passages = counted(side["passages"], "passage")
        yield (
            f"  {name}: {counted(side['documents'], 'document')}, {passages}{dates}"
            f" ({side['sampled_documents']:,} sampled){what if name == 'new' else ''}"
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
    yield from _history(body.get("history", []))
    if "queries" in body:
        yield ""
        yield f"queries: {body['queries']}"
    if "golden" in body and body["golden"]["before"] is None:
        yield ""
        golden = body["golden"]
        yield f"golden: {golden['measure']} {golden['mean']:.3f}, stored for the next check"
    yield ""
    yield f"next: {body['next']}"


def _history(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Time line: a line for each check, with the signals that alarmed."""
    if entries:
        yield ""
    for entry in entries[-SHOWN_CHECKS:]:
        day = datetime.fromtimestamp(entry["time"], UTC).date()
        alarms = [n for n, s in entry["signals"].items() if s["strength"] != "none"]
        bar = "#" * LEVELS.index(entry["verdict"])
        told = ", ".join(alarms) if entry["enough"] else "too little text"
        yield f"{day} [{bar:3}] {entry['verdict']:8} {entry['what']}: {told or 'no alarm'}"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "<.001"


def _evidence(signal: Mapping[str, Any]) -> Iterator[str]:
    if signal["name"] == "subjects":
        for subject in signal["evidence"]:
            since = f", since {subject['since']}" if subject["since"] else ""
            yield (
                f"  {subject['kind']}: about {counted(subject['documents'], 'document')} "
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
        passages = counted(item["passages"], "passage")
        return f"{item['word']}: {counted(item['pieces'], 'piece')}, in {passages}"
    if "count" in item:
        return f"{item['word']}: {counted(item['count'], 'time')}"
    if "now" in item:
        return (
            f"{item['query']}: {item['before']:.3f} before, {item['now']:.3f} now  {item['text']}"
        )
    score = item.get("distance", item.get("score"))
    return (
        f"{score:.3f}  {item.get('document', '')}{': ' if 'document' in item else ''}{item['text']}"
    )
