"""Reports of evaluations as text, from their JSON; control characters of queries are made visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qembed.cli.console import out
from qembed.cli.render.hits import safe

WORST_QUERIES = 5
"""Queries named under a failed gate."""


def show(body: Mapping[str, Any]) -> None:
    """Print measures with intervals, latency, the comparison with a baseline, ablations and gates."""
    measures = body["measures"]
    width = max(len(name) for name in [*measures, "queries"])
    for name, value in measures.items():
        low, high = body["intervals"][name]
        out(f"{name:{width}}  {value:.4f}  [{low:.4f}, {high:.4f}]")
    out(f"{'queries':{width}}  {body['queries']}")
    latency = body.get("latency")
    if latency:
        out(
            f"{'latency':{width}}  {1000 * latency['median']:.1f} ms median, "
            f"{1000 * latency['p95']:.1f} ms p95, {latency['cold']:.2f} s cold"
        )
    truncated = body["settings"].get("truncated_queries")
    if truncated:
        out(f"{'cut short':{width}}  {truncated} queries were longer than the model reads")
    _comparison(body.get("comparison"))
    _ablations(body.get("ablations") or [], body.get("recommendations") or [])
    for g in body["gates"]:
        out(f"{'ok' if g['ok'] else 'FAILED':6}  {_gate(g)}")


def _comparison(comparison: Mapping[str, Any] | None) -> None:
    if not comparison:
        return
    out("")
    rows = [
        ["baseline", "was", "is", "difference", "95 % interval", "p", "better", "worse", "same"]
    ]
    for name, c in comparison["measures"].items():
        rows.append(
            [
                name,
                f"{c['baseline']:.4f}",
                f"{c['got']:.4f}",
                f"{c['difference']:+.4f}",
                f"{c['low']:+.4f} {c['high']:+.4f}",
                f"{c['p']:.3g}",
                str(c["better"]),
                str(c["worse"]),
                str(c["same"]),
            ]
        )
    for line in columns(rows):
        out(line)


def _ablations(arms: Sequence[Mapping[str, Any]], sentences: Sequence[str]) -> None:
    from qembed.evaluation.report.markdown import ablation_rows

    for name in dict.fromkeys(arm["ablation"] for arm in arms):
        head, rows = ablation_rows([arm for arm in arms if arm["ablation"] == name])
        out("")
        for line in columns([[name, *head[1:]], *rows]):
            out(line)
    if sentences:
        out("")
    for sentence in sentences:
        out(safe(sentence))
    if arms:
        out("")


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align rows in columns, the first one to the left, the others to the right."""
    rows = [[safe(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def _gate(g: Mapping[str, Any]) -> str:
    note = f"; {g['note']}" if g["note"] else ""
    return f"{g['measure']} {g['got']:.4f}, wanted {g['wanted']:.4f} ({g['kind']}{note})"


def failures(body: Mapping[str, Any]) -> Iterator[str]:
    """List failed gates, possible causes, and the worst queries, for stderr."""
    failed = [g for g in body["gates"] if not g["ok"]]
    for g in failed:
        note = f" ({g['kind']}; {g['note']})" if g["note"] else f" ({g['kind']})"
        yield f"gate: {g['measure']} is {g['got']:.4f}, wanted {g['wanted']:.4f}{note}"
    for cause in body["causes"]:
        yield f"cause: {safe(cause)}"
    for measure in dict.fromkeys(g["measure"] for g in failed):
        values = sorted((v[measure], q) for q, v in body["per_query"].items())[:WORST_QUERIES]
        rows = [[f"worst {measure}", "query", "words", "returned first"]]
        for value, query in values:
            detail = body["details"].get(query, {})
            returned = detail.get("returned") or [{"id": "nothing"}]
            words = detail.get("text", "")
            rows.append([f"{value:.4f}", query, words[:60], returned[0]["id"]])
        width = max(len(row[1]) for row in rows)
        for row in rows:
            yield safe(f"{row[0]:>{len(rows[0][0])}}  {row[1]:{width}}  {row[2]}  -> {row[3]}")
