"""Reports as one HTML file without external resources; JavaScript only sorts and filters.

Templates are in templates/, rendered by jinja2 with everything escaped. A content security policy in the page
forbids requests of any kind, so that a hostile query stays text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qembed.evaluation.report import svg_plots
from qembed.evaluation.report.diff import Diff
from qembed.evaluation.significance import ALPHA

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_JUDGED_SHOWN = 30
"""Judged documents shown for a query; the JSON report has all."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader

    made = Environment(
        loader=PackageLoader("qembed.evaluation.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["num"] = lambda v, digits=4: "" if v is None else f"{v:.{digits}f}"
    made.filters["signed"] = lambda v: "" if v is None else f"{v:+.4f}"
    made.filters["pvalue"] = lambda v: "" if v is None else f"{v:.3g}"
    return made


def report_html(report: Mapping[str, Any]) -> str:
    """Render a report of `report_json`."""
    measures = list(report["measures"])
    first = measures[0]
    values = [v[first] for v in report["per_query"].values()]
    recall = report.get("recall") or []
    plots = []
    if len(recall) > 1:
        points = [(float(k), float(v)) for k, v in recall]
        plots.append(
            (
                "Recall by depth",
                svg_plots.line(points, "mean recall at k", "k", log=True, digits=2, whole=True),
            )
        )
    plots.append(
        (f"{first} of the queries", svg_plots.histogram(values, f"queries by their {first}"))
    )
    text = (
        _environment()
        .get_template("report.html.j2")
        .render(
            r=report,
            measures=measures,
            first=first,
            failed=sum(not gate["ok"] for gate in report.get("gates") or []),
            before=(report.get("comparison") or {}).get("measures") or {},
            plots=plots,
            ablations=_ablations(
                report.get("ablations") or [], report.get("recommendations") or []
            ),
            rows=_rows(report, measures),
        )
    )
    return text + "\n"


def _rows(report: Mapping[str, Any], measures: Sequence[str]) -> list[dict[str, Any]]:
    details = report.get("details") or {}
    found = []
    for query, values in report["per_query"].items():
        detail = details.get(query, {})
        judged = detail.get("judged") or {}
        returned = detail.get("returned") or []
        ranks = {hit["id"]: rank for rank, hit in enumerate(returned, 1)}
        shown = list(judged.items())[:MAX_JUDGED_SHOWN]
        found.append(
            {
                "id": query,
                "text": detail.get("text", ""),
                "values": [values[name] for name in measures],
                "returned": returned,
                "judged": [(document, grade, ranks.get(document)) for document, grade in shown],
                "more": len(judged) - len(shown),
            }
        )
    return sorted(found, key=lambda row: (row["values"][0], row["id"]))


def _ablations(
    variants: Sequence[Mapping[str, Any]], sentences: Sequence[str]
) -> list[dict[str, Any]]:
    found = []
    for number, name in enumerate(dict.fromkeys(variant["ablation"] for variant in variants)):
        chosen = [variant for variant in variants if variant["ablation"] == name]
        measure = next(iter(chosen[0]["measures"]))
        rows = [_bar(variant, measure) for variant in chosen]
        plots = []
        axis = {"dim": "dim", "search": "search"}.get(name)
        if axis is not None:
            plots = _curves(chosen, axis, measure)
        found.append(
            {
                "name": name,
                "measure": measure,
                "measures": list(chosen[0]["measures"]),
                "arms": chosen,
                "sentence": sentences[number] if number < len(sentences) else "",
                "bars": svg_plots.bars(rows, f"{measure} of each arm of {name}"),
                "plots": plots,
            }
        )
    return found


def _bar(
    variant: Mapping[str, Any], measure: str
) -> tuple[str, float, float | None, float | None, str]:
    """Return a bar (see `svg_plots.bars`); its interval is the difference's, placed around the value."""
    d, value = variant["difference"], float(variant["measures"][measure])
    if d is None:
        return f"{variant['arm']} (reference)", value, None, None, "bar ref"
    kind = "bar"
    if d["p_holm"] <= ALPHA:
        kind = "bar better" if d["difference"] > 0 else "bar worse"
    shift = value - d["difference"]
    return variant["arm"], value, shift + d["low"], shift + d["high"], kind


def _curves(
    variants: Sequence[Mapping[str, Any]], axis: str, measure: str
) -> list[tuple[str, Any]]:
    """Plot the measure and the time per query, by dimension or by ef (exact search has no ef)."""
    points, times = [], []
    for variant in variants:
        at = variant[axis] if axis == "dim" else str(variant[axis]).removeprefix("graph ef ")
        if str(at).isdigit():
            points.append((float(at), float(variant["measures"][measure])))
            if variant.get("ms_per_query") is not None:
                times.append((float(at), float(variant["ms_per_query"])))
    label = "dimensions" if axis == "dim" else "ef"
    found = []
    if len(points) > 1:
        title = f"{measure} by {label}"
        found.append((title, svg_plots.line(points, title, label, log=True)))
    if len(times) > 1:
        title = f"ms a query by {label}"
        found.append((title, svg_plots.line(times, title, label, log=True, digits=2)))
    return found


def diff_html(diff: Diff, most: int | None = None) -> str:
    """Render the difference of two reports; at most `most` queries."""
    rows = [{"m": m, "ranks": range(max(len(m.before), len(m.after)))} for m in diff.moved[:most]]
    text = (
        _environment()
        .get_template("diff.html.j2")
        .render(d=diff, o=diff.overall, rows=rows, rest=len(diff.moved) - len(rows))
    )
    return text + "\n"
