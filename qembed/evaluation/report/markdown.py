"""Reports as Markdown: measures, gates, changes, worst queries.

Rendered from the JSON report alone, so that a stored report can be rendered later. Empty sections are left
out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qembed.evaluation.corpus_changes import KINDS
from qembed.evaluation.formats.source_file import counted, summarize_names
from qembed.evaluation.report.header import header_lines
from qembed.evaluation.report.markdown_text import (
    Marked,
    escape,
    inside_html,
    item,
    shortened,
    table,
)
from qembed.evaluation.report.moved import (
    MovedQuery,
    corpus_changes_of,
    fallen_measures,
    moved_queries,
    rank_changes,
)
from qembed.evaluation.report.notes import (
    UNTIMED,
    ablation_notes,
    comparison_notes,
    has_times,
    latency_text,
)

QUERIES_SHOWN = 10
"""Worst queries shown."""
FALLEN_SHOWN = 20
"""Queries that fell, shown with their documents."""


def report_markdown(report: Mapping[str, Any]) -> str:
    """Render a report of `report_json` as GitHub-flavoured Markdown, ending in a newline."""
    parts = [
        "# Retrieval quality",
        _header(report),
        _verdict(report),
        _measures(report),
        _gates(report.get("gates") or []),
        _list("What may explain it", report.get("causes") or []),
        _documents(report),
        _fallen(report),
        _floors(report),
        _comparison(report.get("comparison") or {}),
        _ablations(report.get("ablations") or [], report.get("latency")),
        _list("Recommendations", report.get("recommendations") or []),
        _worst(report),
        _list("Warnings", unexplained_warnings(report)),
        _values("Settings", report.get("settings") or {}),
        _values("Recipe", report.get("recipe") or {}),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(report: Mapping[str, Any]) -> str:
    return "\n".join(f"- {key}: {escape(value)}" for key, value in header_lines(report).items())


def _verdict(report: Mapping[str, Any]) -> str:
    failed = sum(not gate["ok"] for gate in report.get("gates") or [])
    many = report["queries"]
    text = f"Over {counted(many, 'judged query', 'judged queries')}; one without hits counts 0."
    if report.get("ties"):
        text += f" Documents are ordered {report['ties']}."
    if failed:
        text = f"**{failed} of {counted(len(report['gates']), 'gate')} failed.** {text}"
    return text


def _measures(report: Mapping[str, Any]) -> str:
    intervals = report.get("intervals") or {}
    rows = [
        [name, _number(value), _interval(intervals.get(name))]
        for name, value in report["measures"].items()
    ]
    latency = report.get("latency")
    text = table(["measure", "value", "95 % interval"], rows)
    if latency:
        text += f"\n\n{latency_text(latency)}"
    return text


def unexplained_warnings(report: Mapping[str, Any]) -> list[str]:
    """List the warnings that are not named as possible causes already."""
    causes = report.get("causes") or []
    return [warning for warning in report.get("warnings") or [] if warning not in causes]


def _interval(ends: Sequence[float] | None) -> str:
    return "" if not ends else f"{ends[0]:.4f} to {ends[1]:.4f}"


def _list(title: str, lines: Sequence[str]) -> str:
    return _section(title, "\n".join(f"- {item(line)}" for line in lines))


def _documents(report: Mapping[str, Any]) -> str:
    """Render the files that were added, changed or deleted since the baseline."""
    changes = corpus_changes_of(report)
    if changes is None:
        return ""
    counts = report["comparison"]["documents"]["counts"]
    rows = [[kind, name] for kind in KINDS for name in changes.names(kind)]
    rest = sum(counts.values()) - len(rows)
    body = table(["", "file"], rows) + (f"\n\nAnd {rest:,} more." if rest else "")
    return _section("Files that changed since the baseline", body if rows else "")


def _fallen(report: Mapping[str, Any]) -> str:
    """Render the queries that fell against the baseline, in the measures that matter."""
    changes, parts = corpus_changes_of(report), []
    for measure in fallen_measures(report):
        fell = [m for m in moved_queries(report, measure) if m.change < 0]
        rows = [
            [m.query, shortened(m.text), f"{m.change:+.4f}", _number(m.was), _number(m.now),
             "; ".join(rank_changes(m, changes))]
            for m in fell
        ]  # fmt: skip
        names = ["query", "words", "change", "was", "is", "relevant documents"]
        shown = [moved_markdown(m) for m in fell[:FALLEN_SHOWN]]
        parts.append(
            _section(
                f"Queries whose {measure} fell",
                "\n\n".join([table(names, rows), *shown]) if rows else "",
            )
        )
    return "\n\n".join(part for part in parts if part)


def moved_markdown(moved: MovedQuery, ranks: Sequence[str] = ()) -> str:
    """Render what a query returned before and after, in a collapsed section. `ranks`: see `rank_changes`."""
    head = (
        f"{moved.change:+.4f} {inside_html(moved.query)}: {inside_html(shortened(moved.text))} "
        f"({moved.was:.4f} → {moved.now:.4f})"
    )
    rows = [[str(rank), before, after] for rank, before, after in moved.rows()]
    body = table(["rank", "before", "after"], rows)
    if moved.before is None:
        body = f"The baseline does not hold what it returned.\n\n{body}".rstrip()
    if shortened(moved.text) != " ".join(moved.text.split()):
        body = f"{item(moved.text)}\n\n{body}"
    if ranks:
        body += "\n\n" + "\n".join(f"- {item(line)}" for line in ranks)
    lost = "".join(
        f"\n\n{where.capitalize()}: {escape(summarize_names(names))}"
        for where, names in moved.unshown()
    )
    return f"<details><summary>{head}</summary>\n\n{body}{lost}\n\n</details>"


def _floors(report: Mapping[str, Any]) -> str:
    details = report.get("details") or {}
    rows = [
        [f["query"], shortened(details.get(f["query"], {}).get("text", "")), f["measure"],
         _number(f["got"]), _number(f["wanted"])]
        for f in report.get("floors") or []
    ]  # fmt: skip
    return _section(
        "Queries below the floor", table(["query", "words", "measure", "got", "wanted"], rows)
    )


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    words = (Marked("**fail**"), "pass")
    rows = [[words[bool(gate["ok"])], gate["name"], gate["verdict"]] for gate in gates]
    return _section("Gates", table(["", "gate", "result"], rows))


def _comparison(comparison: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            _number(c["baseline"]),
            _number(c["got"]),
            f"{c['difference']:+.4f}",
            interval_text(c["low"], c["high"]),
            f"{c['p']:.3g}",
            *(str(c[key]) for key in ("better", "worse", "same")),
        ]
        for name, c in (comparison.get("measures") or {}).items()
    ]
    names = ["measure", "baseline", "now", "difference", "95 % interval", "p",
             "better on", "worse on", "same on"]  # fmt: skip
    body = table(names, rows)
    differs = comparison.get("differs")
    if body and differs:
        many = comparison["queries"]
        queries = counted(many, "common query", "common queries")
        body += f"\n\nCompared on {queries}: {escape('; '.join(differs))}."
    if body:
        body += "".join(f"\n\n{item(note)}" for note in comparison_notes(comparison))
    return _section("Against the baseline", body)


def interval_text(low: float | None, high: float | None) -> str:
    """Format an interval of a difference; "" without one."""
    return "" if low is None or high is None else f"{low:+.4f} to {high:+.4f}"


def _ablations(variants: Sequence[Mapping[str, Any]], latency: Mapping[str, Any] | None) -> str:
    """Render a table for each ablation: a row for each variant, with its difference to the reference."""
    parts = []
    for name in dict.fromkeys(variant.get("ablation", "") for variant in variants):
        chosen = [variant for variant in variants if variant.get("ablation", "") == name]
        notes = "".join(f"\n\n{item(note)}" for note in ablation_notes(chosen, latency))
        parts.append(_section(f"Ablation: {name}", ablation_table(chosen) + notes))
    return "\n\n".join(parts)


def ablation_table(variants: Sequence[Mapping[str, Any]]) -> str:
    """Render the variants of one ablation as a Markdown table."""
    return table(*ablation_rows(variants))


def ablation_rows(variants: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return (column names, rows of formatted cells) of one ablation's variants."""
    measures = _keys(variant.get("measures") or {} for variant in variants)
    timed = has_times(variants)
    rows = []
    for variant in variants:
        d, ms = variant.get("difference"), variant.get("ms_per_query")
        rows.append(
            [
                variant["arm"],
                *(_number((variant.get("measures") or {}).get(name)) for name in measures),
                *([UNTIMED if ms is None else f"{ms:.2f}"] if timed else []),
                *(["", "", ""] if d is None else _difference(d)),
            ]
        )
    first = next((a["difference"]["measure"] for a in variants if a.get("difference")), "")
    times = ["ms/query"] if timed else []
    return ["arm", *measures, *times, f"{first} difference".strip(), "95 % interval", "p"], rows


