"""Next steps: what an agent should do after an error of a tool, by the tool and the kind of error."""

from __future__ import annotations

from collections.abc import Mapping

from qembed import errors
from qembed.hints import with_index
from qembed.web.http.errors import HttpError
from qembed.web.http.parameters import WrongParameters
from qembed.web.mcp.tools.feedback import NoQueryId, NoSearch, NotShown

_USER = "on the command line of the user"
_STEPS: Mapping[type[Exception], str] = {
    WrongParameters: "call {tool} again with these arguments mended",
    NoSearch: "go on without feedback, or pass the query_id of a search that was logged",
    NoQueryId: "call {tool} again with the query_id in the search's answer; if it has none, queries are not "
    "logged: go on without feedback",
    NotShown: "use ids that a search showed, and the query_id in that search's answer",
    # of pages alone: `search` raises no other ones
    HttpError: "call search again without the cursor",
    errors.WrongFilter: "status lists the fields that `where` knows; call {tool} again with it mended",
    errors.UnknownPart: "call {tool} again with a number that the document has, or with its id alone",
    errors.UnknownDocument: "search gives ids",
    errors.NoIndex: f"`qembed index PATH` {_USER} makes it",
    errors.IndexDamaged: f"`qembed verify` {_USER} tells what is wrong and what mends it",
    errors.RecipeMismatch: f"`qembed status` {_USER} tells how the index was made",
    errors.IndexLocked: "call {tool} again in a moment",
    errors.StorageError: "go on without {tool} until the user has mended that",
    errors.ModelUnavailable: "search with mode lexical needs no model",
    errors.EncodingError: "search with mode lexical needs no model",
    errors.UsageError: "call {tool} again with that mended",
    errors.InputError: "call {tool} again with that mended",
}
"""The first kind that fits, from the error's own class upwards."""


def error_text(tool: str, error: Exception) -> str:
    """Text of an error of a tool, with the next step where there is one."""
    return _text(tool, error, _STEPS)


def resource_error_text(error: Exception) -> str:
    """Text of an error of a resource that was to be read, with the next step where there is one."""
    return _text("it", error, {**_STEPS, errors.UsageError: "search gives ids and their links"})


def _text(tool: str, error: Exception, steps: Mapping[type[Exception], str]) -> str:
    said = str(error)
    if isinstance(error, errors.WrongFilter):  # here it is no option
        said = said.removeprefix("--")
    if said.startswith("QEMBED_"):
        return f"{said}\n\nNext: the user has to mend that variable where this server is started."
    step = next((steps[k] for k in type(error).__mro__ if k in steps), "")
    return with_index(f"{said}\n\nNext: {step.format(tool=tool)}." if step else said)
