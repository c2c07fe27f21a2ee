"""Header of a report: when and of what it was made, as labels and values for every form of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SHOWN_SETTINGS = ("run", "encoded", "task", "mode", "fusion", "fusion_parameters", "where",
                  "search", "ef", "rerank", "candidates", "depth")  # fmt: skip
"""Settings in a header, if they are set; the report has them all."""


def header_lines(body: Mapping[str, Any]) -> dict[str, str]:
    """Return label -> value: date, commit, index, model, settings, baseline; without what is not known."""
    found = provenance_lines(body.get("provenance") or {})
    model = _model(body)
    if model:
        found["model"] = model
    settings = _settings(body.get("settings") or {})
    if settings:
        found["settings"] = settings
    then = (body.get("comparison") or {}).get("baseline")
    if then:
        lines = provenance_lines(then)
        found["baseline"] = ", ".join(
            lines[key] if key == "date" else f"{key} {lines[key]}"
            for key in ("date", "commit")
            if key in lines
        )
    return found


def provenance_lines(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Return label -> value of a report's `provenance`: date, commit, index."""
    found = {}
    if date := provenance.get("date"):
        found["date"] = str(date).replace("T", " ").replace("Z", " UTC")
    if commit := provenance.get("commit"):
        changed = " with uncommitted changes" if provenance.get("dirty") else ""
        found["commit"] = f"{commit[:12]}{changed}"
    if index := provenance.get("index"):
        generation = provenance.get("generation")
        found["index"] = index if generation is None else f"{index}, generation {generation}"
    return found


def _model(body: Mapping[str, Any]) -> str:
    recipe = body.get("recipe") or {}
    if not recipe.get("model"):
        return ""
    revision, dim = recipe.get("revision"), recipe.get("dim")
    parts = [recipe["model"]]
    if revision:
        parts.append(f"revision {str(revision)[:12]}")
    if dim:
        parts.append(f"{dim} dimensions")
    return ", ".join(parts)


def _settings(settings: Mapping[str, Any]) -> str:
    shown = [(key, settings.get(key)) for key in SHOWN_SETTINGS]
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in shown
        if value not in (None, "", [], ())
    )
