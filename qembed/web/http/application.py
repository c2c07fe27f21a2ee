"""Application: a request from its head to the access log.

    head -> guard -> limits -> route -> endpoint -> errors -> headers -> log

ASGI, without a framework: an endpoint takes a request and returns a response, ids of documents are read from
the path as it was sent, and each answer costs as little as it can.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from qembed.web.http.access_log import AccessLog
from qembed.web.http.errors import of_error, too_busy
from qembed.web.http.guard import OPEN_PATHS, check_request, cors_headers
from qembed.web.http.response import ClientGone, HttpRequest, Receive, Response, json_response
from qembed.web.http.routes import Route, find_route
from qembed.web.http.service import Service

Send: TypeAlias = Callable[[Any], Awaitable[None]]
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of each answer: what a document contains is data in a browser, too."""
GONE = 499
"""Status in the log of a request whose client left."""


class Application:
    """ASGI application of one service. `active`: number of requests that are being answered."""

    def __init__(self, service: Service, log: AccessLog) -> None:
        self.service = service
        self.active = 0
        self._log = log

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        limits = self.service.settings.limits
        request = HttpRequest(scope, receive, limits.body, limits.read)
        began, name = time.perf_counter(), os.urandom(6).hex()
        endpoint = "unknown"
        self.active += 1
        try:
            try:
                route = self._admit(request)
                endpoint = route.name
                response = await route.answer(request, self.service)
            except ClientGone:
                self._note(request, name, endpoint, began, Response(GONE, b""))
                return
            except Exception as e:
                response = self._failure(request, e)
            headers = {
                **SECURITY,
                "X-Request-Id": name,
                **cors_headers(self.service.settings, request.method, request.headers),
                **response.headers,
            }
            if response.body or response.status != 204:
                headers["Content-Type"] = response.content_type
                headers["Content-Length"] = str(len(response.body))
            await send(
                {
                    "type": "http.response.start",
                    "status": response.status,
                    "headers": [
                        (k.lower().encode("latin-1"), v.encode("latin-1"))
                        for k, v in headers.items()
                    ],
                }
            )
            await send({"type": "http.response.body", "body": response.body})
            self._note(request, name, endpoint, began, response)
        finally:
            self.active -= 1

    def _admit(self, request: HttpRequest) -> Route:
        """Route of a request that is answered. Raises HttpError for another one."""
        service, path = self.service, request.path
        check_request(service.settings, path, request.method, request.headers)
        route = find_route(path, request.method)
        if path not in OPEN_PATHS:
            if service.stopping:
                raise too_busy("the server is stopping", code="stopping")
            if self.active > service.settings.limits.requests:
                raise too_busy(
                    f"{service.settings.limits.requests} requests are being answered",
                    429,
                    "too_many",
                )
        return route

    def _failure(self, request: HttpRequest, error: Exception) -> Response:
        answer = of_error(error)
        if answer.code == "bug":
            self._log.bug(error)
        openai = request.raw_path.startswith(b"/v1/")
        body = answer.to_openai_json() if openai else answer.to_json()
        made = json_response(body, answer.status)
        return Response(
            made.status, made.body, headers=answer.headers, notes={"error": answer.code}
        )

    def _note(
        self, request: HttpRequest, name: str, endpoint: str, began: float, response: Response
    ) -> None:
        seconds = time.perf_counter() - began
        code = response.notes.get("error")
        self.service.metrics.request(endpoint, response.status, code, seconds)
        if not self.service.settings.quiet:
            self._log.add(
                time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                id=name,
                client=request.client,
                method=request.method,
                path=request.raw_path.decode("latin-1")[:1000],
                status=response.status,
                bytes=len(response.body),
                ms=round(seconds * 1e3, 1),
                **response.notes,
            )
