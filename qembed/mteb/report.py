"""Report files of `qembed eval --mteb`: JSON, also the form of a baseline, and Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.evaluation.formats.source_file import atomic_text_file
from qembed.evaluation.report.header import header_lines
from qembed.evaluation.report.markdown_text import escape, table
from qembed.outputs import check_outputs

SUFFIXES = (".json", ".md")


def check_report_paths(paths: Sequence[Path]) -> None:
    """Raise UsageError for suffixes unknown to `write_report`, StorageError for paths not to be written."""
    wrong = [str(path) for path in paths if path.suffix.lower() not in SUFFIXES]
    if wrong:
        raise UsageError(
            f"reports of --mteb are written as {' or '.join(SUFFIXES)}, not {', '.join(wrong)}"
        )
    check_outputs(paths)


def task_rows(body: Mapping[str, Any]) -> list[list[str]]:
    """Table of the tasks' main scores, the head first; with a baseline, the scores of then."""
    compared = (body.get("comparison") or {}).get("measures")
    rows = [["task", "kind", "measure", "score", *(["baseline", "difference"] if compared else [])]]
    for task in body["tasks"]:
        row = [task["task"], task["type"], task["measure"], f"{task['score']:.4f}"]
        if compared:
            was = compared[task["task"]]
            row += [f"{was['baseline']:.4f}", f"{was['difference']:+.4f}"]
        rows.append(row)
    return rows


def write_report(body: Mapping[str, Any], path: Path) -> None:
    """Write a report atomically, in the form that the suffix names. Raises StorageError, UsageError."""
    check_report_paths([path])
    if path.suffix.lower() == ".json":
        text = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    else:
        text = _markdown(body)
    with atomic_text_file(path) as stream:
        stream.write(text)


def _markdown(body: Mapping[str, Any]) -> str:
    settings = body["settings"]
    header = header_lines({"provenance": body.get("provenance"), "comparison": body["comparison"]})
    header["model"] = f"{settings['model']}, revision {settings['revision'][:12]}"
    lines = ["# mteb", "", *(f"- {key}: {escape(value)}" for key, value in header.items()), ""]
    head, *rows = task_rows(body)
    lines.append(table(head, rows))
    if body["gates"]:
        lines += ["", "## Gates", ""]
        for g in body["gates"]:
            sign = "ok" if g["ok"] else "**failed**"
            lines.append(f"- {sign}: {escape(g['name'])}: {escape(g['verdict'])}")
    return "\n".join(lines) + "\n"
