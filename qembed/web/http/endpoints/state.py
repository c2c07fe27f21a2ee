"""`/healthz`, `/status`, `/metrics`: whether there is a server, what it serves, how it does."""

from __future__ import annotations

from qembed.version import __version__
from qembed.web.http.errors import too_busy
from qembed.web.http.metrics import TEXT
from qembed.web.http.parameters import Parameters, from_query_string
from qembed.web.http.response import HttpRequest, Response, json_response
from qembed.web.http.service import Service


async def health(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /healthz`: ok while requests are taken."""
    if service.stopping:
        raise too_busy("the server is stopping", code="stopping")
    return json_response({"status": "ok", "version": __version__})


async def status(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /status`: the server and its index."""
    Parameters(from_query_string(request.query(), ())).check()
    running = service.server.status()
    for name in ("hello", "socket"):
        del running[name]
    return json_response({"schema": 1, "running": True, **running, **service.index_state()})


async def metrics(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /metrics`, for Prometheus."""
    return Response(200, service.metrics.text(), TEXT)