def _difference(d: Mapping[str, Any]) -> list[str]:
    low, high = d.get("low_holm", d["low"]), d.get("high_holm", d["high"])
    return [f"{d['difference']:+.4f}", interval_text(low, high), f"{d['p_holm']:.3g}"]


def _worst(report: Mapping[str, Any]) -> str:
    """Render the queries with the lowest values of the first measure."""
    first = next(iter(report["measures"]), None)
    if first is None:
        return ""
    details = report.get("details") or {}
    values = [(query, values.get(first, 0.0)) for query, values in report["per_query"].items()]
    values = sorted(values, key=lambda pair: (pair[1], pair[0]))[:QUERIES_SHOWN]
    rows = [
        [
            query,
            _number(value),
            shortened(details.get(query, {}).get("text", "")),
            _best(details.get(query)),
        ]
        for query, value in values
    ]
    return _section(f"Lowest {first}", table(["query", first, "words", "returned first"], rows))


def _best(detail: Mapping[str, Any] | None) -> str:
    returned = (detail or {}).get("returned") or []
    return returned[0]["id"] if returned else ""


def _values(title: str, values: Mapping[str, Any]) -> str:
    rows = [[key, _cell(value)] for key, value in values.items()]
    return _section(title, table(["", ""], rows))


def _section(title: str, body: str) -> str:
    return f"## {escape(title)}\n\n{body}" if body else ""


def _keys(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4f}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
