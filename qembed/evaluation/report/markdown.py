"""Reports as Markdown: measures, gates, changes, worst queries.

Rendered from the JSON report alone, so that a stored report can be rendered later. Empty sections are left
out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

QUERIES_SHOWN = 10
"""Worst queries shown."""


def report_markdown(report: Mapping[str, Any]) -> str:
    """Render a report of `report_json` as GitHub-flavoured Markdown, ending in a newline."""
    parts = [
        "# Retrieval quality",
        _verdict(report),
        _measures(report),
        _gates(report.get("gates") or []),
        _list("What may explain it", report.get("causes") or []),
        _floors(report),
        _comparison(report.get("comparison") or {}),
        _ablations(report.get("ablations") or []),
        _list("Recommendations", report.get("recommendations") or []),
        _worst(report),
        _list("Warnings", report.get("warnings") or []),
        _values("Settings", report.get("settings") or {}),
        _values("Recipe", report.get("recipe") or {}),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(report: Mapping[str, Any]) -> str:
    failed = sum(not gate["ok"] for gate in report.get("gates") or [])
    many = report["queries"]
    text = f"Over {many} judged {'query' if many == 1 else 'queries'}; one without hits counts 0."
    if report.get("ties"):
        text += f" Documents are ordered {report['ties']}."
    if failed:
        text = f"**{failed} of {len(report['gates'])} gates failed.** {text}"
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
        text += (
            f"\n\nOne query took {1000 * latency['median']:.1f} ms (median), "
            f"{1000 * latency['p95']:.1f} ms (95th percentile of {latency['queries']}); "
            f"the first one, with the model loaded, {latency['cold']:.2f} s."
        )
    return text


def _interval(ends: Sequence[float] | None) -> str:
    return "" if not ends else f"{ends[0]:.4f} to {ends[1]:.4f}"


def _list(title: str, lines: Sequence[str]) -> str:
    return _section(title, "\n".join(f"- {escape(line)}" for line in lines))


def _floors(report: Mapping[str, Any]) -> str:
    details = report.get("details") or {}
    floors = report.get("floors") or []
    rows = [
        [f["query"], details.get(f["query"], {}).get("text", ""), f["measure"],
         _number(f["got"]), _number(f["wanted"])]
        for f in floors[:QUERIES_SHOWN]
    ]  # fmt: skip
    body = table(["query", "words", "measure", "got", "wanted"], rows)
    rest = len(floors) - QUERIES_SHOWN
    return _section("Queries below the floor", body + (f"\n\nAnd {rest} more." if rest > 0 else ""))


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            "pass" if gate["ok"] else "**fail**",
            gate["measure"],
            _number(gate["got"]),
            _number(gate["wanted"]),
            gate.get("kind", ""),
            gate.get("note", ""),
        ]
        for gate in gates
    ]
    return _section("Gates", table(["", "measure", "got", "wanted", "from", "note"], rows))


def _comparison(comparison: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            _number(c["baseline"]),
            _number(c["got"]),
            f"{c['difference']:+.4f}",
            *_test(c),
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
        body += f"\n\nCompared on {many} common queries. {escape('; '.join(differs))}."
    return _section("Against the baseline", body)


def _test(c: Mapping[str, Any]) -> list[str]:
    if c.get("low") is None:
        return ["", ""]
    return [f"{c['low']:+.4f} to {c['high']:+.4f}", f"{c['p_holm']:.3g}"]


def _ablations(variants: Sequence[Mapping[str, Any]]) -> str:
    """Render a table for each ablation: a row for each variant, with its difference to the reference."""
    parts = []
    for name in dict.fromkeys(variant.get("ablation", "") for variant in variants):
        chosen = [variant for variant in variants if variant.get("ablation", "") == name]
        parts.append(_section(f"Ablation: {name}", ablation_table(chosen)))
    return "\n\n".join(parts)


def ablation_table(variants: Sequence[Mapping[str, Any]]) -> str:
    """Render the variants of one ablation as a Markdown table."""
    return table(*ablation_rows(variants))


def ablation_rows(variants: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return (column names, rows of formatted cells) of one ablation's variants."""
    measures = _keys(variant.get("measures") or {} for variant in variants)
    rows = []
    for variant in variants:
        d, ms = variant.get("difference"), variant.get("ms_per_query")
        rows.append(
            [
                variant["arm"],
                *(_number((variant.get("measures") or {}).get(name)) for name in measures),
                "" if ms is None else f"{ms:.2f}",
                *(["", "", ""] if d is None else [f"{d['difference']:+.4f}", *_test(d)]),
            ]
        )
    first = next((a["difference"]["measure"] for a in variants if a.get("difference")), "")
    return ["arm", *measures, "ms/query", f"{first} difference".strip(), "95 % interval", "p"], rows


def _worst(report: Mapping[str, Any]) -> str:
    """Render the queries with the lowest values of the first measure."""
    first = next(iter(report["measures"]), None)
    if first is None:
        return ""
    details = report.get("details") or {}
    values = [(query, values.get(first, 0.0)) for query, values in report["per_query"].items()]
    values = sorted(values, key=lambda pair: (pair[1], pair[0]))[:QUERIES_SHOWN]
    rows = [
        [query, _number(value), details.get(query, {}).get("text", ""), _best(details.get(query))]
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


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table with every cell escaped; "" without rows."""
    if not rows:
        return ""
    lines = [names, ["---"] * len(names), *rows]
    cells = [[escape(cell) for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _keys(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4f}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def escape(text: str) -> str:
    """Escape a cell: no line ends and no bars; tags and links in an id stay text."""
    text = " ".join(text.split())
    for mark, safe in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("[", "\\["), ("`", "\\`")):
        text = text.replace(mark, safe)
    return text
