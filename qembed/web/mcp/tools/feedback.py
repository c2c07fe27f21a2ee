"""`feedback`: what was done with documents that a search showed."""

from __future__ import annotations

from typing import Any

from qembed.errors import InputError, QembedError
from qembed.pipeline.feedback.add_events import add_objects
from qembed.web.http.parameters import Parameters
from qembed.web.mcp.conversation import WAIT_SECONDS
from qembed.web.mcp.tools.result import Context, ToolResult

ACTIONS = ("cite", "thumbs_up", "thumbs_down", "open", "copy")
MAX_DOCUMENTS = 100


class NoSearch(QembedError):
    """No search of this conversation was logged, so that there is nothing to give feedback on."""


class NoQueryId(QembedError):
    """No search is named, and requests that do not say whose they are have no last one."""


class NotShown(InputError):
    """Feedback on documents that the search did not show, or on a search that the log does not have."""


def feedback(given: Parameters, context: Context) -> ToolResult:
    """Log what was done. Raises InputError with all that is wrong, NoSearch, NoQueryId, others."""
    action = given.choice("action", ACTIONS, "")
    documents = given.texts("document")
    position = given.whole("position", 0, 1)
    query_id = given.text("query_id")
    told = {p.partition(":")[0] for p in given.problems}
    if not action and "action" not in told:
        given.problems.append(f"action: one of {', '.join(ACTIONS)} is wanted")
    if bool(documents) == bool(position) and not told & {"document", "position"}:
        given.problems.append("document, position: one of them is wanted")
    if len(documents) > MAX_DOCUMENTS:
        given.problems.append(f"document: at most {MAX_DOCUMENTS} at a time")
    last = context.conversation.last_query
    given.check()
    if query_id is None and not context.conversation.lasting:
        raise NoQueryId("over HTTP without a session, feedback needs the query_id of the search")
    if query_id is None and not last:
        raise NoSearch(
            "no search of this conversation was logged; queries are logged if the server was started with "
            "--log, or after `qembed feedback log on`"
        )
    events = [_event(context, action, query_id, d, None) for d in documents]
    if position:
        events.append(_event(context, action, query_id, None, position))
    taken = add_objects(context.engine.root, events, WAIT_SECONDS, "document", shown_only=True)
    refused = [r.why for r in taken.refused]
    if refused and not (taken.events or taken.duplicates):
        raise NotShown("not logged:", refused)
    lines = [f"logged: {action} of {taken.events} {'hit' if taken.events == 1 else 'hits'}"]
    lines += [f"not logged: {why}" for why in refused]
    return ToolResult("\n".join(lines), {"logged": taken.events, "refused": refused})


def _event(
    context: Context, action: str, query_id: str | None, document: str | None, position: int | None
) -> dict[str, Any]:
    """Event on a document, of the search that showed it, or on a hit of the last search."""
    talk = context.conversation
    at = None if document is None else talk.shown(document)
    name = query_id or (at.query_id if at is not None else talk.last_query)
    if position is None and at is not None and at.query_id == name:
        position = at.position
    return {
        "query_id": name,
        "action": action,
        **({} if document is None else {"object": document}),
        **({} if position is None else {"position": position}),
    }
