"""Report on an index's log: what was done, by rank, what can be learned of it, and experiments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qembed.feedback.experiments import find_experiments
from qembed.feedback.interactions import Interaction, join_events
from qembed.feedback.preferences import PreferenceOptions, find_preferences, normalise_query
from qembed.feedback.preferences.extraction import is_click
from qembed.feedback.preferences.signals import read_signals
from qembed.feedback.preferences.traces import REFORMULATE
from qembed.feedback.propensity.click_log import make_click_log
from qembed.feedback.records import Event
from qembed.pipeline.feedback.evidence.log_experiments import limited_interactions
from qembed.pipeline.feedback.evidence.other_order import estimate_setting
from qembed.pipeline.feedback.log_pairs import extracted_json
from qembed.pipeline.feedback.whole_log import read_log
from qembed.pipeline.provenance.provenance import origin_json
from qembed.pipeline.retrieval.interleaving.setting import Setting
from qembed.pipeline.retrieval.session import open_snapshot

EFFORT = ("steps", "searches", "tokens")


def report_log(
    root: Path,
    options: PreferenceOptions,
    against: Setting | None = None,
    since: float | None = None,
) -> dict[str, Any]:
    """JSON of the report. Raises UsageError, InputError, NoIndex, IndexDamaged.

    `against`: a setting whose order is compared with that of the log, from `since` on.
    """
    options.check()
    log = read_log(root)
    extracted = find_preferences(log.queries, log.events, options)
    joined = join_events(log.queries, log.events)
    limited = limited_interactions(log, options)
    times = [q.time for q in log.queries]
    with open_snapshot(root) as snapshot:
        origin = origin_json(snapshot)
    return {
        "schema": 1,
        "queries": len(log.queries),
        "events": len(log.events),
        "since": min(times),
        "until": max(times),
        "skipped_lines": log.skipped,
        "kinds": _kinds(joined.interactions, options),
        "ranks": _ranks(limited),
        "tasks": _tasks(log.events),
        "experiments": [e.to_json() for e in find_experiments(limited, options)],
        "counterfactual": None
        if against is None
        else estimate_setting(root, log, against, options, since),
        **extracted_json(extracted),
        **origin,
    }


def _kinds(
    interactions: Sequence[Interaction], options: PreferenceOptions
) -> dict[str, dict[str, int]]:
    """Answers of each kind of client, and those with a signal; a judge is a kind of its own."""
    found: dict[str, dict[str, int]] = {}
    for interaction in interactions:
        name = interaction.source or interaction.kind
        counts = found.setdefault(name, {"answers": 0, "with_signal": 0, "events": 0})
        counts["answers"] += 1
        counts["with_signal"] += bool(read_signals(interaction.events, options))
        counts["events"] += len(interaction.events)
    return found


def _ranks(interactions: Sequence[Interaction]) -> list[dict[str, Any]]:
    """Hits that persons were shown at each rank, and how many of them were opened."""
    persons = [i for i in interactions if i.kind == "person" and not i.source]
    log = make_click_log(persons, normalise_query, is_click)
    shown = (log.documents >= 0).sum(axis=0).tolist()
    clicks = log.clicks.sum(axis=0).tolist()
    return [
        {"rank": rank, "shown": n, "opened": k, "rate": round(k / n, 4) if n else None}
        for rank, (n, k) in enumerate(zip(shown, clicks, strict=True), 1)
    ]


def _tasks(events: Sequence[Event]) -> dict[str, dict[str, Any]]:
    """Agents' tasks by outcome, with the mean of their effort, and how often a search was asked anew."""
    outcomes: dict[tuple[str, str], Event] = {}
    anew: Counter[tuple[str, str]] = Counter()
    for event in events:
        if event.client_kind != "agent":
            continue
        task = event.client_id, event.session_id or event.query_id
        if event.action in ("success", "failure"):
            outcomes[task] = event
        elif event.action == REFORMULATE:
            anew[task] += 1
    found: dict[str, dict[str, Any]] = {}
    for name in ("success", "failure"):
        tasks = {t: e for t, e in outcomes.items() if e.action == name}
        if not tasks:
            continue
        told: dict[str, Any] = {"tasks": len(tasks)}
        for key in EFFORT:
            values = [v for e in tasks.values() if isinstance(v := e.attributes.get(key), int)]
            told[key] = round(sum(values) / len(values), 2) if values else None
        told["asked_anew"] = round(sum(anew[t] for t in tasks) / len(tasks), 2)
        found[name] = told
    return found
