"""Feedback logs as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qembed.cli.console import Console, counted

if TYPE_CHECKING:
    from qembed.pipeline.feedback.take_records import Taken

PROBLEMS_SHOWN = 20
_SETTINGS = {
    "on": "queries are logged",
    "off": "queries are logged if they ask for it (--log)",
    "hashed": "queries are logged with hashes of their texts",
}


def log_line(found: Mapping[str, Any]) -> str:
    """Setting and size of a log in one line, of the object `feedback` that `status` has."""
    setting = _SETTINGS.get(found["log"], found["log"])
    if found.get("explore"):
        setting += ", neighbours exchanged at random"
    if found["error"]:
        return f"{setting}; {found['error']}"
    if found["since"] is None:
        return f"{setting}; nothing is logged yet"
    rows = f"{counted(found['queries'], 'query', 'queries')}, {counted(found['events'], 'event')}"
    parts = [f"{rows} since {_day(found['since'])}", setting]
    if found["voted_queries"]:
        parts.append(f"votes on {counted(found['voted_queries'], 'query', 'queries')}")
    if learned := found["learned"]:
        parts.append(_learned(learned))
    return "; ".join(parts)


def _learned(found: Mapping[str, Any]) -> str:
    """Learned order of an index in words."""
    how = "better on what it had not seen" if found["better"] else "not shown to be better"
    if not found["usable"]:
        how = "of another recipe, which cannot be used: qembed feedback learn"
    day = f" of {_day(found['date'])}" if found["date"] else ""
    return f"learned order{day}, {how}"


def _day(seconds: float) -> str:
    return str(datetime.fromtimestamp(seconds, UTC).date())


def taken_line(taken: Taken) -> str:
    """Numbers of what a log took, in one line."""
    parts = []
    if taken.queries:
        parts.append(counted(taken.queries, "query", "queries"))
    if taken.events or not taken.queries:
        parts.append(counted(taken.events, "event"))
    line = f"logged {', '.join(parts)}"
    if taken.duplicates:
        line += f" · {taken.duplicates:,} there already"
    if taken.merged:
        line += f" · {counted(taken.merged, 'further row')} of a query"
    if taken.refused:
        line += f" · {len(taken.refused):,} refused"
    return line


def say_refused(taken: Taken, talk: Console) -> None:
    """Say on stderr what was not taken: the first rows, and how many of each kind."""
    for refusal in taken.refused[:PROBLEMS_SHOWN]:
        talk.problem(str(refusal))
    if len(taken.refused) > PROBLEMS_SHOWN:
        kinds = Counter(r.kind for r in taken.refused)
        named = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
        talk.problem(f"… and more: {len(taken.refused):,} rows are not taken ({named})")
