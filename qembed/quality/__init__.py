"""Runs and judgments to numbers and verdicts: trec and BEIR files, measures, gates, reports."""

from __future__ import annotations

from qembed.quality.check import Findings, check_run
from qembed.quality.formats import (
    Beir,
    read_beir,
    read_qrels,
    read_queries,
    read_run,
    write_run,
)
from qembed.quality.gates import (
    Drop,
    Gate,
    GateResult,
    apply_gates,
    compare_with_baseline,
    comparison_json,
    measures_for,
    parse_drops,
    parse_gate,
    parse_gates,
)
from qembed.quality.measures import (
    DEFAULT,
    TIES,
    Measure,
    Report,
    evaluate,
    parse_measures,
    ranked,
)
from qembed.quality.report import (
    check_report_paths,
    read_report,
    report_json,
    report_markdown,
    worst_queries,
    write_report,
)

__all__ = [
    "Beir",
    "DEFAULT",
    "Drop",
    "Findings",
    "Gate",
    "GateResult",
    "Measure",
    "Report",
    "TIES",
    "apply_gates",
    "check_report_paths",
    "check_run",
    "compare_with_baseline",
    "comparison_json",
    "evaluate",
    "measures_for",
    "parse_drops",
    "parse_gate",
    "parse_gates",
    "parse_measures",
    "ranked",
    "read_beir",
    "read_qrels",
    "read_queries",
    "read_report",
    "read_run",
    "report_json",
    "report_markdown",
    "worst_queries",
    "write_report",
    "write_run",
]
