"""A report as Markdown: what was measured, what the gates said, what changed, which queries failed.

Made from the JSON report alone, so that a kept report can be rendered later. Sections without
content are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WORST = 10
"""How many of the worst queries are shown."""


def report_markdown(report: Mapping[str, Any]) -> str:
    """The report (as `report_json` made it) as GitHub-flavoured Markdown, ending in a newline."""
    parts = [
        "# Retrieval quality",
        _verdict(report),
        _table(
            ["measure", "value"],
            [[name, _number(value)] for name, value in report["measures"].items()],
        ),
        _gates(report.get("gates") or []),
        _comparison(report.get("comparison") or {}),
        _ablations(report.get("ablations") or []),
        _worst(report),
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


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            "pass" if gate["ok"] else "**fail**",
            gate["measure"],
            _number(gate["got"]),
            _number(gate["wanted"]),
            gate.get("kind", ""),
        ]
        for gate in gates
    ]
    return _section("Gates", _table(["", "measure", "got", "wanted", "from"], rows))


def _comparison(comparison: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            _number(c["baseline"]),
            _number(c["got"]),
            f"{c['difference']:+.4f}",
            *(str(c[key]) for key in ("better", "worse", "same")),
        ]
        for name, c in (comparison.get("measures") or {}).items()
    ]
    names = ["measure", "baseline", "now", "difference", "better on", "worse on", "same on"]
    return _section("Against the baseline", _table(names, rows))


def _ablations(arms: Sequence[Mapping[str, Any]]) -> str:
    """One row an arm: its plain values, then its measures, whichever of them it has."""
    plain = _keys({k: v for k, v in arm.items() if not _is_nested(v)} for arm in arms)
    measures = _keys(arm.get("measures") or {} for arm in arms)
    rows = [
        [_cell(arm.get(key)) for key in plain]
        + [_number((arm.get("measures") or {}).get(name)) for name in measures]
        for arm in arms
    ]
    return _section("Ablations", _table([*plain, *measures], rows))


def _worst(report: Mapping[str, Any]) -> str:
    """By the first measure, which is the one that was asked for first."""
    first = next(iter(report["measures"]), None)
    if first is None:
        return ""
    values = [(query, values.get(first, 0.0)) for query, values in report["per_query"].items()]
    values = sorted(values, key=lambda pair: (pair[1], pair[0]))[:WORST]
    rows = [[query, _number(value)] for query, value in values]
    return _section(f"Lowest {first}", _table(["query", first], rows))


def _values(title: str, values: Mapping[str, Any]) -> str:
    rows = [[key, _cell(value)] for key, value in values.items()]
    return _section(title, _table(["", ""], rows))


def _section(title: str, body: str) -> str:
    return f"## {_escape(title)}\n\n{body}" if body else ""


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [names, ["---"] * len(names), *rows]
    cells = [[_escape(cell) for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _keys(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4f}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _escape(text: str) -> str:
    """Keep a cell in its cell: no line ends, no bars; a tag or a link in an id stays text."""
    text = " ".join(text.split())
    for mark, safe in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("[", "\\["), ("`", "\\`")):
        text = text.replace(mark, safe)
    return text
