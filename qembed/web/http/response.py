"""Requests and responses of HTTP as values, JSON in both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes

from qembed.evaluation.formats.json_records import DuplicateKey, unique_keys
from qembed.web.http.errors import HttpError, bad_request, too_long

Message: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Message]]
JSON = "application/json"
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


class ClientGone(Exception):
    """The client has closed the connection before its answer."""


@dataclass(frozen=True, slots=True)
class Response:
    """Response. `notes`: fields for the access log."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


def json_response(value: Any, status: int = 200, **notes: Any) -> Response:
    """Response of JSON values in UTF-8; in ASCII where file names that are not UTF-8 are in them."""
    text = _ENCODER.encode(value)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        body = json.dumps(value, default=str).encode("ascii")
    return Response(status, body, notes=notes)


class HttpRequest:
    """Request whose head has arrived. `headers`: by lower-case name, the last of several."""

    def __init__(
        self, scope: Mapping[str, Any], receive: Receive, limit: int, seconds: float
    ) -> None:
        self.method: str = scope["method"]
        self.raw_path: bytes = scope["raw_path"]
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        client = scope.get("client")
        self.client: str = client[0] if client else ""
        self._query: bytes = scope["query_string"]
        self._receive = receive
        self._limit, self._seconds = limit, seconds

    @property
    def path(self) -> str:
        """Path, decoded. A part of it that is not UTF-8 stays as it is in file names."""
        return unquote_to_bytes(self.raw_path).decode("utf-8", "surrogateescape")

    @property
    def id(self) -> str:
        """Rest of the path behind its first part: an id, which may have slashes in it."""
        return self.path[1:].partition("/")[2]

    def query(self) -> dict[str, list[str]]:
        """Values of the query string by name. Raises HttpError for one that is not UTF-8."""
        found: dict[str, list[str]] = {}
        try:
            pairs = parse_qsl(
                self._query.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=200,
            )
        except (UnicodeDecodeError, ValueError) as e:
            raise bad_request(f"the query string cannot be read: {e}") from None
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return found

    async def body(self) -> bytes:
        """Body. Raises HttpError for one that is too long or too slow, ClientGone."""
        declared = self.headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > self._limit:
            raise too_long(self._limit)
        parts, length, more = [], 0, True
        try:
            async with asyncio.timeout(self._seconds):
                while more:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    parts.append(message.get("body", b""))
                    length += len(parts[-1])
                    if length > self._limit:
                        raise too_long(self._limit)
                    more = message.get("more_body", False)
        except TimeoutError:
            raise HttpError(
                408,
                "slow_request",
                f"the request took more than {self._seconds:g} seconds to arrive",
                {"Connection": "close"},
            ) from None
        return b"".join(parts)

    async def json(self) -> dict[str, Any]:
        """Body as a JSON object. Raises HttpError for another one."""
        data = await self.body()
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        # other types need no leave of a browser to be sent by a page of another site
        if kind != JSON and not kind.endswith("+json"):
            raise HttpError(
                415, "not_json", f"Content-Type: {JSON} is wanted, this is {kind or 'none'}"
            )
        if self.headers.get("content-encoding", "identity") != "identity":
            raise HttpError(415, "compressed", "Content-Encoding: a body as it is is wanted")
        try:
            found = json.loads(data, object_pairs_hook=unique_keys)
        except UnicodeDecodeError:
            raise bad_request("the body is not UTF-8") from None
        except DuplicateKey as e:
            raise bad_request(f"the body: {e}") from None
        except ValueError as e:
            raise bad_request(f"the body is not JSON: {e}") from None
        except RecursionError:
            raise bad_request("the body is not JSON: it is nested too deeply") from None
        if not isinstance(found, dict):
            raise bad_request("a JSON object is wanted")
        return found

    async def gone(self) -> None:
        """Return once the client has closed the connection. For after the body."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
