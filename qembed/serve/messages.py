"""Messages between a server and its client, as JSON values.

    {"do": "status"}, {"do": "stop"}                              answered by the server itself
    {"do": "query", "version", "folder", "environ", "request"}    a call; see retrieval/request.py
    {"answer": {…}}                                               its answer; see retrieval/answer.py
    {"error": {"message", "code", "kind", "options"}}             a mistake of the request; see error_json
    {"refused": "why"}                                            the client does the work itself

Imports no other room: every `query` and `rerank` of the command line reads this.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qembed import errors
from qembed.errors import InputError, Mistakes, QembedError, TextsRefused
from qembed.serve.socket_address import relevant_environment
from qembed.version import __version__


class Refused(Exception):
    """A call that the client should do itself. The message says why."""


_UNSENT = (Mistakes, TextsRefused)
"""Classes whose further values no message has: the class above stands for them."""


def call_json(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Call of an operation, with what an answer depends on besides the request."""
    return {
        "do": operation,
        "version": __version__,
        "folder": os.getcwd(),  # noqa: PTH109 - a Path would only cost time here
        "environ": relevant_environment(),
        "request": request,
    }


def error_json(error: QembedError) -> dict[str, Any]:
    """Reply for an error. `kind`: the nearest of its classes that `errors` has."""
    kinds = (c for c in type(error).__mro__ if c not in _UNSENT)
    told = {
        "message": str(error),
        "code": error.exit_code,
        "kind": next(c.__name__ for c in kinds if c.__module__ == errors.__name__),
        "options": list(error.options),
    }
    return {"error": told | ({"problems": error.problems} if isinstance(error, InputError) else {})}


def _error_of(told: Mapping[str, Any]) -> QembedError:
    """Error as the server's work raised it: its class, for those who catch one, its words and exit code."""
    kind = getattr(errors, str(told["kind"]), None)
    if not (isinstance(kind, type) and issubclass(kind, QembedError)):
        raise TypeError(f"no error: {kind}")
    error = kind.__new__(kind, str(told["message"]))
    error.exit_code = int(told["code"])
    error.options = tuple(map(str, told["options"]))
    if isinstance(error, InputError):
        error.problems = list(map(str, told["problems"]))
    return error


def answer_of(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The answer in a reply.

    Raises Refused, the error that the work raised, and KeyError, TypeError for another form.
    """
    if "refused" in reply:
        raise Refused(str(reply["refused"]))
    if "error" in reply:
        raise _error_of(reply["error"])
    answer: dict[str, Any] = reply["answer"]
    return answer
