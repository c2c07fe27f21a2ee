"""Reports of `qembed feedback report`, as HTML or JSON; the page is made as those of `html`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qembed.evaluation.report import svg_plots
from qembed.evaluation.report.header import header_lines
from qembed.evaluation.report.html import environment
from qembed.evaluation.report.page_file import check_page_path, write_page

REPORT = "a feedback report"
ESTIMATES = (
    ("doubly robust", "doubly_robust", "clicks an answer"),
    ("inverse propensity", "ips", "clicks an answer"),
    ("self-normalised", "self_normalised", "share of the wanted that is looked at"),
)


def check_feedback_path(path: Path) -> None:
    """Raise as `check_page_path`."""
    check_page_path(path, REPORT)


def write_feedback(body: Mapping[str, Any], path: Path) -> None:
    """Write the report of a log, atomically. `body`: as `qembed feedback report --format json` prints it.

    Raises UsageError for another suffix than .html and .json, StorageError if the disk refuses.
    """
    write_page(body, path, REPORT, feedback_html)


def feedback_html(body: Mapping[str, Any]) -> str:
    """Render the report of a log."""
    propensities = body["propensities"] or {"ranks": []}
    looked = {r["rank"]: r for r in propensities["ranks"]}
    ranks = [{**r, "looked": looked.get(r["rank"])} for r in body["ranks"]]
    other = body.get("counterfactual")
    estimate = other and other["estimate"]
    text = (
        environment()
        .get_template("feedback.html.j2")
        .render(
            b=body,
            header=header_lines(body),
            since=_day(body["since"]),
            until=_day(body["until"]),
            ranks=ranks,
            rates=svg_plots.bars(
                [
                    (f"rank {r['rank']}", float(r["rate"] or 0), None, None, "bar")
                    for r in body["ranks"]
                ],
                "share of the hits shown at a rank that were opened",
            )
            if any(r["opened"] for r in body["ranks"])
            else None,
            other=other,
            estimates=[(n, unit, estimate[key]) for n, key, unit in ESTIMATES] if estimate else [],
        )
    )
    return text + "\n"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
