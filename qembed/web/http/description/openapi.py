"""OpenAPI description of the HTTP face. Its examples work on any index."""

from __future__ import annotations

from typing import Any

from qembed.version import __version__
from qembed.web.http.description.schemas import SCHEMAS, Schema, choice, reference, text, whole
from qembed.web.http.response import JSON, HttpRequest, Response, json_response
from qembed.web.http.service import Service

QUERY = "where is my parcel"
SEARCH = {"query": QUERY, "k": 3, "by": "document"}
EVENT = {"query_id": "3f0c2b9a4d5e6f70", "action": "click", "position": 1}
INPUT = {"input": [QUERY, "late refund"], "input_type": "query"}
PAIRS = {"query": QUERY, "documents": ["The tracking page says.", "Money comes back."], "top_n": 1}
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "id of a document; slashes in it may stand as they are",
    "schema": {"type": "string"},
}
_COMMON = {
    401: "a token is wanted",
    403: "a page of another site asks",
    421: "the Host is no name of this server",
    429: "too many requests are being answered (Retry-After)",
    503: "no time now (Retry-After)",
}


def describe(url: str, with_token: bool) -> dict[str, Any]:
    """OpenAPI description, JSON values. `url`: of the server. `with_token`: it wants one."""
    security: list[dict[str, list[str]]] = [{"token": []}] if with_token else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "qembed",
            "version": __version__,
            "description": "Search of one index by meaning, as qembed query does; its models; feedback.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "security": security,
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths() -> dict[str, Any]:
    search = SCHEMAS["Search"]["properties"]
    by_url = [_parameter("q", text("the words"), QUERY, required=True)]
    by_url += [_parameter(n, _in_url(s)) for n, s in search.items() if n not in ("query", "image")]
    lines = [
        _parameter("line", whole("first line, from 1", minimum=1)),
        _parameter("end_line", whole("last line", minimum=1)),
        _parameter("passage", whole("number of a passage, from 0, instead of lines", minimum=0)),
        _parameter("context", whole("lines or passages around", minimum=0, maximum=100)),
    ]
    near = [
        *(_parameter(n, _in_url(search[n])) for n in ("k", "where")),
        _parameter("by", choice("unit of a hit", "document", "passage", default="document")),
        _parameter("score", choice("of a document's passages", "mean", "best", default="mean")),
        _parameter("passage", whole("number of the passage to compare; default: all", minimum=0)),
    ]
    return {
        "/search": {
            "get": _operation("searchByUrl", "Search", "Answer", parameters=by_url),
            "post": _operation("search", "Search", "Answer", body=("Search", SEARCH)),
        },
        "/documents/{id}": {
            "get": _operation(
                "document",
                "Read a document, or a part of it",
                "Document",
                [_ID, *lines],
                missing=True,
            )
        },
        "/thumbnails/{id}": {
            "get": _plain("thumbnail", "Show a picture small", "image/jpeg", [_ID])
        },
        "/similar/{id}": {
            "get": _operation(
                "similar", "Find what is near a document", "Similar", [_ID, *near], missing=True
            )
        },
        "/feedback": {
            "post": _operation(
                "feedback", "Log what was done with an answer", "Taken", body=("Event", EVENT)
            )
        },
        "/v1/embeddings": {
            "post": _operation(
                "embeddings", "Encode texts, as OpenAI's API", "Vectors", body=("Embeddings", INPUT)
            )
        },
        "/v1/rerank": {
            "post": _operation(
                "rerank",
                "Score texts for a query, as Jina's API",
                "Ranking",
                body=("Rerank", PAIRS),
            )
        },
        "/v1/models": {"get": _operation("models", "List the models", "Models")},
        "/choices": {
            "get": _operation("choices", "Say what a search can be given here", "Choices")
        },
        "/map": {"get": _making(_operation("map", "Draw the documents as points", "Map"))},
        "/status": {"get": _operation("status", "Describe server and index", "Status")},
        "/healthz": {"get": {**_operation("health", "Say that it runs", "Health"), "security": []}},
        "/": {"get": {**_plain("page", "The search page", "text/html"), "security": []}},
        "/metrics": {"get": _plain("metrics", "Measurements for Prometheus", "text/plain")},
        "/openapi.json": {"get": _plain("description", "This description", JSON)},
    }


def _in_url(schema: Schema) -> Schema:
    """Schema of a parameter in a URL: several texts are given by repeating it."""
    if "oneOf" not in schema:
        return schema
    return {"type": "array", "items": {"type": "string"}, "description": schema["description"]}


def _parameter(
    name: str, schema: Schema, example: Any = None, required: bool = False
) -> dict[str, Any]:
    shown = {} if example is None else {"example": example}
    return {"name": name, "in": "query", "required": required, "schema": schema, **shown}


def _operation(
    name: str,
    summary: str,
    answer: str,
    parameters: list[dict[str, Any]] | None = None,
    body: tuple[str, Any] | None = None,
    missing: bool = False,
) -> dict[str, Any]:
    """Operation. `answer`: name of its schema. `body`: (name of the schema, example)."""
    vendor = answer in ("Vectors", "Ranking", "Models")
    failed = _content(reference("OpenAIError" if vendor else "Error"))
    errors = {**_COMMON, **({400: "parameters that make no sense"} if parameters or body else {})}
    if body is not None:
        errors |= {
            408: "too slow",
            413: "too long",
            415: "no JSON",
            422: "not taken or not encodable",
        }
    if missing:
        errors[404] = "there is no such document"
    if answer == "Answer":
        errors[409] = "a cursor of another generation"
    made: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "done", "content": _content(reference(answer))},
            **{
                str(status): {"description": why, "content": failed}
                for status, why in sorted(errors.items())
            },
        },
    }
    if parameters:
        made["parameters"] = parameters
    if body is not None:
        schema, example = body
        made["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": reference(schema), "example": example}},
        }
    return made


def _making(operation: dict[str, Any]) -> dict[str, Any]:
    """Operation whose answer is made when it is first asked for."""
    answer = {
        "description": "it is being made: ask again",
        "content": _content(reference("Making")),
    }
    return {**operation, "responses": {**operation["responses"], "202": answer}}


def _plain(
    name: str, summary: str, kind: str, parameters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Operation whose answer has no schema here."""
    content: dict[str, Any] = {kind: {"schema": {}}}
    return {
        "operationId": name,
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        "responses": {"200": {"description": "done", "content": content}},
    }


def _content(schema: Schema) -> dict[str, Any]:
    return {JSON: {"schema": schema}}


async def openapi(request: HttpRequest, service: Service) -> Response:
    """Answer `GET /openapi.json`."""
    url = f"http://{request.headers['host']}"
    return json_response(describe(url, service.settings.token is not None))
