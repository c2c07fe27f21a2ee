"""Reports of `qembed drift`, as HTML, Markdown or JSON; the page is made as those of `html`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qembed.evaluation.formats.source_file import counted
from qembed.evaluation.report import svg_plots
from qembed.evaluation.report.header import provenance_lines
from qembed.evaluation.report.html import environment
from qembed.evaluation.report.markdown_text import code, escape, item, table
from qembed.evaluation.report.page_file import check_page_path, write_page

REPORT = "a drift report"
SUFFIXES = (".html", ".md", ".json")
LEVELS = ("nothing", "watch", "confirm", "update")
STRENGTHS = ("none", "small", "medium", "large")
MOST = 10
"""Items of evidence in Markdown."""


def check_drift_path(path: Path) -> None:
    """Raise as `check_page_path`."""
    check_page_path(path, REPORT, SUFFIXES)


def write_drift(body: Mapping[str, Any], path: Path) -> None:
    """Write a report, atomically. `body`: as `qembed drift --format json` prints it.

    Raises UsageError for a suffix not in SUFFIXES, StorageError if the disk refuses.
    """
    write_page(body, path, REPORT, drift_html, drift_markdown)


def drift_html(body: Mapping[str, Any]) -> str:
    """Render a report as a page."""
    history = body.get("history") or []
    shown = body.get("map")
    strengths = [
        (s["name"], float(STRENGTHS.index(s["strength"])), None, None, _colour(s))
        for s in body["signals"]
    ]
    text = (
        environment()
        .get_template("drift.html.j2")
        .render(
            b=body,
            header=_header(body),
            tables={s["name"]: _tables(s["evidence"]) for s in body["signals"]},
            signals=svg_plots.bars(
                strengths, "strength of each signal", lambda v: STRENGTHS[int(v)]
            )
            if strengths
            else None,
            map=shown and svg_plots.scatter(_points(shown), "map of old and new documents"),
            times=[
                {
                    **e,
                    "day": _day(e["time"]),
                    "alarms": _alarms(e),
                    "level": LEVELS.index(e["verdict"]),
                }
                for e in history
            ],
            line=svg_plots.line(
                [(float(i), float(LEVELS.index(e["verdict"]))) for i, e in enumerate(history, 1)],
                "verdict of each check: 0 nothing, 1 watch, 2 confirm, 3 update",
                "check",
                digits=0,
            )
            if len(history) > 1
            else None,
        )
    )
    return text + "\n"


def _header(body: Mapping[str, Any]) -> dict[str, str]:
    """Label -> value: date, commit, index and model."""
    return {**provenance_lines(body["provenance"]), "model": body["model"]}


def _tables(
    evidence: Sequence[Mapping[str, Any]],
) -> list[tuple[list[str], list[list[Any]]]]:
    """Evidence as tables (fields, rows): one for each set of fields."""
    found: dict[tuple[str, ...], list[list[Any]]] = {}
    for fields in evidence:
        found.setdefault(tuple(fields), []).append(list(_shown(fields).values()))
    return [(list(names), rows) for names, rows in found.items()]


def _shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence as it is shown: shares in per cent."""
    shares = ("share", "before", "unread") if "share" in item else ()
    return {k: f"{v:.1%}" if k in shares else v for k, v in item.items()}


def _colour(signal: Mapping[str, Any]) -> str:
    return "bar worse" if signal["alarm"] else "bar ref"


def _points(shown: Mapping[str, Any]) -> Iterator[tuple[float, float, str, str]]:
    for x, y in shown["old"]:
        yield x, y, "old", "old"
    for (x, y), subject in zip(shown["new"], shown["subject"], strict=True):
        yield (
            x,
            y,
            "new" if subject < 0 else "subject",
            "new" if subject < 0 else f"subject {subject + 1}",
        )


def _alarms(entry: Mapping[str, Any]) -> str:
    if not entry["enough"]:
        return "too little text"
    return ", ".join(n for n, s in entry["signals"].items() if s["strength"] != "none") or "none"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────


def drift_markdown(body: Mapping[str, Any]) -> str:
    """Render a report as Markdown."""
    old, new = body["old"], body["new"]
    lines = [
        f"# Drift: {body['verdict']}",
        "",
        item(body["reason"]),
        "",
        f"- old: {_holds(old)}",
        f"- new: {_holds(new)} ({escape(body['what'])})",
        f"- next: {code(body['next'])}",
        *(f"- {key}: {escape(value)}" for key, value in _header(body).items()),
    ]
    if body["signals"]:
        names = ["signal", "alarm", "strength", "effect", "p, corrected", "what"]
        rows = [
            [s["name"], "yes" if s["alarm"] else "no", s["strength"], f"{s['effect']:.3f}",
             f"{s['adjusted_p']:.3f}", s["said"]]
            for s in body["signals"]
        ]  # fmt: skip
        lines += ["", table(names, rows)]
    for s in body["signals"]:
        if s["alarm"] and s["evidence"]:
            lines += ["", f"## {s['name']}", ""]
            lines += [f"- {item(_evidence(found))}" for found in s["evidence"][:MOST]]
    if history := body.get("history"):
        rows = [[_day(e["time"]), e["what"], e["verdict"], _alarms(e)] for e in history]
        lines += ["", "## Time line", "", table(["day", "what", "verdict", "alarms"], rows)]
    return "\n".join(lines) + "\n"


def _holds(side: Mapping[str, Any]) -> str:
    return f"{counted(side['documents'], 'document')}, {counted(side['passages'], 'passage')}"


def _evidence(item: Mapping[str, Any]) -> str:
    """Evidence in a line: a subject by its words, else its fields."""
    if "words" in item:
        since = f", since {item['since']}" if item["since"] else ""
        return (
            f"{item['kind']}: {item['share']:.0%} of the new documents ({item['before']:.0%} before)"
            f"{since}: {', '.join(item['words'])}"
        )
    return ", ".join(f"{k} {v}" for k, v in _shown(item).items())
