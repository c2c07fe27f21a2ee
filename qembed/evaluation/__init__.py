"""Evaluation: runs and judgments to measures, gates and reports.

formats/        readers and writers of queries, judgments, runs and pools
consistency     do run, judgments and queries belong together
measures        measures by trec_eval, through ir-measures; measure_names: their names
significance    differences of two systems, intervals, effect sizes; paired_test: their test
comparison      several variants side by side, and a recommendation
baseline        comparison with an earlier report; corpus_changes: the files that changed since
gates           floors and allowed drops
sts             sentence pairs and rank correlation
tuning/         choice among settings, and the gain to expect on new queries
report/         JSON, Markdown, HTML, JUnit; difference of two reports
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.late_names import late_names

if TYPE_CHECKING:
    from qembed.evaluation.baseline import (
        baseline_differences,
        changed_settings,
        comparable_queries,
        comparison_json,
        document_changes,
        inputs_json,
        moved_json,
    )
    from qembed.evaluation.comparison import Variant, compare_variants, recommend, variants_json
    from qembed.evaluation.consistency import Findings, check_run
    from qembed.evaluation.corpus_changes import contents_json
    from qembed.evaluation.formats import (
        Beir,
        corpus_file_name,
        read_beir,
        read_qrels,
        read_queries,
        read_run,
        write_run,
    )
    from qembed.evaluation.formats.pool import Candidate, read_pool, write_pool, write_qrels
    from qembed.evaluation.gates import (
        Drop,
        Gate,
        GateResult,
        apply_drops,
        apply_floors,
        apply_gates,
        measures_for,
        over_part,
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
        parse_measures,
        rank_documents,
        rankings,
        too_shallow,
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
    "over_part",
    "apply_floors",
    "apply_gates",
    "too_shallow",
    "variants_json",
    "check_report_paths",
    "check_run",
    "comparable_queries",
    "compare",
    "compare_variants",
    "corpus_file_name",
    "comparison_json",
    "contents_json",
    "cutoff",
    "details_json",
    "document_changes",
    "diff_markdown",
    "diff_reports",
    "diff_text",
    "baseline_differences",
    "evaluate",
    "inputs_json",
    "measures_for",
    "moved_json",
    "rankings",
    "parse_drops",
    "parse_gate",
    "parse_gates",
    "parse_measures",
    "rank_documents",
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
    "changed_settings",
    "worst_queries",
    "write_pool",
    "write_qrels",
    "write_report",
    "write_run",
]

# a client that writes a run needs no measures and no reports
__getattr__ = late_names(
    __name__,
    {
        "ALPHA": ".significance",
        "Beir": ".formats",
        "Candidate": ".formats.pool",
        "DEFAULT": ".measures",
        "Diff": ".report.diff",
        "Difference": ".significance",
        "Drop": ".gates",
        "Findings": ".consistency",
        "Gate": ".gates",
        "GateResult": ".gates",
        "Measure": ".measures",
        "Report": ".measures",
        "TIES": ".measures",
        "Variant": ".comparison",
        "apply_drops": ".gates",
        "over_part": ".gates",
        "apply_floors": ".gates",
        "apply_gates": ".gates",
        "baseline_differences": ".baseline",
        "changed_settings": ".baseline",
        "check_report_paths": ".report.report",
        "check_run": ".consistency",
        "comparable_queries": ".baseline",
        "compare": ".significance",
        "compare_variants": ".comparison",
        "comparison_json": ".baseline",
        "contents_json": ".corpus_changes",
        "corpus_file_name": ".formats",
        "cutoff": ".measure_names",
        "details_json": ".report.details",
        "diff_markdown": ".report.diff",
        "diff_reports": ".report.diff",
        "diff_text": ".report.diff",
        "document_changes": ".baseline",
        "evaluate": ".measures",
        "inputs_json": ".baseline",
        "measures_for": ".gates",
        "moved_json": ".baseline",
        "parse_drops": ".gates",
        "parse_gate": ".gates",
        "parse_gates": ".gates",
        "parse_measures": ".measures",
        "rank_documents": ".measures",
        "rankings": ".measures",
        "read_beir": ".formats",
        "read_pool": ".formats.pool",
        "read_qrels": ".formats",
        "read_queries": ".formats",
        "read_report": ".report.report",
        "read_run": ".formats",
        "recall_curve": ".report.details",
        "recommend": ".comparison",
        "report_json": ".report.report",
        "report_markdown": ".report.report",
        "too_shallow": ".measures",
        "variants_json": ".comparison",
        "worst_queries": ".report.report",
        "write_pool": ".formats.pool",
        "write_qrels": ".formats.pool",
        "write_report": ".report.report",
        "write_run": ".formats",
    },
)
