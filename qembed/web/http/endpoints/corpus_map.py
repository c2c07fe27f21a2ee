"""`/map`: the documents as points, for pages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from functools import partial

from qembed.hints import with_index
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.web.http.errors import too_busy
from qembed.web.http.parameters import Parameters, from_query_string
from qembed.web.http.response import JSON, HttpRequest, Response, json_response
from qembed.web.http.service import Service
from qembed.web.map.maker import Making


async def corpus_map(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /map`: the map, or 202 and how far it is while it is made. Packed for who takes gzip."""
    Parameters(from_query_string(request.query(), ())).check()
    session = service.server.index.session
    if session is None:
        raise too_busy("the index is being opened")
    manifest = session.snapshot.manifest
    found = await service.calls.run(request, partial(service.maps.ask, manifest))
    told = unfinished_warnings(service.server.index.root, manifest)
    warnings = [with_index(w) for w in told]
    if isinstance(found, Making):
        return json_response({**found.to_json(), "warnings": warnings}, 202)
    data = found.data
    if warnings:
        data = await service.calls.run(request, partial(_with_warnings, data, warnings))
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(200, data, JSON, {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    return Response(200, await service.calls.run(request, partial(gzip.decompress, data)))


def _with_warnings(data: bytes, warnings: Sequence[str]) -> bytes:
    """Packed map with warnings on what it may lack, before its own."""
    body = json.loads(gzip.decompress(data))
    body["warnings"] = [*warnings, *body["warnings"]]
    return gzip.compress(json.dumps(body, separators=(",", ":")).encode("ascii"), 1, mtime=0)
