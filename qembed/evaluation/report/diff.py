"""Difference of two JSON reports, query by query: changed values, and documents returned before and after.

Queries are sorted by loss, the largest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.evaluation.baseline import changed_settings, comparable_queries
from qembed.evaluation.formats.source_file import counted, summarize_names
from qembed.evaluation.measure_names import cutoff, parse_measures
from qembed.evaluation.report.header import provenance_lines
from qembed.evaluation.report.moved import (
    MovedQuery,
    Returned,
    moved_text,
    one_line,
    rank_changes,
    unshown_text,
)
from qembed.evaluation.report.report import read_report
from qembed.evaluation.significance import TIE_TOLERANCE, Difference, compare


@dataclass(frozen=True, slots=True)
class Diff:
    """Changes between two reports in one measure.

    `differs`: differences of their inputs and settings. `provenances`: of the two reports, {} for those that
    have none.
    """

    measure: str
    overall: Difference
    moved: Sequence[MovedQuery]
    differs: Sequence[str]
    names: tuple[str, str]
    measures: Sequence[tuple[str, float, float]]
    provenances: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {})

    @property
    def origins(self) -> list[str]:
        """Name, date, commit and index of each report that tells them."""
        found = []
        for name, provenance in zip(self.names, self.provenances, strict=True):
            if lines := provenance_lines(provenance):
                made = [v if key == "date" else f"{key} {v}" for key, v in lines.items()]
                found.append(f"{name}: {', '.join(made)}")
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON object, `schema` 1."""
        return {
            "schema": 1,
            "measure": self.measure,
            "reports": list(self.names),
            "provenances": [dict(p) for p in self.provenances],
            "overall": self.overall.to_json(),
            "differs": list(self.differs),
            "queries": [
                {
                    "query": m.query,
                    "text": m.text,
                    "was": m.was,
                    "now": m.now,
                    "change": m.change,
                    "before": list(m.before or ()),
                    "after": list(m.after),
                    "lower": m.lower,
                    "missing": m.missing,
                }
                for m in self.moved
            ],
        }


def diff_files(before: Path, after: Path, measure: str | None = None) -> Diff:
    """Compare two JSON reports (see `diff_reports`). `measure`: as ir-measures spells it.

    Raises InputError for files that are no reports, UsageError.
    """
    name = parse_measures(measure)[0].name if measure else None
    return diff_reports(read_report(before), read_report(after), name, (before.name, after.name))


def diff_reports(
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    measure: str | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> Diff:
    """Compare two reports on the queries that are the same in both.

    `measure` None: the first that both have. Raises UsageError if they do not share it, InputError if they
    share no query.
    """
    shared = [name for name in b["measures"] if name in a["measures"]]
    if not shared:
        raise UsageError("the two reports have no measure in common")
    if measure is not None and measure not in shared:
        raise UsageError(f"{measure} is not in both reports (they share {summarize_names(shared)})")
    chosen = measure or shared[0]
    queries, differs = comparable_queries(a, b, common=True)
    differs = [*changed_settings(a, b), *differs]
    was = {q: float(a["per_query"][q][chosen]) for q in queries}
    now = {q: float(b["per_query"][q][chosen]) for q in queries}
    moved = []
    for query in queries:
        then, here = ((r.get("details") or {}).get(query, {}) for r in (a, b))
        if abs(now[query] - was[query]) > TIE_TOLERANCE:
            moved.append(
                MovedQuery(
                    query,
                    here.get("text") or then.get("text") or "",
                    was[query],
                    now[query],
                    Returned.of(then),
                    Returned.of(here),
                    here.get("judged") or then.get("judged") or {},
                    cutoff(chosen),
                )
            )
    moved.sort(key=lambda m: (m.change, m.query))
    return Diff(
        chosen,
        compare(chosen, list(was.values()), list(now.values())),
        moved,
        differs,
        names,
        [(name, a["measures"][name], b["measures"][name]) for name in shared],
        (a.get("provenance") or {}, b.get("provenance") or {}),
    )


def diff_text(diff: Diff, most: int | None = None) -> str:
    """Format for a terminal, ending in a newline; at most `most` queries."""
    d = diff.overall
    lines = [
        f"{diff.measure}  {d.before:.4f} -> {d.after:.4f}  {d.difference:+.4f} "
        f"[{d.low:+.4f}, {d.high:+.4f}]  p {d.p:.3g}",
        f"worse on {d.worse}, better on {d.better}, the same on {d.same} of "
        f"{counted(d.worse + d.better + d.same, 'query', 'queries')}",
        *map(one_line, diff.origins),
        *(f"note: {one_line(line)}" for line in diff.differs),
    ]
    for m in diff.moved[:most]:
        ranks = [f"    {one_line(line)}" for line in rank_changes(m)]
        lines += ["", *moved_text(m), *ranks, *unshown_text(m)]
    rest = len(diff.moved) - len(diff.moved[:most])
    if rest:
        lines += ["", f"and {counted(rest, 'more query', 'more queries')} that moved"]
    return "\n".join(lines) + "\n"


def diff_markdown(diff: Diff, most: int | None = None) -> str:
    """Format as GitHub-flavoured Markdown, each query in a collapsed section, ending in a newline."""
    from qembed.evaluation.report.markdown import moved_markdown
    from qembed.evaluation.report.markdown_text import escape, item, table

    d = diff.overall
    measures = [[n, f"{x:.4f}", f"{y:.4f}", f"{y - x:+.4f}"] for n, x, y in diff.measures]
    parts = [
        f"# {escape(diff.names[0])} → {escape(diff.names[1])}",
        "\n".join(f"- {item(line)}" for line in diff.origins),
        table(["measure", "before", "after", "difference"], measures),
        f"{escape(diff.measure)}: {d.difference:+.4f} [{d.low:+.4f}, {d.high:+.4f}], p {d.p:.3g}; "
        f"worse on {d.worse}, better on {d.better}, the same on {d.same}.",
        *(f"Note: {escape(line)}." for line in diff.differs),
    ]
    parts += [moved_markdown(m, rank_changes(m)) for m in diff.moved[:most]]
    rest = len(diff.moved) - len(diff.moved[:most])
    if rest:
        parts.append(f"And {counted(rest, 'more query', 'more queries')} that moved.")
    return "\n\n".join(part for part in parts if part) + "\n"
