"""Reports as one HTML file without external resources; JavaScript only sorts and filters.

Templates are in templates/, rendered by jinja2 with everything escaped. A content security policy in the page
forbids requests of any kind, so that a hostile query stays text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qembed.evaluation.corpus_changes import KINDS, CorpusChanges
from qembed.evaluation.report import svg_plots
from qembed.evaluation.report.diff import Diff
from qembed.evaluation.report.header import header_lines
from qembed.evaluation.report.markdown import unexplained_warnings
from qembed.evaluation.report.markdown_text import LONGEST
from qembed.evaluation.report.moved import (
    MovedQuery,
    Returned,
    corpus_changes_of,
    fallen_measures,
    moved_queries,
    rank_changes,
)
from qembed.evaluation.report.notes import UNTIMED, ablation_notes, comparison_notes, has_times
from qembed.evaluation.significance import ALPHA

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MAX_JUDGED_SHOWN = 30
"""Judged documents shown for a query; the JSON report has all."""
FALLEN_SHOWN = 30
"""Queries that fell, shown one below the other; the table of queries has all."""
_COMMAND = r"\(?\bqembed [a-z]+(?: --[\w-]+){1,2}[),.;:]*"
UNBROKEN = 32
"""Characters of an id that stay on one line, even on a phone."""
UUID = 36
"""Characters of an id that stay on one line in a column of ids, if not on a phone."""
FILES_SHOWN = 100
"""Changed files shown of each kind."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates with the filters that they use; everything is escaped."""
    from jinja2 import Environment, PackageLoader

    made = Environment(
        loader=PackageLoader("qembed.evaluation.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["num"] = lambda v, digits=4: "" if v is None else f"{v:.{digits}f}"
    made.filters["signed"] = lambda v, digits=4: "" if v is None else f"{v:+.{digits}f}"
    made.filters["pvalue"] = lambda v: "" if v is None else _prose(f"{v:.3g}")
    made.filters["ident"] = _ident
    made.filters["prose"] = _prose
    made.filters["words"] = _words
    made.globals["longest"] = LONGEST
    return made


def _ident(text: str) -> Markup:
    """Render an id that breaks behind / and # only, and elsewhere only where a part is very long."""
    from markupsafe import Markup

    parts = re.findall(r"[^/#]*[/#]|[^/#]+", text)
    spans = (
        Markup('<span class="long{}">{}</span>').format(
            " uuid" if len(part) <= UUID else "", _unhyphenated(part)
        )
        if len(part) > UNBROKEN
        else Markup("<span>{}</span>").format(part)
        for part in ([text] if len(text) <= UNBROKEN else parts)
    )
    return Markup('<span class="id">{}</span>').format(Markup("").join(spans))


def _unhyphenated(text: str) -> Markup:
    """Render text that breaks anywhere but behind a hyphen, where it would look like two words."""
    from markupsafe import Markup, escape

    parts = re.split(r"(-+[^-])", text)
    return Markup("").join(
        Markup("<i>{}</i>").format(part) if at % 2 else escape(part)
        for at, part in enumerate(parts)
    )


def _prose(text: str) -> Markup:
    """Render text in which commands, and words with a hyphen (ids, dates, 5e-05, ->), do not break at it."""
    from markupsafe import Markup, escape

    words = re.split(rf"({_COMMAND}|\s+)", text)
    return Markup("").join(_ident(w) if re.search(r"-\S", w) else escape(w) for w in words)


def _words(text: str) -> Markup:
    """Render the words of a query; of a long one, what is seen before it is opened is cut by the page."""
    from markupsafe import Markup

    words = _prose(text)
    return words if len(text) <= LONGEST else Markup('<span class="clip">{}</span>').format(words)


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
    comparison = report.get("comparison") or {}
    compared = list(comparison.get("measures") or {})
    text = (
        environment()
        .get_template("report.html.j2")
        .render(
            r=report,
            measures=measures,
            first=first,
            failed=sum(not gate["ok"] for gate in report.get("gates") or []),
            header=header_lines(report),
            warnings=unexplained_warnings(report),
            before=comparison.get("measures") or {},
            baseline_notes=comparison_notes(comparison),
            files=_files(report),
            fallen=_fallen(report),
            texts={q: d.get("text", "") for q, d in (report.get("details") or {}).items()},
            compared=compared,
            worse_in=_worse_in(report, compared),
            plots=plots,
            ablations=_ablations(report),
            rows=_rows(report, measures, compared),
            unbroken=UNBROKEN,
        )
    )
    return text + "\n"


def _files(report: Mapping[str, Any]) -> list[tuple[str, list[str], int]]:
    """List (kind, file names, number of further files) of what changed since the baseline."""
    changes = corpus_changes_of(report)
    if changes is None:
        return []
    counts = report["comparison"]["documents"]["counts"]
    names = [(kind, changes.names(kind)[:FILES_SHOWN]) for kind in KINDS]
    return [(kind, shown, counts[kind] - len(shown)) for kind, shown in names if shown]


def _fallen(report: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]], int]]:
    """List (measure, rows of queries that fell, number of further ones)."""
    changes, found = corpus_changes_of(report), []
    for measure in fallen_measures(report):
        fell = [m for m in moved_queries(report, measure) if m.change < 0]
        if fell:
            rows = [_moved_row(m, changes) for m in fell[:FALLEN_SHOWN]]
            found.append((measure, rows, len(fell) - len(rows)))
    return found


