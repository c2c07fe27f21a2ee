"""`qembed models`: what is known of a model, and what a query and a passage become for it."""

from __future__ import annotations

from typing import Any

from qembed.models import PROFILES, passage_text, profile_for, query_text, resolve_task
from qembed.pipeline.recipe import TITLE_RULE


def known_models() -> list[dict[str, Any]]:
    """The profiles: name, query template, passage text, default task, context and dimensions."""
    return [
        {
            "name": p.name,
            "query": p.query,
            "passage": p.passage,
            "task": p.task,
            "pooling": p.pooling,
            "max_tokens": p.max_tokens,
        }
        for p in PROFILES
    ]


def show_model(spec: str, task: str | None, query: str) -> dict[str, Any]:
    """What a query and a passage become, to the byte. Reads no weights and no network."""
    profile = profile_for(spec)
    resolved = resolve_task(task, profile) if task else profile.task
    return {
        "model": spec,
        "profile": profile.name,
        "known": profile.known,
        "task": resolved,
        "template": profile.query,
        "query": query_text(profile.query, query, resolved),
        "passage": passage_text(profile.passage, TITLE_RULE, "Title", "the passage's text"),
    }
