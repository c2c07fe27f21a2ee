"""Shape of a report's other parts: what a file that was edited or cut may hold instead of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMED = ("settings", "recipe", "provenance", "inputs", "contents", "record_files", "details")
"""Parts that map names to values, or are null or absent."""


def shape_problems(report: Mapping[str, Any]) -> list[str]:
    """List what is wrong with the parts of a report that a comparison reads beside its measures."""
    wrong = [f'"{name}" is no JSON object' for name in _NAMED if not _is_map(report.get(name))]
    if wrong:
        return wrong
    provenance, inputs = report.get("provenance") or {}, report.get("inputs") or {}
    texts = [f"provenance.{n}" for n, v in provenance.items() if _is_nested(v)]
    texts += [
        f"provenance.{n}"
        for n in ("commit", "date", "index", "version")
        if not isinstance(provenance.get(n), str | None)
    ]
    wrong += [f'"{name}" is no text' for name in dict.fromkeys(texts)]
    if not isinstance(inputs.get("documents"), int | None):
        wrong.append('"inputs.documents" is no number')
    if not isinstance(report.get("queries", 0), int):
        wrong.append('"queries" is no number')
    contents = report.get("contents") or {}
    if any(not isinstance(digest, str) for digest in contents.values()):
        wrong.append('"contents" does not map documents to digests')
    files = (report.get("record_files") or {}).values()
    if not all(isinstance(f, list) and all(isinstance(n, str) for n in f) for f in files):
        wrong.append('"record_files" does not map files to documents')
    for query, detail in (report.get("details") or {}).items():
        wrong += [f'"details" of {query!r}: {what}' for what in _detail_problems(detail)]
    return wrong


def _is_map(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _detail_problems(detail: Any) -> list[str]:
    """List what is wrong with one query's details."""
    if not isinstance(detail, dict):
        return ["no JSON object"]
    wrong = []
    if not isinstance(detail.get("text"), str | None):
        wrong.append('"text" is no text')
    judged, returned = detail.get("judged"), detail.get("returned")
    if not _is_map(judged) or not all(_is_grade(g) for g in (judged or {}).values()):
        wrong.append('"judged" does not map documents to grades')
    if not isinstance(returned, list | None) or not all(map(_is_hit, returned or ())):
        wrong.append('"returned" is no list of documents')
    found, ranks = detail.get("found"), detail.get("ranks")
    if not isinstance(found, int | None):
        wrong.append('"found" is no number')
    if not _is_map(ranks) or not all(_is_grade(rank) for rank in (ranks or {}).values()):
        wrong.append('"ranks" does not map documents to numbers')
    return wrong


def _is_grade(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_hit(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and isinstance(value.get("title"), str | None)
        and isinstance(value.get("score"), int | float | None)
        and (value.get("grade") is None or _is_grade(value["grade"]))
    )
