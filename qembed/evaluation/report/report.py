"""Report files: JSON for programs and baselines, Markdown and HTML for people, JUnit for CI.

The JSON report, `schema` 1. Keys may be added; present ones keep their name and meaning.

    measures      {name: mean over the judged queries}, of counts (NumQ, NumRel, NumRet) the sum
    intervals     {name: [low, high]} of `measures`, 95 % bootstrap over queries
    per_query     {query: {name: value}}
    queries       number of judged queries
    ties          order of equal scores, in words
    settings      of the run: encoded (the text of a query "{query}"), mode, search, ef,
                  rerank, depth, plan, generation, truncated_queries, seconds,
                  truncated_passages (of whole documents: {total, looked_at, truncated, tokens,
                  tokens_cut}) …
    recipe        of the stored vectors; null for a run of another system
    provenance    {date, commit, dirty, index, generation, version}: commit of the checkout, null without one
    contents      {document: short digest of its content}; null without an index, and for very many
    record_files  {file: [document that is not named by it]}, or null as `contents`; absent in older ones
    inputs        digests: queries, judgments, corpus; documents (their number)
    latency       seconds {cold, median, p95, queries}: single queries, one after the other; or null
    recall        [[k, mean recall at k], …]
    gates         [{measure, wanted, got, ok, kind, note}]
    comparison    with a baseline: {queries, differs, measures: {name: {baseline, got, difference, low,
                  high, level, p, p_holm, effect, better, worse, same, needed, low_holm, high_holm,
                  level_holm}}, moved: [{query, was: {name: value}, now, before: [{id, title, grade}]}],
                  left_out: [query that was not compared],
                  documents: {counts: {kind: files}, added: [file], changed, deleted, renamed: {old:
                  new}, records: {document: kind}}, baseline: its provenance}; or null. `before`,
                  `documents` and `baseline` are null for a baseline that does not hold them
    ablations     [{"ablation": axes, "arm": name, "reference": bool, axis: value …, measures,
                  per_query (of the first measure), ms_per_query, difference (as above) or null}]
    recommendations  [sentence]
    details       {query: {text, judged: {document: grade}, returned: [{id, title, score, grade}]}};
                  the ten best, grade null for documents that are not judged, score null for an
                  infinite one
    floors        [{measure, wanted, query, got}]: queries below a --query-floor
    warnings      [line]
    causes        [line]: possible causes of a failed gate
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.json_records import parse_json
from qembed.evaluation.formats.source_file import ProblemList, Source, atomic_text_file
from qembed.evaluation.gates import Gate, GateResult, queries_below
from qembed.evaluation.measure_names import is_count
from qembed.evaluation.measures import TIES, Report
from qembed.evaluation.report.markdown import report_markdown
from qembed.evaluation.report.shape import shape_problems
from qembed.evaluation.significance import bootstrap_interval

__all__ = [
    "SCHEMA",
    "check_report_paths",
    "read_report",
    "report_json",
    "report_markdown",
    "worst_queries",
    "write_report",
]

SCHEMA = 1


def report_json(
    report: Report,
    *,
    settings: Mapping[str, Any],
    recipe: Mapping[str, Any] | None,
    gates: Sequence[GateResult] = (),
    comparison: Mapping[str, Any] | None = None,
    ablations: Sequence[Mapping[str, Any]] | None = None,
    floors: Sequence[Gate] = (),
    **more: Any,
) -> dict[str, Any]:
    """JSON object of a report, with the keys in the module's docstring.

    `recipe`: `Recipe.to_json()`, None for a run of another system. `comparison`: see `comparison_json`.
    `ablations`: see `variants_json`. `more`: the other keys, unchanged.
    """
    return {
        "schema": SCHEMA,
        "measures": dict(report.measures),
        "intervals": {name: _interval(report, name) for name in report.measures},
        "per_query": {query: dict(values) for query, values in report.per_query.items()},
        "queries": report.queries,
        "ties": TIES,
        "settings": dict(settings),
        "recipe": None if recipe is None else dict(recipe),
        "gates": [g.to_json() for g in gates],
        "floors": [
            {"measure": floor.measure, "wanted": floor.wanted, "query": query, "got": got}
            for floor in floors
            for query, got in queries_below(report.per_query, floor.measure, floor.wanted)
        ],
        "comparison": None if comparison is None else dict(comparison),
        "ablations": [dict(arm) for arm in ablations or ()],
        **more,
    }


def _interval(report: Report, name: str) -> list[float]:
    """Confidence interval of the mean over queries, of a count of the sum."""
    each = len(report.per_query) if is_count(name) else 1
    ends = bootstrap_interval([values[name] for values in report.per_query.values()])
    return [each * end for end in ends]


def worst_queries(report: Report, measure: str, n: int) -> list[tuple[str, float]]:
    """List the n queries with the lowest value of a measure, lowest first, equal ones by id.

    Raises UsageError if the report has no such measure.
    """
    if measure not in report.measures:
        raise UsageError(f"{measure} was not measured (there are {', '.join(report.measures)})")
    values = [(query, values[measure]) for query, values in report.per_query.items()]
    return sorted(values, key=lambda pair: (pair[1], pair[0]))[: max(n, 0)]


def _json_text(report: Mapping[str, Any]) -> str:
    """Format as JSON with a line for each key, and for each query in long values, which suits `diff`.

    json's own `indent` is slow: seconds for some thousand queries.
    """
    lines = []
    for key, value in report.items():
        if key in ("per_query", "details", "measures", "contents", "record_files") and value:
            inner = ",\n".join(f"  {_dumps(k)}: {_dumps(v)}" for k, v in value.items())
            lines.append(f" {_dumps(key)}: {{\n{inner}\n }}")
        elif key in ("gates", "ablations", "floors", "warnings") and value:
            inner = ",\n".join(f"  {_dumps(v)}" for v in value)
            lines.append(f" {_dumps(key)}: [\n{inner}\n ]")
        else:
            lines.append(f" {_dumps(key)}: {_dumps(value)}")
    text = "{\n" + ",\n".join(lines) + "\n}"
    # a lone surrogate in an id or a setting has no UTF-8, but a JSON escape
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _html(report: Mapping[str, Any]) -> str:
    from qembed.evaluation.report.html import report_html

    return report_html(report)


def _junit(report: Mapping[str, Any]) -> str:
    from qembed.evaluation.report.junit import report_junit

    return report_junit(report)


_WRITERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    ".json": _json_text,
    ".md": report_markdown,
    ".html": _html,
    ".xml": _junit,
}


def check_report_paths(paths: Sequence[Path]) -> None:
    """Raise a UsageError that names every path with a suffix unknown to `write_report`.

    Call it before measuring, so that a long run does not end with a misspelt file name.
    """
    wrong = [str(path) for path in paths if path.suffix.lower() not in _WRITERS]
    if wrong:
        raise UsageError(f"reports are written as {' or '.join(_WRITERS)}, not {', '.join(wrong)}")


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write a report atomically, in the form that the suffix names.

    Raises UsageError for another suffix than .json, .md, .html and .xml, StorageError if the disk refuses.
    """
    check_report_paths([path])
    text = _WRITERS[path.suffix.lower()](report)
    with atomic_text_file(path) as stream:
        stream.write(text)


