"""Judged queries: measured again, and compared with the result that a cycle of looks began with.

The comparison is paired by query and corrected for looking again and again (`qembed.drift.spending`). It is
with the first result of the cycle, not with the one before: a loss in many small steps would never be seen.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.drift.signal import Signal
from qembed.drift.spending import LOOKS, spent_p
from qembed.errors import InputError
from qembed.evaluation.paired_test import PairedTest
from qembed.inputs import is_there
from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.experiments.inputs import read_inputs
from qembed.pipeline.progress import Progress

MEASURE = "nDCG@10"
WORST = 10
"""Queries that are listed: those that lost most."""


@dataclass(frozen=True, slots=True)
class GoldenFound:
    """Signal on judged queries, None for their first result; the entry for the time line; what to tell."""

    signal: Signal | None
    entry: dict[str, Any]
    told: dict[str, Any]


def check_golden(queries: Path, qrels: Path) -> str:
    """Key of judged queries, by their words and judgments. Raises UsageError, InputError for wrong files."""
    gone = [f"{path}: no such file" for path in (queries, qrels) if not is_there(path)]
    if gone:
        raise InputError("--golden:", gone)
    given = read_inputs(queries, qrels, None, "test", needs_words=True, warn=lambda _: None)
    facts = sorted((q.id, q.text, sorted(given.qrels.get(q.id, {}).items())) for q in given.queries)
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()


def measure_golden(
    root: Path,
    queries: Path,
    qrels: Path,
    key: str,
    history: Sequence[Mapping[str, Any]],
    progress: Progress,
) -> GoldenFound:
    """Evaluate judged queries, by their key, on the index at `root`. Raises what `run_evaluation` does."""
    options = EvalOptions(queries=queries, qrels=qrels, measures=MEASURE, latency=0)
    result = run_evaluation(options, lambda: root, progress)
    values = {q: float(v[MEASURE]) for q, v in result.body["per_query"].items()}
    texts = {q: d.get("text", "") for q, d in (result.body.get("details") or {}).items()}
    generation = int(result.body["settings"]["generation"])
    return compare_golden(values, texts, generation, key, history)


def compare_golden(
    values: Mapping[str, float],
    texts: Mapping[str, str],
    generation: int,
    key: str,
    history: Sequence[Mapping[str, Any]],
) -> GoldenFound:
    """Compare results by query with the first ones of the cycle that the time line has.

    Other words or judgments have another key, and begin anew.
    """
    earlier = [
        e
        for e in history
        if e.get("kind") == "golden"
        and e.get("queries") == key
        and e["values"].keys() == values.keys()
    ]
    first = next((e for e in reversed(earlier) if e["look"] == 0), None)
    last = earlier[-1] if earlier else None
    mean = sum(values.values()) / max(1, len(values))
    entry: dict[str, Any] = {
        "kind": "golden",
        "time": round(time.time(), 3),
        "generation": generation,
        "queries": key,
        "mean": round(mean, 6),
        "look": 0,
        "values": {q: round(v, 6) for q, v in values.items()},
    }
    told = {"measure": MEASURE, "queries": len(values), "mean": round(mean, 4), "before": None}
    if first is None or last is None or last["look"] >= LOOKS:
        return GoldenFound(None, entry, told)
    # the same answers as at the last look are no look
    look = last["look"] + (entry["values"] != last["values"] or last["look"] == 0)
    before = {q: float(first["values"][q]) for q in values}
    differences = [values[q] - before[q] for q in values]
    drop = -sum(differences) / max(1, len(differences))
    p = PairedTest(differences, span=1.0).p if drop > 0 else 1.0
    entry["look"] = look
    told |= {"before": first["mean"], "look": look, "of": LOOKS, "p_alone": round(p, 6)}
    worst = sorted(
        (q for q in values if values[q] < before[q]), key=lambda q: values[q] - before[q]
    )
    signal = Signal(
        "golden",
        max(0.0, drop),
        spent_p(p, look),
        f"{MEASURE} of {len(values):,} judged queries is {mean:.3f}, it was {first['mean']:.3f}",
        [
            {
                "query": q,
                "text": texts.get(q, ""),
                "before": round(before[q], 4),
                "now": round(values[q], 4),
            }
            for q in worst[:WORST]
        ],
        details=told,
    )
    return GoldenFound(signal, entry, told)
