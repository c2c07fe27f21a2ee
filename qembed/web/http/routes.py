"""Routes: paths and methods to endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

from qembed.web.http.description.openapi import openapi
from qembed.web.http.endpoints.corpus_map import corpus_map
from qembed.web.http.endpoints.documents import document, picture, similar
from qembed.web.http.endpoints.feedback import feedback
from qembed.web.http.endpoints.models import embeddings, models, rerank
from qembed.web.http.endpoints.page import choices, page
from qembed.web.http.endpoints.search import search_by_body, search_by_url
from qembed.web.http.endpoints.state import health, metrics, status
from qembed.web.http.errors import HttpError
from qembed.web.http.response import HttpRequest, Response
from qembed.web.http.service import Service

Endpoint: TypeAlias = Callable[[HttpRequest, Service], Awaitable[Response]]


class Route(NamedTuple):
    """Endpoint of a request. `name`: of its path, for the log and measurements."""

    name: str
    answer: Endpoint


async def preflight(request: HttpRequest, service: Service) -> Response:
    """Answer a browser's question whether a page may ask: the headers tell."""
    return Response(204, b"")


PATHS: Mapping[str, Mapping[str, Endpoint]] = {
    "/": {"GET": page},
    "/search": {"GET": search_by_url, "POST": search_by_body},
    "/feedback": {"POST": feedback},
    "/choices": {"GET": choices},
    "/map": {"GET": corpus_map},
    "/v1/embeddings": {"POST": embeddings},
    "/v1/rerank": {"POST": rerank},
    "/v1/models": {"GET": models},
    "/status": {"GET": status},
    "/metrics": {"GET": metrics},
    "/openapi.json": {"GET": openapi},
    "/healthz": {"GET": health},
}
PREFIXES: Mapping[str, Mapping[str, Endpoint]] = {
    "/documents/": {"GET": document},
    "/thumbnails/": {"GET": picture},
    "/similar/": {"GET": similar},
}
"""Paths that go on with an id, which may have slashes in it."""


def find_route(path: str, method: str) -> Route:
    """Route of a path. Raises HttpError for a path or method that there is none for."""
    name, found = path, PATHS.get(path)
    if found is None:
        name = "/" + path[1:].partition("/")[0] + "/"
        found = PREFIXES.get(name) if len(path) > len(name) else None
    if found is None:
        known = ", ".join([*PATHS, *(f"{p}{{id}}" for p in PREFIXES)])
        raise HttpError(404, "not_found", f"there is no {path[:100]} (there are {known})")
    if method == "OPTIONS":
        return Route(name, preflight)
    # HEAD is GET whose body the protocol leaves out
    endpoint = found.get("GET" if method == "HEAD" else method)
    if endpoint is None:
        head = ["HEAD"] if "GET" in found else []
        allowed = ", ".join([*found, *head, "OPTIONS"])
        raise HttpError(
            405, "method_not_allowed", f"{name} takes {allowed}, not {method}", {"Allow": allowed}
        )
    return Route(name, endpoint)
