"""A report of three queries, as it is, as JSON, and beside a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qembed.evaluation import (
    Drop,
    GateResult,
    Report,
    apply_drops,
    baseline_differences,
    report_json,
)

REPORT = Report(
    {"nDCG@10": 0.6, "RR@10": 0.5},
    {
        "q1": {"nDCG@10": 1.0, "RR@10": 1.0},
        "q3": {"nDCG@10": 0.4, "RR@10": 0.0},
        "q2": {"nDCG@10": 0.4, "RR@10": 0.5},
    },
    3,
)


def as_json(report: Report = REPORT, **more: Any) -> dict[str, Any]:
    return report_json(report, **({"settings": {}, "recipe": None, "gates": []} | more))


def beside(
    baseline: dict[str, Any],
    report: Report = REPORT,
    drops: Sequence[Drop] = (),
    significant: Sequence[str] = (),
    alpha: float = 0.05,
) -> list[GateResult]:
    return apply_drops(drops, significant, baseline_differences(baseline, report), alpha)
