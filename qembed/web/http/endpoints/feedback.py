"""`/feedback`: what was done with an answer, as an event or a row of UBI."""

from __future__ import annotations

from functools import partial

from qembed.pipeline.feedback.add_events import add_objects
from qembed.web.http.errors import HttpError, bad_request
from qembed.web.http.response import HttpRequest, Response, json_response
from qembed.web.http.service import Service

WAIT_SECONDS = 10.0
"""Time that another process which changes the log is waited for."""


async def feedback(request: HttpRequest, service: Service) -> Response:
    """Answer `POST /feedback`: one event, or `{"events": […]}`."""
    body = await request.json()
    several = "events" in body
    events = body["events"] if several else [body]
    if several and (len(body) > 1 or not isinstance(events, list) or not events):
        raise bad_request("events: a list of events, and nothing else, is wanted", "events")
    if len(events) > service.settings.limits.texts:
        raise bad_request(f"events: at most {service.settings.limits.texts:,} at a time", "events")
    root = service.server.index.root
    taken = await service.calls.run(request, partial(add_objects, root, events, WAIT_SECONDS))
    found = taken.to_json()
    if taken.refused and not (taken.events or taken.queries or taken.duplicates):
        why = [r.why for r in taken.refused] if not several else [str(r) for r in taken.refused]
        message = why[0] if len(why) == 1 else "\n  ".join(["no event was taken:", *why[:20]])
        raise HttpError(422, "not_taken", message, **found)
    return json_response({"schema": 1, **found}, events=taken.events)
