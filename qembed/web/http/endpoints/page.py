"""`/` and `/choices`: the search page, and what a search can be given here."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from qembed.models.spec import LEARNED
from qembed.pipeline.diagnostics.fields import describe_fields
from qembed.pipeline.feedback.log_setting import LOG_SETTING, log_mode
from qembed.pipeline.retrieval.options import MODES
from qembed.web.http.errors import too_busy
from qembed.web.http.rerankers import allowed_rerankers
from qembed.web.http.response import HttpRequest, Response, json_response
from qembed.web.http.service import Service
from qembed.web.page.assemble import search_page

HTML = "text/html; charset=utf-8"
GENERATIONS_KEPT = 2
"""Generations whose fields are kept: they are made of all metadata."""


async def page(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /`. Its query string is the page's own."""
    made = search_page()
    headers = {
        "Content-Security-Policy": made.policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    return Response(200, made.body, HTML, headers)


async def choices(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /choices`: fields with their values, modes, rerankers, limits, logging."""
    session = service.server.index.session
    if session is None:
        raise too_busy("the index is being opened")
    manifest, tuned = session.snapshot.manifest, service.tuned
    root = service.server.index.root
    found = await service.calls.run(
        request, partial(_fields, root, manifest.uid, manifest.generation)
    )
    return json_response(
        {
            "schema": 1,
            "generation": manifest.generation,
            "documents": manifest.counts.get("documents", 0),
            "fields": found,
            "modes": list(MODES),
            "rerankers": [n for n in allowed_rerankers(tuned) if n != LEARNED],
            "most_hits": service.settings.limits.k,
            "log": log_mode(None, service.project_log, manifest.settings.get(LOG_SETTING)),
        }
    )


@lru_cache(GENERATIONS_KEPT)
def _fields(root: Path, uid: str, generation: int) -> list[dict[str, Any]]:
    """Summaries of an index's fields, of those that documents have. `uid`, `generation`: to keep them by."""
    return [s.to_json() for s in describe_fields(root) if s.documents]
