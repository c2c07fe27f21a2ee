"""Messages between a server and its client, as JSON values.

    {"do": "status"}, {"do": "stop"}                              answered by the server itself
    {"do": "query", "version", "folder", "environ", "request"}    a call; see retrieval/request.py
    {"answer": {…}}                                               its answer; see retrieval/answer.py
    {"error": {"message", "code", "kind"}}                        a mistake of the request
    {"refused": "why"}                                            the client does the work itself

Imports no other room: every `query` and `rerank` of the command line reads this.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qembed.errors import QembedError
from qembed.serve.socket_address import relevant_environment
from qembed.version import __version__


class Refused(Exception):
    """A call that the client should do itself. The message says why."""


class CallFailed(QembedError):
    """An error that the server's work raised. `exit_code`, `kind`: the original error's, and its class."""

    def __init__(self, message: str, exit_code: int, kind: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.kind = kind


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
    """Reply for an error."""
    return {"error": {"message": str(error), "code": error.exit_code, "kind": type(error).__name__}}


def answer_of(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The answer in a reply. Raises Refused, CallFailed, KeyError, TypeError for another form."""
    if "refused" in reply:
        raise Refused(str(reply["refused"]))
    if "error" in reply:
        told = reply["error"]
        raise CallFailed(str(told["message"]), int(told["code"]), str(told["kind"]))
    answer: dict[str, Any] = reply["answer"]
    return answer
