"""Reports as files: JSON for machines and baselines, Markdown for people and pull requests."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.quality.files import Mistakes, Source, whole_file
from qembed.quality.gates import GateResult
from qembed.quality.markdown import report_markdown
from qembed.quality.measures import TIES, Report
from qembed.quality.records import parse_json

__all__ = [
    "SCHEMA",
    "check_report_paths",
    "read_report",
    "report_json",
    "report_markdown",
    "worst_queries",
    "write_report",
]

SCHEMA = 1


def report_json(
    report: Report,
    *,
    settings: Mapping[str, Any],
    recipe: Mapping[str, Any] | None,
    gates: Sequence[GateResult],
    comparison: Mapping[str, Any] | None = None,
    ablations: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A report as JSON values, `schema` 1: keys may be added, present ones keep their meaning.

    `recipe`: `Recipe.to_json()`, None for a run made elsewhere. `comparison`: see `comparison_json`.
    `ablations`: one object an arm, with what it was in plain keys and its "measures".
    """
    return {
        "schema": SCHEMA,
        "measures": dict(report.measures),
        "per_query": {query: dict(values) for query, values in report.per_query.items()},
        "queries": report.queries,
        "ties": TIES,
        "settings": dict(settings),
        "recipe": None if recipe is None else dict(recipe),
        "gates": [
            {"measure": g.measure, "wanted": g.wanted, "got": g.got, "ok": g.ok, "kind": g.kind}
            for g in gates
        ],
        "comparison": None if comparison is None else dict(comparison),
        "ablations": [dict(arm) for arm in ablations or ()],
    }


def worst_queries(report: Report, measure: str, n: int) -> list[tuple[str, float]]:
    """The n queries with the lowest value of a measure, lowest first, equal ones by id.

    UsageError if the report has no such measure.
    """
    if measure not in report.measures:
        raise UsageError(f"{measure} was not measured (there are {', '.join(report.measures)})")
    values = [(query, values[measure]) for query, values in report.per_query.items()]
    return sorted(values, key=lambda pair: (pair[1], pair[0]))[: max(n, 0)]


def _json_text(report: Mapping[str, Any]) -> str:
    text = json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False)
    # Half a surrogate pair in an id or a setting has no UTF-8, but it has a JSON escape.
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


_WRITERS = {".json": _json_text, ".md": report_markdown}


def check_report_paths(paths: Sequence[Path]) -> None:
    """Raise a UsageError naming every path whose suffix `write_report` does not know.

    To be called before measuring: a long run should not end with a misspelt file name.
    """
    wrong = [str(path) for path in paths if path.suffix.lower() not in _WRITERS]
    if wrong:
        raise UsageError(f"reports are written as {' or '.join(_WRITERS)}, not {', '.join(wrong)}")


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write what `report_json` made, whole or not at all, in the form that the suffix names.

    UsageError for another suffix than .json and .md, StorageError if the disk refuses.
    """
    check_report_paths([path])
    text = _WRITERS[path.suffix.lower()](report)
    with whole_file(path) as stream:
        stream.write(text)


def read_report(path: Path) -> dict[str, Any]:
    """A JSON report that `write_report` wrote, for use as a baseline.

    InputError, with all that is wrong, if it is not one.
    """
    source, mistakes = Source.read(path), Mistakes(path)
    text = source.text(mistakes)
    mistakes.close()
    try:
        value = parse_json(text or "")
    except ValueError as e:
        raise InputError(f"{path} is not a report", [f"{path}: {e}"]) from e
    for what in _wrong_in(value):
        mistakes.add(None, what)
    mistakes.close()
    report: dict[str, Any] = value
    return report


def _wrong_in(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return ["a report is a JSON object"]
    if value.get("schema") != SCHEMA:
        return [f'"schema" is {value.get("schema")!r}, this version reads {SCHEMA}']
    measures, per_query = value.get("measures"), value.get("per_query")
    wrong = []
    if not _numbers(measures):
        wrong.append('"measures" does not map names to numbers')
    if not isinstance(per_query, dict) or not all(map(_numbers, per_query.values())):
        wrong.append('"per_query" does not map queries to measures')
    elif isinstance(measures, dict) and not wrong:
        lacking = [q for q, values in per_query.items() if set(values) != set(measures)]
        wrong += [f'"per_query" has other measures than "measures" for {q!r}' for q in lacking]
    return wrong


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)
        for v in value.values()
    )
