"""Feedback log of an index, as `status` and `verify` tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qembed.errors import refusal
from qembed.feedback.log_reader import LogCounts, check_log, count_rows
from qembed.feedback.log_store import LogStore
from qembed.store import Manifest
from qembed.store.integrity import Finding

FORGET_UNREADABLE = "qembed feedback forget --unreadable"
PLACES_SHOWN = 3


def describe_log(root: Path, manifest: Manifest) -> dict[str, Any]:
    """Settings and size of the log: `log` is "off", "on" or "hashed"; `error` if it cannot be read."""
    try:
        counts, error = count_rows(LogStore(root)), None
    except OSError as e:
        counts, error = LogCounts(), f"cannot read {e.filename or root}: {refusal(e)}"
    settings = manifest.settings
    return {
        "log": settings.get("log") or "off",
        "explore": bool(settings.get("explore")),
        **asdict(counts),
        "error": error,
    }


def check_feedback(root: Path) -> Iterator[Finding]:
    """Findings about the log: lines that are no rows, rows of a later version, events of nothing or twice."""
    try:
        found = check_log(LogStore(root))
    except OSError as e:
        where = e.filename or root
        yield Finding("feedback", f"cannot read {where}: {refusal(e)}", "let this user read it")
        return
    if found.torn:
        places = "; ".join(found.torn[:PLACES_SHOWN])
        what = f"lines of the log that are no rows and are not read: {len(found.torn)} ({places})"
        yield Finding("feedback", what, FORGET_UNREADABLE)
    if found.unknown:
        named = ", ".join(f"{n} of {what}" for what, n in sorted(found.unknown.items()))
        what = f"the log has rows that this qembed does not know, and does not read: {named}"
        yield Finding("feedback", what, "upgrade qembed")
    if found.orphans:
        what = f"events of queries that the log does not have: {found.orphans}"
        yield Finding("feedback", what, FORGET_UNREADABLE)
    if found.twice:
        what = f"events with the id of another one: {found.twice}"
        yield Finding("feedback", what, FORGET_UNREADABLE)
