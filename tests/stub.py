"""A server that speaks OpenAI's embeddings protocol and two rerank forms, and misbehaves when told to.

It is real HTTP on a port of its own. What it embeds with is the bag of words of tests.encoders, so that its
vectors can be held against the same encoder used directly.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.encoders import Bag

Trick = Callable[["Handler", dict[str, Any]], bool]
"""Answers a request in its own way; False: the usual answer, please."""


class Server(ThreadingHTTPServer):
    """`tricks`: for the next requests, one each. `always`: for every request after those."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.encoder = Bag()
        self.tricks: list[Trick] = []
        self.always: Trick | None = None
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.end = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def texts(self) -> list[str]:
        """Every text it was ever asked to embed."""
        return [t for body in self.bodies for t in body.get("input", [])]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: apart, each answer takes 40 ms more

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        with server.lock:
            server.bodies.append(body)
            server.paths.append(self.path)
            server.keys.append(self.headers["authorization"])
            server.now += 1
            server.most = max(server.most, server.now)
            trick = server.tricks.pop(0) if server.tricks else server.always
        try:
            if trick is None or not trick(self, body):
                self.usual(body)
        finally:
            with server.lock:
                server.now -= 1

    def usual(self, body: dict[str, Any]) -> None:
        if self.path.endswith("/embeddings"):
            self.embeddings(self.vectors(body))
        elif self.path.endswith("/rerank") and "documents" not in body:
            self.answer({"detail": "documents: field required"}, 422)
        elif self.path.endswith("/rerank"):
            scores = self.scores(body["query"], body["documents"])
            items = [{"index": i, "relevance_score": s} for i, s in enumerate(scores)]
            items.sort(key=lambda item: -item["relevance_score"])
            self.answer({"model": body["model"], "results": items})
        else:
            self.answer({"detail": "Not Found"}, 404)

    def vectors(self, body: dict[str, Any]) -> list[list[float]]:
        return [[float(x) for x in v] for v in self.server.encoder.encode(body["input"])]

    @staticmethod
    def scores(query: str, documents: list[str]) -> list[float]:
        """Share of the query's words that are in each document."""
        words = set(query.lower().split())
        return [len(words & set(d.lower().split())) / len(words) for d in documents]

    def embeddings(self, vectors: list[Any]) -> None:
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        self.answer({"object": "list", "data": data})

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@contextmanager
def serving(port: int = 0) -> Iterator[Server]:
    """A server that runs while the block does."""
    server = Server(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.end.set()
        server.shutdown()
        server.server_close()
        thread.join()


# ── tricks ───────────────────────────────────────────────────────────────────────────────────────


def status(code: int, text: str = "no", **headers: str) -> Trick:
    """Answers with a status."""

    def trick(handler: Handler, body: dict[str, Any]) -> bool:
        handler.answer({"error": {"message": text}}, code, **headers)
        return True

    return trick


def says(answer: Any) -> Trick:
    """Answers 200 with this body."""

    def trick(handler: Handler, body: dict[str, Any]) -> bool:
        handler.answer(answer)
        return True

    return trick


def later(seconds: float, trick: Trick) -> Trick:
    """Answers by `trick` after a while."""

    def slow(handler: Handler, body: dict[str, Any]) -> bool:
        handler.server.end.wait(seconds)
        return trick(handler, body)

    return slow


def changed(change: Callable[[list[list[float]]], list[Any]]) -> Trick:
    """Embeds, then changes the list of vectors."""

    def trick(handler: Handler, body: dict[str, Any]) -> bool:
        handler.embeddings(change(handler.vectors(body)))
        return True

    return trick


def hang(handler: Handler, body: dict[str, Any]) -> bool:
    """Says nothing until the server ends."""
    handler.server.end.wait(10)
    handler.close_connection = True
    return True


def drop(handler: Handler, body: dict[str, Any]) -> bool:
    """Closes the connection in the middle of the answer."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")
    handler.close_connection = True
    return True


def on_poison(trick: Trick) -> Trick:
    """Answers by `trick` if a text or document contains "poison"."""

    def chosen(handler: Handler, body: dict[str, Any]) -> bool:
        given = [*(body.get("input") or body.get("documents") or body.get("texts") or [])]
        given.append(body.get("query", ""))
        return any("poison" in text for text in given) and trick(handler, body)

    return chosen


def shuffled(handler: Handler, body: dict[str, Any]) -> bool:
    """All vectors, in another order, with their indexes."""
    data = [{"index": i, "embedding": v} for i, v in enumerate(handler.vectors(body))]
    handler.answer({"data": data[::-1]})
    return True


def in_base64(handler: Handler, body: dict[str, Any]) -> bool:
    """The protocol's other form."""
    vectors = handler.server.encoder.encode(body["input"]).astype("<f4")
    handler.embeddings([base64.b64encode(v.tobytes()).decode() for v in vectors])
    return True


def at_most(texts: int) -> Trick:
    """413 for larger requests."""

    def trick(handler: Handler, body: dict[str, Any]) -> bool:
        if len(body.get("input") or body.get("documents") or []) <= texts:
            return False
        handler.answer({"error": f"batch size > maximum allowed batch size {texts}"}, 413)
        return True

    return trick


def tei_rerank(handler: Handler, body: dict[str, Any]) -> bool:
    """TEI's form of rerank: `texts`, and a bare list."""
    if "texts" not in body:
        handler.answer({"error": "missing field `texts`"}, 422)
        return True
    scores = handler.scores(body["query"], body["texts"])
    items = [{"index": i, "score": s} for i, s in enumerate(scores)]
    handler.answer(sorted(items, key=lambda item: -item["score"]))
    return True
