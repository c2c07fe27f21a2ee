"""Reports of `qembed tune`, as HTML or JSON.

The page is made as those of `html`: everything escaped, one file, no request of any kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qembed.evaluation.report import svg_plots
from qembed.evaluation.report.header import header_lines
from qembed.evaluation.report.html import environment
from qembed.evaluation.report.page_file import check_page_path, write_page

REPORT = "a tuning report"
BARS = 15
"""Settings drawn as bars, the best ones; the table below has all."""


def check_tuning_path(path: Path) -> None:
    """Raise as `check_page_path`."""
    check_page_path(path, REPORT)


def write_tuning(body: Mapping[str, Any], path: Path) -> None:
    """Write the report of a tuning, atomically. `body`: as `qembed tune --format json` prints it.

    Raises UsageError for another suffix than .html and .json, StorageError if the disk refuses.
    """
    write_page(body, path, REPORT, tuning_html)


def tuning_html(body: Mapping[str, Any]) -> str:
    """Render a tuning."""
    measure = body["gain"]["measure"]
    arms = sorted(body["arms"], key=lambda arm: -float(arm["measures"][measure]))
    descriptions = {_key(arm["settings"]): arm["description"] for arm in arms}
    rows = [
        {"id": name, **values, "change": round(values["after"] - values["before"], 9)}
        for name, values in body["per_query"].items()
    ]
    choices = Counter(descriptions[_key(c)] for c in body["fold_choices"])
    text = (
        environment()
        .get_template("tuning.html.j2")
        .render(
            b=body,
            header=header_lines(body),
            measure=measure,
            arms=arms,
            steps=_steps(body, descriptions),
            choices=choices.most_common(),
            bars=svg_plots.bars(
                _bars(body, arms, measure),
                f"{measure} of the best settings, less that of the defaults",
            ),
            rows=sorted(rows, key=lambda row: (row["change"], row["id"])),
        )
    )
    return text + "\n"


def _key(settings: Mapping[str, Any]) -> str:
    return repr(sorted(settings.items()))


def _steps(body: Mapping[str, Any], descriptions: Mapping[str, str]) -> list[dict[str, Any]]:
    """Steps of the search with their settings in words, and the gain of each."""
    found: list[dict[str, Any]] = []
    before = body["steps"][0]["mean"]
    for step in body["steps"]:
        described = descriptions[_key(step["settings"])]
        found.append({**step, "description": described, "gain": round(step["mean"] - before, 9)})
        before = step["mean"]
    return found


def _bars(
    body: Mapping[str, Any], arms: list[Mapping[str, Any]], measure: str
) -> list[svg_plots.Bar]:
    """Bars of the best settings and of the chosen ones: differences to the defaults."""
    chosen = body["chosen"]
    shown: list[svg_plots.Bar] = []
    base = float(body["measures"]["before"][measure])
    for i, arm in enumerate(arms):
        is_base, is_chosen = not arm["settings"], bool(chosen) and arm["settings"] == chosen
        if i < BARS or is_base or is_chosen:
            kind = "bar ref" if is_base else "bar better" if is_chosen else "bar"
            difference = float(arm["measures"][measure]) - base
            shown.append((arm["description"], difference, None, None, kind))
    return shown
