"""Reports of evaluations as text, from their JSON; control characters of queries are made visible."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qembed.cli.console import counted, out
from qembed.cli.render.hits import safe

WORST_QUERIES = 5
"""Queries named under a failed gate."""
WORDS_SHOWN = 60
"""Characters shown of a query's words on a terminal."""
ROWS_SHOWN = 3
"""Ranks shown of a query that fell, before and now."""


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
            " (single queries, encoding included)"
        )
    truncated = body["settings"].get("truncated_queries")
    if truncated:
        cut = counted(truncated, "query was", "queries were")
        out(f"{'cut short':{width}}  {cut} longer than the model reads")
    _comparison(body.get("comparison"))
    _ablations(body)
    show_gates(body["gates"])


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
    from qembed.evaluation.report.notes import comparison_notes

    for line in columns(rows):
        out(line)
    for note in comparison_notes(comparison):
        out(safe(note))


def _ablations(body: Mapping[str, Any]) -> None:
    from qembed.evaluation.report.markdown import ablation_rows
    from qembed.evaluation.report.notes import ablation_notes

    arms: Sequence[Mapping[str, Any]] = body.get("ablations") or []
    sentences: Sequence[str] = body.get("recommendations") or []
    for name in dict.fromkeys(arm["ablation"] for arm in arms):
        chosen = [arm for arm in arms if arm["ablation"] == name]
        head, rows = ablation_rows(chosen)
        out("")
        for line in columns([[name, *head[1:]], *rows]):
            out(line)
        for note in ablation_notes(chosen, body.get("latency")):
            out(safe(note))
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


def show_gates(gates: Sequence[Mapping[str, Any]]) -> None:
    """Print a line for each gate, with what was compared."""
    for g in gates:
        out(f"{'ok' if g['ok'] else 'FAILED':6}  {g['name']}: {g['verdict']}")


def failed_gates(gates: Sequence[Mapping[str, Any]], format: str) -> list[str]:
    """List the gates that failed, with what was compared, for stderr.

    None if the `text` of stdout shows them on the same terminal.
    """
    if format == "text" and sys.stdout.isatty() and sys.stderr.isatty():
        return []
    return [f"gate: {g['name']}: {g['verdict']}" for g in gates if not g["ok"]]


def failures(body: Mapping[str, Any], format: str) -> Iterator[str]:
    """List failed gates, possible causes, the queries that fell or are worst, for stderr.

    `format`: of stdout.
    """
    failed = [g for g in body["gates"] if not g["ok"]]
    yield from failed_gates(body["gates"], format)
    for cause in body["causes"]:
        yield f"cause: {safe(cause)}"
    yield from _since(body)
    shown: set[str] = set()
    floors = {g["measure"] for g in failed if g["kind"] == "query-floor"}
    for measure in dict.fromkeys(g["measure"] for g in failed):
        lines = list(_fallen(body, measure, shown))
        if measure in floors:
            below = [(f["got"], f["query"]) for f in body["floors"] if f["measure"] == measure]
            lines += _queries(body, f"below {measure}", below)
        if not lines:
            values = sorted((v[measure], q) for q, v in body["per_query"].items())
            lines += _queries(body, f"worst {measure}", values[:WORST_QUERIES])
        yield from map(safe, lines)


def _since(body: Mapping[str, Any]) -> Iterator[str]:
    """Name date and commit of the baseline and of this run."""
    from qembed.evaluation.report.header import provenance_lines

    comparison = body.get("comparison") or {}
    then, now = (
        provenance_lines(p or {}) for p in (comparison.get("baseline"), body["provenance"])
    )
    if then:
        made = [
            ", ".join(f"commit {v}" if k == "commit" else v for k, v in p.items() if k != "index")
            for p in (then, now)
        ]
        yield safe(f"baseline: {made[0]}; this run: {made[1]}")


def _fallen(body: Mapping[str, Any], measure: str, shown: set[str]) -> Iterator[str]:
    """Show the queries that fell against the baseline, with what was returned before and now.

    Of queries in `shown`, to which it adds, only the change is told.
    """
    from qembed.evaluation.report.moved import (
        corpus_changes_of,
        fell,
        moved_queries,
        moved_text,
        rank_changes,
    )

    moved = moved_queries(body, measure)
    fallen = [m for m in moved if m.change < 0]
    if not fell(
        body, measure
    ):  # the gate failed though the measure rose: the worst queries say more
        return
    changes = corpus_changes_of(body)
    many, total = len(fallen), body["comparison"]["queries"]
    rose = f", rose on {len(moved) - many}" if len(moved) > many else ""
    yield f"fell {measure} on {many} of {counted(total, 'query', 'queries')}{rose} (before | now):"
    for m in fallen[:WORST_QUERIES]:
        head, *rows = moved_text(m, ROWS_SHOWN)
        yield head
        if m.query not in shown:
            yield from (f"    {line}" for line in rank_changes(m, changes))
            yield from rows
            shown.add(m.query)
    if many > WORST_QUERIES:
        yield f"and {many - WORST_QUERIES} more: --report FILE.html has them all, and qembed eval diff"


def _queries(
    body: Mapping[str, Any], title: str, values: Sequence[tuple[float, str]]
) -> Iterator[str]:
    """Format queries with their value, words, and first document."""
    rows = [[title, "query", "words", "returned first"]]
    for value, query in values:
        detail = body["details"].get(query, {})
        returned = detail.get("returned") or [{"id": "nothing"}]
        rows.append([f"{value:.4f}", query, _words(detail.get("text", "")), returned[0]["id"]])
    width = max(len(row[1]) for row in rows)
    for row in rows:
        yield f"{row[0]:>{len(title)}}  {row[1]:{width}}  {row[2]}  -> {row[3]}"


def _words(text: str) -> str:
    """A query's words, on a terminal the first of them."""
    if len(text) <= WORDS_SHOWN or not sys.stdout.isatty():
        return text
    return f"{text[: WORDS_SHOWN - 1]}…"
