"""`qembed tune` as text: the settings tried with a bar each, and what the choice is worth."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from qembed.cli.console import counted, out

ROWS = 12
"""Settings shown, the best ones; --format json and --report have all."""
BAR = 24
CONSTANTS = {
    "trust": "most that words weigh, against 1 of the vectors (default 2)",
    "covered": "share of the query's words that counts as all, in a small index (.3)",
    "code": "factor of the words' weight where source code is nearest (.35)",
    "unread": "weight of words in a script that the model does not read (4)",
    "even": "weight of words in mode hybrid (1)",
    "doubt": "sureness of the model at which words get all their trust (.55)",
    "decay": "how fast their weight falls as the model is surer; 0: not (2)",
}
"""Constants of the fusion as settings name them."""
_BLOCKS = " ▏▎▍▌▋▊▉█"


def show(body: Mapping[str, Any]) -> None:
    """Print the result."""
    for line in table(body["arms"], body["description"], body["gain"]["measure"]):
        out(line)
    out("")
    for line in summary(body):
        out(line)


def table(
    arms: Sequence[Mapping[str, Any]], chosen: str, measure: str, rows: int = ROWS
) -> list[str]:
    """Lines of the best settings, the chosen one marked, and always those that the index has now."""
    values = [float(arm["measures"][measure]) for arm in arms]
    order = sorted(range(len(arms)), key=lambda i: -values[i])
    shown = order[:rows]
    for i, arm in enumerate(arms):
        if i not in shown and arm["description"] in ("defaults", chosen):
            shown.append(i)
    low = min(values[i] for i in shown)
    high = max(values[i] for i in shown)
    floor = low - 0.1 * (high - low or 1)
    tried = counted(len(arms), "setting")
    part = f"all {tried}" if len(shown) == len(arms) else f"{len(shown)} of {tried}, the best"
    if len(shown) < len(arms):
        part += " (--report and --format json have all)"
    lines = [f"{measure:>8}  on all of these queries: {part}"]
    for i in shown:
        mark = "*" if arms[i]["description"] == chosen else " "
        drawn = bar((values[i] - floor) / (high - floor or 1))
        lines.append(f"{values[i]:8.4f} {mark}{drawn}  {arms[i]['description']}")
    words = {part.split()[0] for i in shown for part in arms[i]["description"].split(", ")}
    lines += [f"{name:>8}  {CONSTANTS[name]}" for name in CONSTANTS if name in words]
    if any(arms[i]["description"] == chosen for i in shown):
        lines.append("       *  the chosen one")
    return lines


def bar(share: float) -> str:
    """Bar of BAR columns at most; of ASCII where stdout takes no other."""
    eighths = round(max(0.0, min(1.0, share)) * BAR * 8)
    text = "█" * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = "#" * round(eighths / 8)
    return f"{text:{BAR}}"


def summary(body: Mapping[str, Any]) -> list[str]:
    """Lines on the choice, the gain to expect, and what was done with it."""
    gain = body["gain"]
    lines = [f"chosen: {body['description']}"]
    lines.append(f"expected on new queries:   {_gain(gain['new'], gain['measure'])}")
    if gain["seen"] is not None:
        what = "where documents were seen:"
        lines.append(f"{what} {_gain(gain['seen'], gain['measure'])}")
    if body["applied"]:
        lines.append("the index uses it from now on (qembed tune --undo takes it back)")
    elif body["chosen"]:
        lines.append("nothing was written")
    return lines


def overridden_lines(chosen: Mapping[str, Any]) -> list[str]:
    """Lines on options of a choice that the project file of this folder sets, too."""
    from qembed.pipeline.project.project_file import find_project

    if (project := find_project()) is None:
        return []
    return [
        f"{name} {value}: does not hold in this folder, {project.place(name)} decides"
        for name, value in chosen.items()
        if name in project.settings
    ]


def _gain(gain: Mapping[str, Any], measure: str) -> str:
    queries = counted(gain["queries"], "query", "queries")
    groups = (
        ""
        if gain["components"] == gain["queries"]
        else f" in {counted(gain['components'], 'group')}"
    )
    return (
        f"{measure} {gain['mean']:+.4f} (95 % interval {gain['low']:+.4f} to {gain['high']:+.4f}, "
        f"p {gain['p']:.2g}; {queries}{groups})"
    )


def verdict(body: Mapping[str, Any]) -> str:
    """Reason for which nothing was written, or was written all the same."""
    if not body["chosen"]:
        return "nothing is better than the defaults beyond a standard error"
    if body["better"]:
        return "the gain is beyond chance"
    return "the gain is not beyond chance on queries that the choice has not seen"