def _moved_row(moved: MovedQuery, changes: CorpusChanges | None = None) -> dict[str, Any]:
    most = max(len(moved.before or ()), len(moved.after))
    return {
        "m": moved,
        "ranks": range(most),
        "ranks_moved": [x.replace(" -> ", " → ") for x in rank_changes(moved, changes)],
    }


def _worse_in(report: Mapping[str, Any], compared: Sequence[str]) -> list[tuple[int, str, int]]:
    """List (place among the measures compared, measure, queries that fell) of those in which any fell."""
    fell = [sum(m.change < 0 for m in moved_queries(report, name)) for name in compared]
    return [(at, name, n) for at, (name, n) in enumerate(zip(compared, fell, strict=True)) if n]


def _rows(
    report: Mapping[str, Any], measures: Sequence[str], compared: Sequence[str]
) -> list[dict[str, Any]]:
    """List the queries with their values, documents, and changes of the measures compared, lowest first."""
    details = report.get("details") or {}
    moved: dict[str, list[tuple[int, MovedQuery]]] = {}
    for at, name in enumerate(compared):
        for m in moved_queries(report, name):
            moved.setdefault(m.query, []).append((at, m))
    out = set((report.get("comparison") or {}).get("left_out") or ())
    found = []
    for query, values in report["per_query"].items():
        detail = details.get(query, {})
        judged = detail.get("judged") or {}
        returned = Returned.of(detail)
        shown = list(judged.items())[:MAX_JUDGED_SHOWN]
        changes = sorted(moved.get(query, []), key=lambda pair: pair[1].change)
        found.append(
            {
                "id": query,
                "text": detail.get("text", ""),
                "values": [values[name] for name in measures],
                "changes": [(compared[at], m.change) for at, m in changes],
                "compared": query not in out,
                "worse": " ".join(str(at) for at, m in changes if m.change < 0),
                "better": " ".join(str(at) for at, m in changes if m.change > 0),
                "before": changes[0][1].before if changes else None,
                "returned": returned.hits,
                "beyond": returned.beyond,
                "judged": [
                    (document, grade, returned.ranks.get(document)) for document, grade in shown
                ],
                "more": len(judged) - len(shown),
            }
        )
    return sorted(found, key=lambda row: (row["values"][0], row["id"]))


def _ablations(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    variants: Sequence[Mapping[str, Any]] = report.get("ablations") or []
    sentences: Sequence[str] = report.get("recommendations") or []
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
                "timed": has_times(chosen),
                "untimed": UNTIMED,
                "notes": ablation_notes(chosen, report.get("latency")),
            }
        )
    return found


def _bar(variant: Mapping[str, Any], measure: str) -> svg_plots.Bar:
    """Return a bar (see `svg_plots.bars`); its interval is the difference's, placed around the value."""
    d, value = variant["difference"], float(variant["measures"][measure])
    if d is None:
        return f"{variant['arm']} (reference)", value, None, None, "bar ref"
    kind = "bar"
    if d["p_holm"] <= ALPHA:
        kind = "bar better" if d["difference"] > 0 else "bar worse"
    shift = value - d["difference"]
    return variant["arm"], value, shift + d["low_holm"], shift + d["high_holm"], kind


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
    rows = [_moved_row(m) for m in diff.moved[:most]]
    text = (
        environment()
        .get_template("diff.html.j2")
        .render(d=diff, o=diff.overall, rows=rows, rest=len(diff.moved) - len(rows))
    )
    return text + "\n"
