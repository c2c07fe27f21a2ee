"""The HTTP interface of bulk imports before a server that has none: as Milvus documents it, on one port.

What speaks HTTP/2, the client's gRPC, goes to the server behind. A job of import reads its files of Parquet
from a folder, the bucket, and inserts them there.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pymilvus import MilvusClient

PREFIX = "/v2/vectordb/jobs/import/"
Answer = tuple[int, dict[str, Any]]


class ImportServer(socketserver.ThreadingTCPServer):
    """`status`: of every answer; `describes`: answers on a job, the last again and again."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, behind: str, bucket: Path) -> None:
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)
        self.behind = behind
        self.bucket = bucket
        self.status = 200
        self.describes: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def created(self) -> list[dict[str, Any]]:
        """Bodies of the requests for a job."""
        return [body for what, _, body in self.asked if what == "create"]

    def finish_request(self, request: Any, client_address: Any) -> None:
        if request.recv(3, socket.MSG_PEEK) != b"PRI":
            Handler(request, client_address, self)
            return
        host, _, port = self.behind.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port))) as other:
            back = threading.Thread(target=pump, args=(other, request), daemon=True)
            back.start()
            pump(request, other)
            back.join()

    def answer(self, what: str, body: dict[str, Any]) -> Answer:
        if self.status != 200:
            return self.status, {"code": 1800, "message": "user hasn't authenticated"}
        if what == "list":
            return 200, {"code": 0, "data": {"records": []}}
        if what == "describe":
            return self.describes.pop(0) if len(self.describes) > 1 else self.describes[0]
        with contextlib.closing(MilvusClient(self.behind)) as client:
            for (name,) in body["files"]:
                rows = pq.read_table(self.bucket / name).to_pylist()
                client.insert(body["collectionName"], rows)
        return 200, {"code": 0, "data": {"jobId": "447"}}


class Handler(BaseHTTPRequestHandler):
    server: ImportServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        what = self.path.removeprefix(PREFIX)
        self.server.asked.append((what, self.headers["Authorization"], body))
        status, answer = self.server.answer(what, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def progress(state: str, percent: int, **more: Any) -> Answer:
    """Answer on a job."""
    data = {"jobId": "447", "state": state, "progress": percent, **more}
    return 200, {"code": 0, "data": data}


@contextlib.contextmanager
def serving(behind: str, bucket: Path) -> Iterator[ImportServer]:
    with ImportServer(behind, bucket) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