def read_report(path: Path) -> dict[str, Any]:
    """Read a JSON report of `write_report`, for use as a baseline. Raises InputError with all mistakes."""
    source, mistakes = Source.read(path), ProblemList(path)
    text = source.text(mistakes)
    mistakes.close()
    try:
        value = parse_json(text or "")
    except ValueError as e:
        raise InputError(f"{path} is not a report", [f"{path}: {e}"]) from e
    for what in _problems(value):
        mistakes.add(None, what)
    mistakes.close()
    report: dict[str, Any] = value
    return report


def _problems(value: Any) -> list[str]:
    """List what is wrong with a report."""
    if not isinstance(value, dict):
        return ["a report is a JSON object"]
    if value.get("schema") != SCHEMA:
        return [f'"schema" is {value.get("schema")!r}, this version reads {SCHEMA}']
    measures, per_query = value.get("measures"), value.get("per_query")
    wrong = []
    if not _numbers(measures):
        wrong.append('"measures" does not map names to numbers')
    if not isinstance(per_query, dict) or not all(map(_numbers, per_query.values())):
        wrong.append('"per_query" does not map queries to measures')
    elif isinstance(measures, dict) and not wrong:
        lacking = [q for q, values in per_query.items() if set(values) != set(measures)]
        wrong += [f'"per_query" has other measures than "measures" for {q!r}' for q in lacking]
    return wrong + shape_problems(value)


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)
        for v in value.values()
    )
