"""Errors of HTTP: what was wrong as a status, a code for programs, and the command line's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qembed.errors import (
    EncodingError,
    IndexDamaged,
    IndexLocked,
    InputError,
    ModelUnavailable,
    NoIndex,
    QembedError,
    RecipeMismatch,
    StorageError,
    TextsRefused,
    UnknownDocument,
    UsageError,
)
from qembed.hints import with_index

RETRY_SECONDS = 1
"""Retry-After of what is over in a moment."""


class HttpError(Exception):
    """Answer that is an error. `code`: for programs. `headers`: further ones of the response.

    `details`: further fields of the error's JSON.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.details = details

    def to_json(self) -> dict[str, Any]:
        """Body of the response, JSON values."""
        return {"error": {"code": self.code, "message": str(self), **self.details}}

    def to_openai_json(self) -> dict[str, Any]:
        """The same in the form that OpenAI's clients read."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {
            "error": {
                "message": str(self),
                "type": kind,
                "param": self.details.get("parameter"),
                "code": self.code,
            }
        }


def bad_request(message: str, parameter: str | None = None) -> HttpError:
    """Error of a request that makes no sense. `parameter`: the name of what is wrong in it."""
    details: dict[str, Any] = {} if parameter is None else {"parameter": parameter}
    return HttpError(400, "bad_request", message, **details)


def too_long(limit: int) -> HttpError:
    """Error of a body of more bytes than are taken."""
    return HttpError(413, "too_large", f"the body is longer than {limit:,} bytes", limit=limit)


def too_busy(message: str, status: int = 503, code: str = "busy") -> HttpError:
    """Error of a server that has no time now. It says when to try again."""
    return HttpError(status, code, message, {"Retry-After": str(RETRY_SECONDS)})


_STATUSES: tuple[tuple[type[QembedError], int, str], ...] = (
    (UsageError, 400, "bad_request"),
    (InputError, 400, "bad_request"),
    (UnknownDocument, 404, "unknown_document"),
    (TextsRefused, 422, "not_encodable"),
    (EncodingError, 502, "model_failed"),
    (ModelUnavailable, 503, "model_unavailable"),
    (NoIndex, 503, "no_index"),
    (IndexLocked, 503, "locked"),
    (IndexDamaged, 500, "index_damaged"),
    (RecipeMismatch, 409, "recipe_mismatch"),
    (StorageError, 507, "storage"),
)
"""Status and code of each kind of error, the first that fits."""


def of_error(error: Exception) -> HttpError:
    """Answer for an error that answering raised. One that is no QembedError is a bug: its words stay here."""
    if isinstance(error, HttpError):
        return error
    for kind, status, code in _STATUSES:
        if isinstance(error, kind):
            headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
            problems = {}
            if isinstance(error, InputError):
                problems["problems"] = [with_index(p) for p in error.problems]
            return HttpError(status, code, with_index(str(error)), headers, **problems)
    if isinstance(error, QembedError):
        return HttpError(500, "failed", with_index(str(error)))
    return HttpError(500, "bug", "the server met a bug: its log on stderr has the traceback")
