"""`/` and `/choices`: the search page, and what a search can be given here."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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
HOLD = 20.0
"""Fields of an earlier generation are told for so many times as long as reading them took."""

OTHER_PARAMETERS = 128 << 10
"""Bytes of a request that are left for all but its picture."""


class Fields(NamedTuple):
    """Fields of a generation of the index `uid`, read in `seconds` until `read`, a monotonic time."""

    uid: str
    generation: int
    fields: list[dict[str, Any]]
    read: float
    seconds: float


kept_fields: dict[Path, Fields] = {}
_reading = threading.Lock()


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
            "generation": found.generation,
            "documents": manifest.counts.get("documents", 0),
            "fields": found.fields,
            "modes": list(MODES),
            "rerankers": [n for n in allowed_rerankers(tuned) if n != LEARNED],
            "pictures": bool(manifest.recipe.images),
            "picture_bytes": picture_bytes(service.settings.limits.body),
            "most_hits": service.settings.limits.k,
            "log": log_mode(None, service.project_log, manifest.settings.get(LOG_SETTING)),
        }
    )


def picture_bytes(body: int) -> int:
    """Largest picture that a body of JSON can hold as base64, beside the other parameters."""
    return max(0, body - OTHER_PARAMETERS) // 4 * 3


def _fields(root: Path, uid: str, generation: int) -> Fields:
    """Fields that documents of an index have; one thread reads them, others wait for it.

    All metadata are read, beside requests: of an index that changes all the time not at each change.
    """
    with _reading:
        kept = kept_fields.get(root)
        if kept is not None and kept.uid == uid:
            recent = time.monotonic() - kept.read < HOLD * kept.seconds
            if recent or kept.generation == generation:
                return kept
        began = time.monotonic()
        fields = [s.to_json() for s in describe_fields(root) if s.documents]
        read = time.monotonic()
        kept_fields[root] = Fields(uid, generation, fields, read, read - began)
        return kept_fields[root]
