"""Runs and judgments to numbers and verdicts: trec and BEIR files, measures, gates, reports.

formats, queries, judgments, runs, topics, beir    files of all kinds to nouns; files, records: how
check          do they belong together             measures, measure_names    numbers, by trec_eval
significance   is a difference more than chance    arms       several ways side by side
gates          verdicts                            baseline   beside an earlier report
report         JSON; markdown, page, junit         details    what each query returned
difference     two reports, query by query         pool       candidates to judge, and back
"""

from __future__ import annotations

from qembed.evaluation.baseline import (
    comparable,
    comparison_json,
    differences,
    inputs_json,
    settings_that_differ,
)
from qembed.evaluation.comparison import Variant, compare_variants, recommend, variants_json
from qembed.evaluation.consistency import Findings, check_run
from qembed.evaluation.formats import Beir, read_beir, read_qrels, read_queries, read_run, write_run
from qembed.evaluation.formats.pool import Candidate, read_pool, write_pool, write_qrels
from qembed.evaluation.gates import (
    Drop,
    Gate,
    GateResult,
    apply_drops,
    apply_floors,
    apply_gates,
    measures_for,
    parse_drops,
    parse_gate,
    parse_gates,
)
from qembed.evaluation.measure_names import cutoff
from qembed.evaluation.measures import (
    DEFAULT,
    TIES,
    Measure,
    Report,
    evaluate,
    orders,
    parse_measures,
    ranked,
)
from qembed.evaluation.report.details import details_json, recall_curve
from qembed.evaluation.report.diff import Diff, diff_markdown, diff_reports, diff_text
from qembed.evaluation.report.report import (
    check_report_paths,
    read_report,
    report_json,
    report_markdown,
    worst_queries,
    write_report,
)
from qembed.evaluation.significance import ALPHA, Difference, compare

__all__ = [
    "ALPHA",
    "Variant",
    "Beir",
    "Candidate",
    "DEFAULT",
    "Diff",
    "Difference",
    "Drop",
    "Findings",
    "Gate",
    "GateResult",
    "Measure",
    "Report",
    "TIES",
    "apply_drops",
    "apply_floors",
    "apply_gates",
    "variants_json",
    "check_report_paths",
    "check_run",
    "comparable",
    "compare",
    "compare_variants",
    "comparison_json",
    "cutoff",
    "details_json",
    "diff_markdown",
    "diff_reports",
    "diff_text",
    "differences",
    "evaluate",
    "inputs_json",
    "measures_for",
    "orders",
    "parse_drops",
    "parse_gate",
    "parse_gates",
    "parse_measures",
    "ranked",
    "read_beir",
    "read_pool",
    "read_qrels",
    "read_queries",
    "read_report",
    "read_run",
    "recall_curve",
    "recommend",
    "report_json",
    "report_markdown",
    "settings_that_differ",
    "worst_queries",
    "write_pool",
    "write_qrels",
    "write_report",
    "write_run",
]
