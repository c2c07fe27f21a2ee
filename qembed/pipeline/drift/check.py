"""Comparison of what is new with what was there: sides, tests, verdict, as JSON values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.drift.compare import compare
from qembed.drift.signal import Signal, adjust
from qembed.drift.verdict import Situation, Verdict, judge
from qembed.pipeline.drift.advice import Advice, next_command
from qembed.pipeline.drift.evidence import day, signals_of, unread_scripts
from qembed.pipeline.drift.golden import check_golden, measure_golden
from qembed.pipeline.drift.history import append_history, entry_of, read_history, shown_entry
from qembed.pipeline.drift.logged_queries import compare_queries
from qembed.pipeline.drift.made_queries import compare_made_queries
from qembed.pipeline.drift.picture import map_of
from qembed.pipeline.drift.side import Side
from qembed.pipeline.drift.sides import DriftOptions, SideFinder, Sides
from qembed.pipeline.progress import Progress
from qembed.pipeline.provenance.provenance import provenance
from qembed.pipeline.retrieval.session import Session


@dataclass(slots=True)
class _Found:
    """Findings of a run. `told`: parts of the report besides signals; `entries`: for the time line."""

    signals: list[Signal] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    entries: list[Mapping[str, Any]] = field(default_factory=list)


def check_drift(
    root: Path, options: DriftOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Compare, and return the report as JSON values. Raises UsageError, NoIndex, IndexDamaged, InputError,
    RecipeMismatch, ModelUnavailable, StorageError.
    """
    options.check()
    key = "" if options.golden is None else check_golden(*options.golden)
    began = time.perf_counter()
    progress = progress or Progress()
    finder = SideFinder(root, options, progress)
    found = _Found()
    history = read_history(root) if options.history or options.golden is not None else []
    if history and history[-1]["time"] > time.time() + 60:
        finder.warnings.append("the clock ran back: the last check was made after what it says now")
    with Session(root, timer=finder.timer) as session:
        sides = finder.find(session.snapshot, session.loaded)
        situation = Situation(
            sides.old.distinct_documents,
            sides.old.passages,
            sides.new.distinct_documents,
            sides.new.passages,
            judged=options.golden is not None,
        )
        if not situation.lack:
            progress.phase("compare", "", None)
            with finder.timer("compare"):
                tested = compare(sides.old.sample, sides.new.sample)
                found.signals = signals_of(tested, sides.old, sides.new)
            if options.picture:
                found.told["map"] = map_of(tested, sides.old, sides.new)
        if sides.since is not None:
            _ask_queries(session, sides.since, finder, found)
        if options.made_queries and not situation.lack:
            _made_queries(session, sides, finder, found)
        manifest = session.snapshot.manifest
    if options.golden is not None:
        golden = measure_golden(root, *options.golden, key, history, progress)
        found.told["golden"] = golden.told
        found.entries.append(golden.entry)
        found.signals += [golden.signal] if golden.signal is not None else []
    signals = adjust(found.signals)
    verdict = judge(signals, situation)
    advice = Advice(root, manifest.spec, options.words(), options.golden)
    finder.timer.end(time.perf_counter() - began)
    body = {
        **_verdict(verdict, signals, advice),
        "index": str(root),
        "generation": manifest.generation,
        "model": manifest.spec,
        "recipe": manifest.recipe.fingerprint,
        "what": sides.what,
        "time": round(time.time(), 3),
        "provenance": provenance(root, manifest.generation),
        "old": _side(sides.old),
        "new": _side(sides.new),
        "signals": [s.to_json() for s in signals],
        **found.told,
        "warnings": finder.warnings,
        "seconds": {k: round(v, 3) for k, v in finder.timer.items()},
    }
    if options.history:
        found.entries.append(entry_of(body))
        checks = [e for e in [*history, found.entries[-1]] if e["kind"] == "check"]
        body["history"] = [shown_entry(e) for e in checks]
    for entry in found.entries:
        append_history(root, entry)
    return body


def _ask_queries(session: Session, since: float, finder: SideFinder, found: _Found) -> None:
    with finder.timer("queries"):
        queries = compare_queries(session, since, finder.progress)
    if queries.signal is not None:
        found.signals += [s for s in (queries.signal, queries.gaps) if s is not None]
    elif queries.why:
        found.told["queries"] = queries.why


def _made_queries(session: Session, sides: Sides, finder: SideFinder, found: _Found) -> None:
    with finder.timer("made queries"):
        signal = compare_made_queries(session, sides.old, sides.new, finder.progress)
    if signal is None:
        finder.warnings.append("too few queries can be made of the documents to compare them")
    else:
        found.signals.append(signal)


def _verdict(verdict: Verdict, signals: Sequence[Signal], advice: Advice) -> dict[str, Any]:
    return {
        "schema": 1,
        "verdict": verdict.level,
        "reason": verdict.reason,
        "next": next_command(verdict.next, advice, unread_scripts(signals)),
        "enough": verdict.enough,
        "step": verdict.next,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "documents": side.documents,
        "passages": side.passages,
        "sampled_documents": side.sample.documents,
        "from": day(side.first),
        "until": day(side.last),
    }
